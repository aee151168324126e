"""`medici-worker`: join this machine to a platform. Every option is also a setting in the environment."""

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from medici_worker.check.probe import Probe
from medici_worker.check.report import offers, told
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import EngineError
from medici_worker.gpus import GpuTableInvalid
from medici_worker.host import HostUnreachable
from medici_worker.settings import WorkerSettings
from medici_worker.tasks import serve
from medici_worker.walls import require
from medici_worker.worker import StateFolderTaken

app = typer.Typer(add_completion=False, no_args_is_help=False, invoke_without_command=True)


@app.callback()
def work(
    context: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(help="Where the platform answers. [MEDICI_URL]")] = None,
    broker_url: Annotated[str | None, typer.Option(help="redis://… or folder:///path. [MEDICI_BROKER_URL]")] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="A folder of this worker's own. [MEDICI_WORKER_STATE_DIR]")
    ] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Runs at the same time. [MEDICI_WORKER_SLOTS]")] = None,
    docker_host: Annotated[
        str | None, typer.Option(help="The container engine, as in DOCKER_HOST. [MEDICI_WORKER_DOCKER_HOST]")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="OCI runtime of the containers: runsc, kata, nvidia. [MEDICI_WORKER_RUNTIME]")
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="GPUs to use, as 'uuid, model, memory; …'; '' for none. [MEDICI_WORKER_GPUS]")
    ] = None,
) -> None:
    """Take runs from the platform's queue and execute them in containers, until Ctrl-C or SIGTERM.

    The credential that `medici worker enroll` printed is read from MEDICI_WORKER_CREDENTIAL, never from an option:
    options can be read by everybody on the machine.
    """
    if context.invoked_subcommand is not None:
        return
    options = {
        "url": url,
        "broker_url": broker_url,
        "state_dir": state_dir,
        "slots": slots,
        "docker_host": docker_host,
        "runtime": runtime,
        "gpus": gpus,
    }
    settings = _settings({name: value for name, value in options.items() if value is not None})
    try:
        serve(settings)
    except (EngineError, HostUnreachable, StateFolderTaken, GpuTableInvalid) as error:
        _refuse(str(error))


@app.command()
def check(
    *,
    docker_host: Annotated[
        str | None, typer.Option(help="The container engine, as in DOCKER_HOST. [MEDICI_WORKER_DOCKER_HOST]")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="OCI runtime of the containers: runsc, kata, nvidia. [MEDICI_WORKER_RUNTIME]")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name the attempts that were stopped, too.")] = False,
) -> None:
    """Say what this machine's container engine offers, and let a hostile program try to get out of a container.

    Reads the worker's settings, takes less than a minute, and changes nothing. Ends with an error when a wall that
    MEDICI_WORKER_REQUIRE names is missing, or when an attempt was not stopped.
    """
    given = {"docker_host": docker_host, "runtime": runtime}
    settings = _read_settings({name: value for name, value in given.items() if value is not None})
    try:
        engine = DockerEngine(settings.docker_host)
        try:
            info = engine.describe()
            for line in offers(info, settings.runtime):
                typer.echo(line)
            require(info, settings.require, settings.runtime)
            lines, is_tight = told(Probe(engine, settings.runtime, settings.holder_image).attempts(), verbose=verbose)
        finally:
            engine.close()
    except EngineError as error:
        _refuse(str(error))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(code=0 if is_tight else 1)


def main() -> None:
    app()


def _read_settings(options: dict[str, object]) -> WorkerSettings:
    try:
        return WorkerSettings(**options)  # type: ignore[arg-type]
    except ValidationError as error:
        _refuse("These settings can't be used: " + "; ".join(map(_told, error.errors())))


def _told(fault: ErrorDetails) -> str:
    """With the name of the variable, unless the sentence is one of ours that has it."""
    ours = fault["msg"].removeprefix("Value error, ")
    if ours != fault["msg"] and "MEDICI_" in ours:
        return ours
    first, *more = map(str, fault["loc"])
    name = first if first.isupper() else f"MEDICI_WORKER_{first.upper()}"
    return f"{'.'.join([name, *more])}: {ours}"


def _settings(options: dict[str, object]) -> WorkerSettings:
    settings = _read_settings(options)
    if not settings.credential.get_secret_value():
        _refuse("MEDICI_WORKER_CREDENTIAL is not set: `medici worker enroll NAME` on the platform prints one.")
    os.umask(0o077)  # what runs leave in the state folder is nobody else's
    return settings


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code=1)
