"""`medici challenge`, `medici join`, `medici participants`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.faults import BundleRejected
from medici_bundles.packing import extract_zip, pack_folder
from medici_bundles.reader import LEFT_OUT, open_bundle
from medici_bundles.schema import ChallengeDefinition
from medici_platform.cli.client import Client
from medici_platform.cli.output import CommandFailed, notes, print_json, print_table

app = typer.Typer(help="Import, update, export and list challenges.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


BundlePath = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip.")]
Name = Annotated[str, typer.Argument(metavar="CHALLENGE", help="The challenge's name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Report what would happen, and change nothing.")]


@app.command("import")
def import_bundle(
    bundle: BundlePath,
    publish: Annotated[bool, typer.Option("--publish", help="Show it to everybody at once.")] = False,
    slug: Annotated[str | None, typer.Option(help="Another name than the bundle's own.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Replace the challenge of that name.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a challenge from a bundle (CodaLab 1.5, Codabench 2 or MedICI's own) and print its slug."""
    definition = _definition(bundle)
    if update:
        if publish:
            raise CommandFailed("An update keeps the publication: run `medici challenge publish`.", code="usage")
        answer = _replace(bundle, slug or definition.slug, dry_run=dry_run)
    else:
        with _packed(bundle) as archive:
            answer = Client().upload("/challenges", archive, publish=publish, slug=slug, dry_run=dry_run)
    _tell_import(answer, as_json=as_json)


@app.command("update")
def update_challenge(challenge: Name, bundle: BundlePath, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Replace a challenge by a new version of its bundle; its submissions and participants stay."""
    _definition(bundle)
    _tell_import(_replace(bundle, challenge, dry_run=dry_run), as_json=as_json)


def _definition(bundle: Path) -> ChallengeDefinition:
    """Every fault is told here, before anything is sent."""
    try:
        with open_bundle(bundle) as opened:
            return opened.definition
    except BundleRejected as error:
        raise CommandFailed(str(error), code="bundle_rejected") from error


def _replace(bundle: Path, challenge: str, *, dry_run: bool) -> dict[str, Any]:
    with _packed(bundle) as archive:
        answer: dict[str, Any] = Client().replace(f"/challenges/{challenge}", archive, dry_run=dry_run)
    return answer


@contextmanager
def _packed(bundle: Path) -> Iterator[Path]:
    if not bundle.is_dir():
        yield bundle
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / f"{bundle.resolve().name}.zip"
        pack_folder(bundle, archive, exclude=LEFT_OUT)
        yield archive


def _tell_import(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    notes.print(f"Read as a bundle of {escape(answer['format'])}.")
    for remark in (*answer["ignored"], *answer["mapped"], *answer["notes"], *answer["remarks"]):
        notes.print(f"  {escape(remark)}")
    if answer["dry_run"]:
        for line in answer["summary"]:
            notes.print(f"  {escape(line)}")
        what = "be the first version" if answer["version"] == 1 else f"become version {answer['version']}"
        notes.print(f"Nothing was changed: {escape(answer['slug'])} would {what}.")
    elif answer["version"] > 1:
        notes.print(f"{escape(answer['slug'])} is at version {answer['version']} now.")
    typer.echo(answer["slug"])


@app.command()
def export(
    challenge: Name,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A zip, or a folder to make. Default: CHALLENGE.zip")
    ] = None,
    with_submissions: Annotated[
        bool, typer.Option("--with-submissions", help="With what participants handed in, and a table of scores.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a challenge as a bundle that any import takes (organizers)."""
    target = output or Path(f"{challenge}.zip")
    path = f"/challenges/{challenge}/export"
    if target.suffix.lower() == ".zip" and not target.is_dir():
        Client().download(path, target, submissions=with_submissions)
    else:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "bundle.zip"
            Client().download(path, archive, submissions=with_submissions)
            _unpack(archive, target)
    if as_json:
        print_json({"challenge": challenge, "bundle": str(target)})
    else:
        typer.echo(str(target))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        extract_zip(archive, folder)
    except ArchiveRejected as error:
        raise CommandFailed(f"{folder} cannot take the bundle: {error}", code="output") from error
    except OSError as error:
        raise CommandFailed(f"{folder} cannot be written: {error.strerror}.", code="output") from error


@app.command()
def collaborators(
    challenge: Name,
    add: Annotated[list[str] | None, typer.Option(help="A user who shall organize it too.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A user who no longer shall.")] = None,
    as_json: Json = False,
) -> None:
    """See who organizes a challenge, and change it (its owner)."""
    client, path = Client(), f"/challenges/{challenge}/collaborators"
    for username in add or []:
        client.put(f"{path}/{quote(username, safe='')}")
    for username in remove or []:
        client.delete(f"{path}/{quote(username, safe='')}")
    answer = client.get(path)
    if as_json:
        print_json(answer)
        return
    rows = [[answer["owner"], "owner"], *([name, "collaborator"] for name in answer["collaborators"])]
    print_table(challenge, [("Organizer", False), ("Role", False)], rows)


@app.command()
def pins(
    challenge: Name,
    clear: Annotated[int | None, typer.Option(metavar="PHASE", help="Index of a phase whose pins to forget.")] = None,
    as_json: Json = False,
) -> None:
    """See which images each phase was pinned to at its first run, and forget them (organizers)."""
    client = Client()
    if clear is not None:
        client.delete(f"/challenges/{challenge}/phases/{clear}/pins")
    answer = client.get(f"/challenges/{challenge}/pins")
    if as_json:
        print_json(answer)
        return
    rows = [[each["phase"], image, digest] for each in answer for image, digest in sorted(each["pins"].items())]
    print_table(challenge, [("Phase", False), ("Image", False), ("Pinned to", False)], rows)


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
