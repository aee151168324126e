"""What is no fault, but what the organizer should know."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from medici_bundles.dates import has_hours
from medici_bundles.parsing import dotted, part_in
from medici_bundles.schema import ChallengeDefinition, Column, Part, Phase, Task
from medici_bundles.secrecy import overlap, secret_refs
from medici_bundles.yaml_lines import Path, YamlDocument

_KEPT_ONLY: dict[type[Part], frozenset[str]] = {
    ChallengeDefinition: frozenset(
        {"auto_run_submissions", "can_participants_make_submissions_public", "competition_type", "contact_email"}
        | {"fact_sheet", "forum_enabled", "make_input_data_available", "queue", "reward", "solutions"}
        | {"show_detailed_results_in_leaderboard", "show_detailed_results_in_submission_panel"}
    ),
    Task: frozenset({"ingestion_program", "ingestion_only_during_scoring"}),
    Phase: frozenset({"auto_migrate_to_this_phase", "hide_output", "hide_prediction_output", "hide_score_output"}),
    Column: frozenset({"computation"}),
}
"""Keys that are read and kept, and that nothing acts upon yet."""

_SHOWN_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


def notes(definition: ChallengeDefinition, document: YamlDocument) -> tuple[str, ...]:
    return (
        *_missing(definition),
        *_kept_only(ChallengeDefinition, document.data, (), document),
        *_overlaps(definition),
        *_bare_ends(document),
        *_hidden_by_default(definition),
    )


def _missing(definition: ChallengeDefinition) -> Iterator[str]:
    for key in ("image", "terms", "pages"):
        if not getattr(definition, key):
            yield f"{key}: not given, which Codabench would require"
    if definition.image and not definition.image.lower().endswith(_SHOWN_IMAGES):
        yield f"image: {definition.image} is kept and not shown; use a PNG, JPEG, GIF or WebP picture"
    if not definition.docker_image:
        yield "docker_image: not given, the platform's own is used for scoring programs without a Dockerfile"


def _kept_only(model: type[Part], data: Any, path: Path, document: YamlDocument) -> Iterator[str]:
    """Of keys whose value asks for something: `hide_output: false` is what happens anyway."""
    for name, field in model.model_fields.items():
        value, below = data.get(name), (*path, name)
        asks = value not in (None, [], {}, field.get_default())
        if asks and name in _KEPT_ONLY.get(model, ()):
            yield f"{dotted(below)} (line {document.line(below)}): kept, but this version does not act upon it"
        inner = part_in(field.annotation)
        if inner is not None and isinstance(value, list):
            for place, item in enumerate(value):
                yield from _kept_only(inner, item, (*below, place), document)


def _hidden_by_default(definition: ChallengeDefinition) -> Iterator[str]:
    secrets = secret_refs(definition)
    for phase in definition.phases:
        for ref in filter(None, (phase.public_data, phase.starting_kit)):
            if any(overlap(ref, secret.ref) for secret in secrets):
                yield (
                    f"phase {phase.name!r} names {ref} for participants, which is input data of a phase that is hidden "
                    "by default, so the starting kit leaves it out; write `hidden: false` if it is public"
                )


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
