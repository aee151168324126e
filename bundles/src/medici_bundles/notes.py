"""What is no fault, but what the organizer should know."""

from collections.abc import Iterator
from itertools import pairwise

from medici_bundles.dates import has_hours
from medici_bundles.parsing import dotted
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.yaml_lines import Path, YamlDocument

_KEPT_ONLY = (
    "auto_run_submissions",
    "can_participants_make_submissions_public",
    "competition_type",
    "contact_email",
    "fact_sheet",
    "forum_enabled",
    "make_input_data_available",
    "reward",
    "solutions",
)
"""Keys that are read and kept, and that nothing acts upon yet."""

_KEPT_ONLY_OF_TASKS = ("ingestion_program", "ingestion_only_during_scoring")


def notes(definition: ChallengeDefinition, document: YamlDocument) -> tuple[str, ...]:
    return (*_missing(definition), *_kept_only(document), *_overlaps(definition), *_bare_ends(document))


def _missing(definition: ChallengeDefinition) -> Iterator[str]:
    for key in ("image", "terms", "pages"):
        if not getattr(definition, key):
            yield f"{key}: not given, which Codabench would require"
    if not definition.docker_image:
        yield "docker_image: not given, the platform's own is used for scoring programs without a Dockerfile"


def _kept_only(document: YamlDocument) -> Iterator[str]:
    paths: list[Path] = [(key,) for key in _KEPT_ONLY]
    tasks = document.data.get("tasks")
    paths += [("tasks", place, key) for place in range(len(tasks)) for key in _KEPT_ONLY_OF_TASKS]
    for path in paths:
        if path in document.lines:
            yield f"{dotted(path)} (line {document.line(path)}): kept, but this version does not act upon it"


def _overlaps(definition: ChallengeDefinition) -> Iterator[str]:
    for phase, after in pairwise(definition.phases):
        if phase.end and after.start < phase.end:
            yield f"phases {phase.name!r} and {after.name!r} overlap: participants choose the phase of a submission"


def _bare_ends(document: YamlDocument) -> Iterator[str]:
    for place, phase in enumerate(document.data["phases"]):
        end = phase.get("end")
        if end and not has_hours(end):
            path = ("phases", place, "end")
            yield f"{dotted(path)} (line {document.line(path)}): {end} ends as that day begins (00:00 UTC)"
