"""Phases as functions of a given `now`, who organizes a challenge, and what its submissions may build on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from medici_worker.protocol import BuildPolicy

if TYPE_CHECKING:
    from medici_platform.accounts.models import User
    from medici_platform.challenges.models import Challenge, Phase
    from medici_platform.settings import Settings


LOG_TAIL_LINES = 50
LOG_TAIL_CHARACTERS = 4_000
"""Of their container's log participants read so much where the phase says `logs: tail`."""


class PhaseStatus(StrEnum):
    UPCOMING = "upcoming"
    OPEN = "open"
    ENDED = "ended"


class PhaseTimes(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def max_submissions(self) -> int: ...


P = TypeVar("P", bound=PhaseTimes)


def phase_status(phase: PhaseTimes, now: datetime) -> PhaseStatus:
    """The start belongs to the phase, the end no longer does."""
    if now < phase.starts_at:
        return PhaseStatus.UPCOMING
    if phase.ends_at is not None and now >= phase.ends_at:
        return PhaseStatus.ENDED
    return PhaseStatus.OPEN


def current_phase(phases: Sequence[P], now: datetime) -> P:
    """The phase that is meant when none is named: the latest open one that takes submissions.

    With none open, the last that has ended; before the start, the first.
    """
    taking = [phase for phase in phases if phase.max_submissions > 0] or list(phases)
    for wanted in (PhaseStatus.OPEN, PhaseStatus.ENDED):
        matching = [phase for phase in taking if phase_status(phase, now) == wanted]
        if matching:
            return max(matching, key=lambda phase: (phase.starts_at, phase.index))
    return min(taking, key=lambda phase: (phase.starts_at, phase.index))


def may_organize(user: User | None, challenge: Challenge) -> bool:
    """Its owner, its collaborators, and administrators."""
    return may_own(user, challenge) or (
        user is not None and any(each.id == user.id for each in challenge.collaborators)
    )


def may_own(user: User | None, challenge: Challenge) -> bool:
    """Who decides who else organizes."""
    return user is not None and (user.is_admin or challenge.owner_id == user.id)


def build_policy(phase: Phase, settings: Settings) -> BuildPolicy:
    """What the phase says wins over what the challenge says, and that over the platform's settings."""
    challenge = phase.challenge
    return merge_policy(
        phase.build,
        image_maps=(challenge.image_map, settings.image_map),
        pulls=(challenge.pull, settings.pull),
        pins=phase.image_pins,
    )


def image_for(name: str, image_map: Mapping[str, str]) -> str:
    """The image on the workers' engines that runs under a public name: the first pattern that fits."""
    return next((image for pattern, image in image_map.items() if fnmatchcase(name, pattern)), name)


def merge_policy(
    own: Mapping[str, Any],
    *,
    image_maps: Sequence[Mapping[str, str]],
    pulls: Sequence[str | None] = (),
    pins: Mapping[str, str] | None = None,
) -> BuildPolicy:
    """Patterns are tried in order: the phase's own come first, then those of each map that no earlier one has.

    Whoever maps a name lets Dockerfiles begin with it, unless the phase lists its allowed bases itself.
    """
    merged: dict[str, str] = {}
    for image_map in (own.get("image_map", {}), *image_maps):
        merged |= {pattern: image for pattern, image in image_map.items() if pattern not in merged}
    allowed = own.get("allowed_bases") or (*_unmapped(BuildPolicy().allowed_bases, merged), *merged)
    policy = {**own, "image_map": merged, "pins": dict(pins or {}), "allowed_bases": tuple(allowed)}
    pull = next((pull for pull in (own.get("pull"), *pulls) if pull is not None), None)
    return BuildPolicy.model_validate({**policy, "pull": pull} if pull else policy)


def _unmapped(bases: Sequence[str], image_map: Mapping[str, str]) -> list[str]:
    return [base for base in bases if not any(fnmatchcase(base, pattern) for pattern in image_map)]


Moment = TypeVar("Moment", datetime, datetime | None)


def shown_moment(moment: Moment, *, exact: bool) -> Moment:
    """Whole seconds, rounded up, where the test data are hidden: a container can speak by the time that it takes.

    Rounded up, what comes after a moment that is told exactly still does. Finer is of no use to a reader, and coarser
    would hide nothing from one who asks every second whether a run has ended.
    """
    if moment is None or exact or not moment.microsecond:
        return moment
    return moment.replace(microsecond=0) + timedelta(seconds=1)


def shown_seconds(seconds: float, *, exact: bool) -> float:
    return seconds if exact else float(round(seconds))


@dataclass(frozen=True)
class ScoreFilter:
    """Which numbers a reader sees, and how exactly."""

    organizes: bool
    shown: frozenset[str]
    """Keys of the columns that everybody sees."""
    known: frozenset[str]
    """Keys of all columns."""

    def moment(self, moment: datetime | None, *, hidden_phase: bool) -> datetime | None:
        return shown_moment(moment, exact=self.organizes or not hidden_phase)

    def visible(self, scores: Mapping[str, float], *, hidden_phase: bool) -> dict[str, float]:
        """A key without a column can carry an answer of the test set: in a hidden phase the organizers alone see it."""
        return {key: value for key, value in scores.items() if self._is_visible(key, hidden_phase=hidden_phase)}

    def _is_visible(self, key: str, *, hidden_phase: bool) -> bool:
        return self.organizes or key in self.shown or (not hidden_phase and key not in self.known)
