"""`medici worker`: run one, or enrol and revoke them."""

from typing import Annotated, Any

import typer

from medici_platform.cli.client import Client
from medici_platform.cli.output import notes, print_json, print_table

app = typer.Typer(help="Run a worker (without a subcommand), or enrol and revoke workers.", invoke_without_command=True)


@app.callback()
def run(context: typer.Context) -> None:
    """Without a subcommand: run a worker on this machine, as `medici-worker` does, by MEDICI_* settings."""
    if context.invoked_subcommand is None:
        from medici_worker.cli import app as worker  # noqa: PLC0415 - the engine's library loads only where it is used

        worker(args=[], prog_name="medici worker")


@app.command()
def check(verbose: Annotated[bool, typer.Option("--verbose", "-v")] = False) -> None:
    """Let a hostile program try to get out of a container of this machine, as `medici-worker check` does."""
    from medici_worker.cli import app as worker  # noqa: PLC0415 - see above

    worker(args=["check", *(["--verbose"] if verbose else [])], prog_name="medici worker")


@app.command()
def enroll(
    name: Annotated[str, typer.Argument(help="A name for the machine.")],
    queue: Annotated[str, typer.Option(help="The queue that it serves.")] = "default",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Enrol a worker and print its credential, once (administrators)."""
    answer = Client().post("/workers", {"name": name, "queue": queue})
    if as_json:
        print_json(answer)
        return
    notes.print(f"On {name}: set MEDICI_WORKER_CREDENTIAL to this, shown once:")
    typer.echo(answer["credential"])


@app.command()
def revoke(name: str) -> None:
    """End a worker's credential (administrators)."""
    Client().delete(f"/workers/{name}")
    notes.print(f"The worker {name} can no longer claim runs.")


def _fault(worker: dict[str, Any]) -> str:
    faults = {"engine away": worker["is_engine_away"], "disk full": worker["is_low_on_disk"]}
    return ", ".join(fault for fault, is_so in faults.items() if is_so) or "–"


@app.command("list")
def list_workers(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """The enrolled workers (administrators)."""
    workers = Client().get("/workers")
    if as_json:
        print_json(workers)
        return
    rows = [
        [
            each["name"],
            each["hostname"],
            str(each["slots"]),
            ", ".join(each["gpus"]) or "–",
            _fault(each),
            each["seen_at"] or "never",
        ]
        for each in workers
    ]
    columns = [
        ("Name", False),
        ("Host", False),
        ("Slots", True),
        ("GPUs", False),
        ("Takes no run", False),
        ("Seen", False),
    ]
    print_table("Workers", columns, rows)
