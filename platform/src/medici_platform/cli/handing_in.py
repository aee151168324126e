"""What `medici submit` does before it uploads: say what the file is, and refuse here what the phase would refuse."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.markup import escape

from medici_platform.cli.client import Client, open_file
from medici_platform.cli.output import CommandFailed, notes, print_json
from medici_platform.errors import MediciError
from medici_platform.presentation.formats import size
from medici_platform.settings import Settings
from medici_platform.submissions.fact_sheets import answered
from medici_platform.submissions.packages import recognised, require_taken
from medici_platform.submissions.references import parse_reference, require_allowed
from medici_platform.submissions.rules import require_kind
from medici_platform.submissions.schemas import FormOut


@dataclass(frozen=True)
class Handed:
    """What the command was given."""

    challenge: str
    phase: str | None
    file: Path | None
    image: str | None
    answers: dict[str, Any]


def hand_in(client: Client, handed: Handed, *, check: bool, quiet: bool) -> Any:
    """Upload it, or with `check` have it looked through by the platform. Returns the platform's answer."""
    if (handed.file is None) == (handed.image is None):
        raise CommandFailed("Name either a file or, with --image, an image.", code="no_file")
    asked = FormOut.model_validate(client.get(f"/challenges/{handed.challenge}/submission-form", phase=handed.phase))
    try:
        sentence = _look_at(handed, asked)
        answers = handed.answers if check else answered(asked.questions, handed.answers)
    except MediciError as refused:
        if check and refused.code in ("kind_not_accepted", "image_not_allowed"):
            sentence, answers = "", handed.answers  # the platform says so, and what else there is to say
        else:
            raise CommandFailed(refused.message, code=refused.code) from refused
    if sentence and not quiet:
        notes.print(escape(sentence))
    path = f"/challenges/{handed.challenge}/submissions"
    query: dict[str, Any] = {"phase": handed.phase, "check": True if check else None}
    if handed.file is None:
        return client.post(path, {"image": handed.image, "fact_sheet": answers}, **query)
    return client.upload(path, handed.file, fields={"fact_sheet": json.dumps(answers)}, **query)


def conclude_check(found: dict[str, Any], *, as_json: bool) -> None:
    """A file that the phase does not take ends the command with a non-zero status."""
    if as_json:
        print_json(found)
    else:
        notes.print(escape(found["message"]))
        for sentence in found["still_asked"]:
            notes.print(escape(f"Before you hand it in: {sentence}"))
    if not found["accepted"]:
        raise typer.Exit(1)


def read_facts(pairs: Sequence[str], file: Path | None) -> dict[str, Any]:
    """The file's answers, with those of `--fact` in their place."""
    answers = _facts_in(file) if file else {}
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found:
            raise CommandFailed(f"--fact {pair!r} must be KEY=VALUE.", code="fact_sheet")
        answers[key.strip()] = value
    return answers


def _facts_in(file: Path) -> dict[str, Any]:
    with open_file(file) as content:
        text = content.read().decode("utf-8", "replace")
    try:
        answers = json.loads(text) if file.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise CommandFailed(f"{file} cannot be read: it must be JSON or YAML.", code="fact_sheet") from error
    if not isinstance(answers, dict):
        raise CommandFailed(f"{file} must map the questions' keys to answers.", code="fact_sheet")
    return {str(key): answer for key, answer in answers.items()}


def _look_at(handed: Handed, asked: FormOut) -> str:
    if handed.file is None:
        reference = parse_reference(handed.image or "")
        require_kind("image", asked.accepted, phase=asked.phase)
        require_allowed(reference, asked.allowed_images, phase=asked.phase)
        return f"The image {reference}."
    with open_file(handed.file):
        size_bytes = handed.file.stat().st_size
    if size_bytes > asked.max_upload_bytes:
        raise CommandFailed(
            f"{handed.file.name} has {size(size_bytes)}: the limit for one upload is {size(asked.max_upload_bytes)}.",
            code="too_large",
        )
    found = recognised(handed.file, Settings(), asked)
    require_taken(found, asked)
    return f"{handed.file.name} is {found.sentence}."
