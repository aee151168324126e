"""`medici-worker`: join this machine to a platform. Every option is also a setting in the environment."""

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from medici_worker.containers.engine import EngineError
from medici_worker.gpus import GpuTableInvalid
from medici_worker.host import HostUnreachable
from medici_worker.settings import WorkerSettings
from medici_worker.tasks import serve
from medici_worker.worker import StateFolderTaken

app = typer.Typer(add_completion=False, no_args_is_help=False)


@app.command()
def work(
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


def main() -> None:
    app()


def _settings(options: dict[str, object]) -> WorkerSettings:
    try:
        settings = WorkerSettings(**options)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        _refuse("These settings can't be used: " + "; ".join(lines))
    if not settings.credential.get_secret_value():
        _refuse("MEDICI_WORKER_CREDENTIAL is not set: `medici worker enroll NAME` on the platform prints one.")
    os.umask(0o077)  # what runs leave in the state folder is nobody else's
    return settings


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code=1)
