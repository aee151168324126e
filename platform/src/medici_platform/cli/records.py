"""`medici record` and `medici verify`: signed records of runs, downloaded and checked."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError
from rich.markup import escape

from medici_platform.cli.challenges import Json
from medici_platform.cli.client import Client
from medici_platform.cli.output import CommandFailed, notes, print_json, results
from medici_platform.runs.record_format import Record
from medici_platform.signing import PUBLIC_KEY, NotGenuine, checked, key_id_of

LARGEST_RECORD_BYTES = 4 * 1024**2

Keys = Mapping[str, str]


class Verdict(NamedTuple):
    file: str
    genuine: bool
    sentence: str
    record: dict[str, Any] | None
    submission: str | None = None
    """What the file given with --submission is to the record."""

    @property
    def is_good(self) -> bool:
        return self.genuine and self.submission != ""


def record(
    number: Annotated[int, typer.Argument(metavar="ID", help="The submission's number; with --run, a run's.")],
    is_run: Annotated[bool, typer.Option("--run", help="ID is the number of a run.")] = False,
    task: Annotated[int | None, typer.Option("--task", help="Index of one task; default: all of them.")] = None,
    attempt: Annotated[int | None, typer.Option(help="Default: the latest that has ended.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, or a folder that is there. Default: here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Download the signed record of a run: what was run, on what, and what came of it."""
    client = Client()
    runs = [number] if is_run else _runs_of(client, number, task)
    target = output or Path()
    if len(runs) > 1 and not target.is_dir():
        raise CommandFailed(f"Submission {number} has {len(runs)} tasks: name one with --task, or a folder with -o.")
    files = [_download(client, run, attempt, target) for run in runs]
    if as_json:
        print_json(files)
    else:
        for each in files:
            typer.echo(each["file"])


def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Records, as they were downloaded.")],
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="HEX", help="A public key to trust; repeatable.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Public keys to trust: a file from /api/v1/signing-keys, or one key a line.")
    ] = None,
    submission: Annotated[
        Path | None, typer.Option(help="Whether this file is what the record is about: the upload, or the outputs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that records were signed by the platform (MEDICI_URL, or offline --key, --keys) and not changed since."""
    trusted = _trusted(key or [], keys)
    digest = _sha256(submission) if submission else None
    verdicts = [_judged(file, trusted, digest) for file in files]
    if as_json:
        print_json([each._asdict() for each in verdicts])
    else:
        for each in verdicts:
            _print(each)
    if not all(each.is_good for each in verdicts):
        raise typer.Exit(1)


def _runs_of(client: Client, submission: int, task: int | None) -> list[int]:
    runs = client.get(f"/submissions/{submission}/runs")
    chosen = [run["id"] for run in runs if task is None or run["task_index"] == task]
    if not chosen:
        raise CommandFailed(f"Submission {submission} has no run" + ("." if task is None else f" of a task {task}."))
    return chosen


def _download(client: Client, run: int, attempt: int | None, target: Path) -> dict[str, Any]:
    if target.is_dir():
        target /= f"run-{run}" + (f"-attempt-{attempt}" if attempt is not None else "") + "-record.json"
    client.download(f"/runs/{run}/record", target, attempt=attempt)
    return {"run": run, "file": str(target)}


def _trusted(given: Sequence[str], file: Path | None) -> Keys:
    if not given and file is None:
        return {each["key_id"]: each["public_key"] for each in Client().get("/signing-keys")["keys"]}
    found = [*given, *(_keys_in(file) if file else ())]
    for each in found:
        if not PUBLIC_KEY.fullmatch(each):
            raise CommandFailed(f"{each[:80]!r} is no public key: it is written as 64 digits and letters a to f.")
    return {key_id_of(each): each for each in found}


def _keys_in(file: Path) -> Iterator[str]:
    text = _read(file).decode(errors="replace")
    try:
        found = [str(each["public_key"]) for each in json.loads(text)["keys"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = text.split()
    if not found:
        raise CommandFailed(f"{file} holds no public key: fetch it from the platform's /api/v1/signing-keys.")
    yield from found


def _judged(file: Path, trusted: Keys, digest: str | None) -> Verdict:
    try:
        content = checked(_read(file), trusted)
        signed = Record.model_validate(content)
    except CommandFailed as unreadable:
        return Verdict(str(file), genuine=False, sentence=unreadable.message, record=None)
    except NotGenuine as wrong:
        return Verdict(str(file), genuine=False, sentence=f"{file} {wrong.message}", record=None)
    except ValidationError:
        sentence = f"{file} is signed, but it is no record that this MedICI can read."
        return Verdict(str(file), genuine=False, sentence=sentence, record=None)
    sentence = f"{file} is genuine: {_told(signed)}"
    return Verdict(str(file), genuine=True, sentence=sentence, record=content, submission=_part_of(signed, digest))


def _told(record: Record) -> str:
    about, attempt = record.challenge, record.attempt
    came_to = [attempt.outcome.replace("_", " "), *(f"{key} {value!r}" for key, value in sorted(record.scores.items()))]
    return (
        f"submission {record.submission.id} to {about.slug} (version {about.version}), phase {about.phase}, "
        f"task {about.task}, run {attempt.run}, attempt {attempt.attempt}, "
        f"which ended {attempt.ended_at:%Y-%m-%d %H:%M} UTC: {', '.join(came_to)}. By {record.platform.url}."
    )


def _part_of(record: Record, digest: str | None) -> str | None:
    """None: no file was given. Empty: the file is not the one that the record names."""
    if digest is None:
        return None
    known = {record.submission.package_sha256: "package", record.submission.upload_sha256: "upload"}
    if record.organizers and record.organizers.outputs_sha256:
        known[record.organizers.outputs_sha256] = "outputs"
    return known.get(digest, "")


def _print(verdict: Verdict) -> None:
    if not verdict.genuine:
        notes.print(f"[bold red]Error:[/] {escape(verdict.sentence)}")
        return
    results.print(escape(verdict.sentence))
    if verdict.submission == "":
        notes.print("[bold red]Error:[/] The file given with --submission is another than the one in the record.")
    elif verdict.submission:
        results.print(f"The file given with --submission is the {verdict.submission} of this record.")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_RECORD_BYTES + 1)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_RECORD_BYTES:
        raise CommandFailed(f"{file} is too large to be a record.")
    return content


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
