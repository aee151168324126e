"""`medici challenge`, `medici join`, `medici participants`."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medici_bundles.faults import BundleRejected
from medici_bundles.packing import pack_folder
from medici_bundles.reader import LEFT_OUT, open_bundle
from medici_platform.cli.client import Client
from medici_platform.cli.output import CommandFailed, notes, print_json, print_table

app = typer.Typer(help="Create and list challenges.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("import")
def import_bundle(
    bundle: Annotated[Path, typer.Argument(help="A bundle: a folder or a zip.")],
    publish: Annotated[bool, typer.Option("--publish", help="Show it to everybody at once.")] = False,
    slug: Annotated[str | None, typer.Option(help="Another name than the bundle's own.")] = None,
    as_json: Json = False,
) -> None:
    """Make a challenge from a bundle and print its slug."""
    try:
        with open_bundle(bundle):  # every fault is told here, before anything is sent
            pass
    except BundleRejected as error:
        raise CommandFailed(str(error), code="bundle_rejected") from error
    with tempfile.TemporaryDirectory() as folder:
        archive = bundle
        if bundle.is_dir():
            archive = Path(folder) / f"{bundle.resolve().name}.zip"
            pack_folder(bundle, archive, exclude=LEFT_OUT)
        answer = Client().upload("/challenges", archive, publish=publish, slug=slug)
    for remark in answer["remarks"]:
        notes.print(f"  {escape(remark)}")
    if as_json:
        print_json(answer)
    else:
        typer.echo(answer["slug"])


@app.command("list")
def list_challenges(as_json: Json = False) -> None:
    """The challenges that you can see."""
    challenges = list(Client().listing("/challenges"))
    if as_json:
        print_json(challenges)
        return
    rows = [
        [
            each["slug"],
            each["title"],
            ", ".join(f"{phase['name']} ({phase['status']})" for phase in each["phases"]),
            "published" if each["published"] else "draft",
        ]
        for each in challenges
    ]
    print_table("Challenges", [("Name", False), ("Title", False), ("Phases", False), ("State", False)], rows)


@app.command()
def publish(challenge: str, as_json: Json = False) -> None:
    """Show a challenge to everybody."""
    answer = Client().post(f"/challenges/{challenge}/publish")
    if as_json:
        print_json(answer)
    else:
        notes.print(f"{escape(challenge)} is published.")


@app.command()
def migrate(
    challenge: str,
    to: Annotated[str, typer.Option(help="Name or index of the phase to fill.")],
    as_json: Json = False,
) -> None:
    """Enter what stands on the boards of the phase before into another phase (organizers)."""
    answer = Client().post(f"/challenges/{challenge}/migrate", to=to)
    if as_json:
        print_json(answer)
    else:
        notes.print(f"{answer['entered']} entered into {escape(answer['phase'])}.")


def join(challenge: str, as_json: Json = False) -> None:
    """Accept a challenge's terms and take part."""
    answer = Client().post(f"/challenges/{challenge}/participants")
    if as_json:
        print_json(answer)
    elif answer["status"] == "approved":
        notes.print(f"You take part in {challenge}.")
    else:
        notes.print(f"You have asked to take part in {challenge}: the organizers decide.")


class Decision(StrEnum):
    APPROVE = "approve"
    DENY = "deny"


def participants(
    challenge: Annotated[str, typer.Argument(help="The challenge's name.")],
    decision: Annotated[Decision | None, typer.Argument(help="Without it: list who takes part.")] = None,
    username: Annotated[str | None, typer.Argument(help="Whom to approve or deny.")] = None,
    as_json: Json = False,
) -> None:
    """See who takes part and who has asked to, and decide it (organizers)."""
    if decision is None:
        _list_participants(challenge, as_json=as_json)
    elif username is None:
        raise CommandFailed(f"Name the user too: medici participants {challenge} {decision} USERNAME.", code="usage")
    else:
        answer = Client().post(f"/challenges/{challenge}/participants/{username}/{decision}")
        if as_json:
            print_json(answer)
        else:
            takes = "takes" if decision == Decision.APPROVE else "does not take"
            notes.print(f"{escape(username)} {takes} part in {escape(challenge)}.")


def _list_participants(challenge: str, *, as_json: bool) -> None:
    people = list(Client().listing(f"/challenges/{challenge}/participants"))
    if as_json:
        print_json(people)
        return
    rows = [[each["username"], each["status"], each["joined_at"]] for each in people]
    print_table(challenge, [("Participant", False), ("Status", False), ("Since", False)], rows)
