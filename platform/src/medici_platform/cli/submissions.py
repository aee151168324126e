"""`medici submit`, `watch`, `cancel`, `start`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from medici_platform.cli.challenges import Json
from medici_platform.cli.client import Client
from medici_platform.cli.handing_in import Handed, conclude_check, hand_in, read_facts
from medici_platform.cli.output import CommandFailed, notes, print_json, results
from medici_platform.presentation.formats import log_text

PhaseOption = Annotated[str | None, typer.Option("--phase", help="Name or index; default: the current phase.")]
Identifier = Annotated[int, typer.Argument(metavar="ID", help="The submission's number.")]

TaskOption = Annotated[int | None, typer.Option("--task", help="Index of one task; default: all of them.")]


def submit(  # noqa: PLR0913, PLR0917 - its options
    challenge: str,
    file: Annotated[
        Path | None,
        typer.Argument(help="A zip with a Dockerfile, with code, or with predictions; or an image from `docker save`."),
    ] = None,
    phase: PhaseOption = None,
    image: Annotated[
        str | None, typer.Option(help="Instead of a file: an image's name with its digest, registry/name@sha256:…")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option("--fact", metavar="KEY=VALUE", help="An answer of the fact sheet; repeatable.")
    ] = None,
    facts: Annotated[Path | None, typer.Option(help="A JSON or YAML file with the fact sheet's answers.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say what it is and what it would cost; hand in nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    as_json: Json = False,
) -> None:
    """Hand in a submission. With --wait the exit status tells whether it was scored."""
    client = Client()
    try:
        sent = hand_in(
            client, Handed(challenge, phase, file, image, read_facts(fact or [], facts)), check=check, quiet=as_json
        )
    except CommandFailed as refused:
        if as_json:
            print_json(
                {"id": None, "state": "refused", "failure": refused.code, "message": refused.message, "scores": {}}
            )
            raise typer.Exit(1) from refused
        raise
    if check:
        conclude_check(sent, as_json=as_json)
        return
    if not as_json:
        notes.print(
            f"Submission {sent['id']} to {challenge}, phase {sent['phase']}: {sent['state']}. {sent['waiting']}"
        )
    if wait:
        sent = follow(client, sent["id"], quiet=as_json)
    conclude(sent, as_json=as_json)


def watch(submission: Identifier, as_json: Json = False) -> None:
    """Follow a submission to its end: its stages, its log, its scores."""
    conclude(follow(Client(), submission, quiet=as_json), as_json=as_json)


def cancel(submission: Identifier, as_json: Json = False) -> None:
    """Stop a submission: its container ends within seconds."""
    say(Client().post(f"/submissions/{submission}/cancel"), as_json=as_json)


def start(submission: Identifier, as_json: Json = False) -> None:
    """Start a submission that waits for an organizer's word (organizers)."""
    say(Client().post(f"/submissions/{submission}/start"), as_json=as_json)


def follow(client: Client, submission_id: int, *, quiet: bool) -> dict[str, Any]:
    printed: set[str] = set()

    def show(submission: dict[str, Any], runs: list[dict[str, Any]], text: str) -> None:
        for run in runs:
            line = f"  {run['task']}: {run['state']}" + (f" – {run['waiting']}" if run["waiting"] else "")
            if line not in printed:
                printed.add(line)
                notes.print(escape(line))
        if text:
            notes.print(escape(log_text(text)), end="", style="dim")
        if not runs:
            notes.print(f"  {submission['state']}")

    submission: dict[str, Any] = client.follow(submission_id, (lambda *_: None) if quiet else show)
    return submission


def conclude(submission: dict[str, Any], *, as_json: bool) -> None:
    """Print the result; a submission that has failed ends the command with a non-zero status."""
    if as_json:
        print_json(submission)
    elif submission["state"] in ("finished", "failed", "cancelled"):
        print_end(submission)
    fail_unless_scored(submission)


def fail_unless_scored(submission: dict[str, Any]) -> None:
    if submission["state"] in ("failed", "cancelled"):
        raise typer.Exit(1)


def print_end(submission: dict[str, Any]) -> None:
    if submission["failure"]:
        notes.print(f"[red]{submission['failure']}[/] ({submission['fault']}): {escape(submission['message'])}")
    for key, value in submission["scores"].items():
        results.print(f"{escape(key)}: {value:.6g}")


def say(submission: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(submission)
    else:
        notes.print(f"Submission {submission['id']}: {submission['state']}.")
