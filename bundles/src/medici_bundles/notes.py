"""What is no fault, but what the organizer should know."""

import re
from collections.abc import Iterator
from itertools import pairwise

from medici_bundles.dates import has_hours
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.secrecy import overlap, secret_refs
from medici_bundles.yaml_lines import YamlDocument

_SHOWN_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_OF_ALL_ENTRIES = ("avg_rank", "reciprocal_rank")
_BEST_STANDS = ("Force_Best", "Add", "Add_And_Delete", "Add_And_Delete_Multiple")
_PYTHON_2 = re.compile(
    r"^(docker\.io/)?((library/)?python:2\b|codalab/(codalab-legacy|default)(:latest|:py2\d*)?$|.*:(py|python)-?2(\.?7)?\b)"
)


def notes(definition: ChallengeDefinition, document: YamlDocument) -> tuple[str, ...]:
    return (
        *_missing(definition, document),
        *_queue(definition, document),
        *_python_2(definition, document),
        *_for_codabench(definition, document),
        *_overlaps(definition),
        *_bare_ends(document),
        *_hidden_by_default(definition),
        *_frozen_for_ever(definition),
        *_ordered_by_ranks(definition),
    )


def _missing(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[str]:
    for key in ("image", "terms", "pages"):
        if not getattr(definition, key):
            yield f"{document.name((key,)) or key}: not given, which Codabench would require"
    if definition.image and not definition.image.lower().endswith(_SHOWN_IMAGES):
        yield f"image: {definition.image} is kept and not shown; use a PNG, JPEG, GIF or WebP picture"
    if not definition.docker_image:
        name = document.name(("docker_image",))
        yield f"{name}: not given, the platform's own is used for scoring programs without a Dockerfile"


def _queue(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[str]:
    if definition.queue:
        line = document.line(("queue",))
        yield f"queue (line {line}): {definition.queue} is used if a queue of that name exists here"


def _python_2(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[str]:
    if definition.docker_image and _PYTHON_2.match(definition.docker_image):
        path = ("docker_image",)
        yield (
            f"{document.name(path)} (line {document.line(path)}): {definition.docker_image} runs Python 2; programs "
            "run under Python 3 here, and one that needs Python 2 will fail"
        )


def _for_codabench(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[str]:
    """What Codabench would refuse when the bundle goes there."""
    for place, board in enumerate(definition.leaderboards):
        for key, most in (("key", 36), ("title", 64)):
            if len(getattr(board, key)) > most:
                path = ("leaderboards", place, key)
                where = f"{document.name(path)} (line {document.line(path)})"
                yield f"{where}: has more than {most} characters, the most that Codabench takes"


def _frozen_for_ever(definition: ChallengeDefinition) -> Iterator[str]:
    for phase in definition.phases:
        if phase.freeze_at and phase.end is None:
            yield f"phase {phase.name!r} has no end, so its leaderboards stay frozen from {phase.freeze_at} on"


def _ordered_by_ranks(definition: ChallengeDefinition) -> Iterator[str]:
    for board in definition.leaderboards:
        ranking = next((each for each in board.columns if each.index == board.primary_index), board.columns[0])
        if ranking.computation in _OF_ALL_ENTRIES and board.submission_rule in _BEST_STANDS:
            yield (
                f"leaderboard {board.title!r} is ordered by ranks among its entries, which tell no best of one "
                f"participant's submissions: with {board.submission_rule} the latest stands there by itself"
            )


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
    shared = {phase.index for phase in definition.phases if phase.parallel}
    phases = [phase for phase in definition.phases if phase.parent not in shared]
    for phase, after in pairwise(phases):
        if phase.end and after.start < phase.end:
            yield f"phases {phase.name!r} and {after.name!r} overlap: participants choose the phase of a submission"


def _bare_ends(document: YamlDocument) -> Iterator[str]:
    seen: set[str] = set()
    for place, phase in enumerate(document.data["phases"]):
        end, path = phase.get("end"), ("phases", place, "end")
        name = document.name(path)
        if end and not has_hours(end) and name not in seen:
            seen.add(name)
            yield f"{name} (line {document.line(path)}): {end} ends as that day begins (00:00 UTC)"
