"""Who may submit, and when. Pure: `now` and counts are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medici_platform.challenges.rules import PhaseStatus, phase_status
from medici_platform.errors import Conflict, MediciError, NotAllowed

if TYPE_CHECKING:
    from medici_platform.challenges.models import Phase


class PhaseClosed(NotAllowed):
    code = "phase_closed"


class SubmissionLimitReached(Conflict):
    code = "submission_limit_reached"


class KindNotAccepted(MediciError):
    code = "kind_not_accepted"


@dataclass(frozen=True)
class Quota:
    """What a participant has left in a phase. Days are UTC days."""

    used_total: int
    used_today: int
    max_total: int
    max_per_day: int
    next_day_at: datetime

    @property
    def left(self) -> int:
        return max(0, min(self.max_total - self.used_total, self.max_per_day - self.used_today))


def quota(phase: Phase, *, used_total: int, used_today: int, now: datetime) -> Quota:
    return Quota(
        used_total,
        used_today,
        phase.max_submissions,
        phase.max_submissions_per_day,
        start_of_day(now) + timedelta(days=1),
    )


def start_of_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def require_open(phase: Phase, now: datetime) -> None:
    status = phase_status(phase, now)
    if phase.max_submissions == 0:
        raise PhaseClosed(f"The phase {phase.name!r} takes no submissions.")
    if status == PhaseStatus.UPCOMING:
        raise PhaseClosed(f"The phase {phase.name!r} has not begun: it opens on {_when(phase.starts_at)}.")
    if status == PhaseStatus.ENDED and phase.ends_at:
        raise PhaseClosed(f"The phase {phase.name!r} is closed: it ended on {_when(phase.ends_at)}.")


def require_quota(phase: Phase, quota: Quota) -> None:
    if quota.used_total >= quota.max_total:
        raise SubmissionLimitReached(f"You have used all {quota.max_total} submissions of the phase {phase.name!r}.")
    if quota.used_today >= quota.max_per_day:
        raise SubmissionLimitReached(
            f"You have used all {quota.max_per_day} submissions of today in the phase {phase.name!r}: "
            f"the next one is possible from {_when(quota.next_day_at)}."
        )


def require_kind(phase: Phase, kind: str) -> None:
    if kind not in phase.accepts:
        accepted = " or ".join(_KINDS.get(accepted, accepted) for accepted in phase.accepts)
        raise KindNotAccepted(
            f"This is {_KINDS.get(kind, kind)}, which the phase {phase.name!r} does not take: it takes {accepted}."
        )


_KINDS = {
    "container": "a container submission (a zip with a Dockerfile)",
    "results": "a result submission (a zip with predictions)",
}


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
