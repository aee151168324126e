"""Phases as functions of a given `now`, and what their submissions may build on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from medici_worker.protocol import BuildPolicy


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


def build_policy(own: Mapping[str, Any], image_map: Mapping[str, str]) -> BuildPolicy:
    """Of a phase's own settings. Its map entries come first, and win; the platform's fill in."""
    phase_map: dict[str, str] = own.get("image_map", {})
    filled = {**phase_map, **{name: image for name, image in image_map.items() if name not in phase_map}}
    return BuildPolicy.model_validate({**own, "image_map": filled})


@dataclass(frozen=True)
class ScoreFilter:
    """Which numbers a reader sees."""

    organizes: bool
    shown: frozenset[str]
    """Keys of the columns that everybody sees."""
    known: frozenset[str]
    """Keys of all columns."""

    def visible(self, scores: Mapping[str, float], *, hidden_phase: bool) -> dict[str, float]:
        """A key without a column can carry an answer of the test set: in a hidden phase the organizers alone see it."""
        return {key: value for key, value in scores.items() if self._is_visible(key, hidden_phase=hidden_phase)}

    def _is_visible(self, key: str, *, hidden_phase: bool) -> bool:
        return self.organizes or key in self.shown or (not hidden_phase and key not in self.known)
