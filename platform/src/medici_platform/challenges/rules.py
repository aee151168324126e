"""Phases as functions of a given `now`."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar


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
