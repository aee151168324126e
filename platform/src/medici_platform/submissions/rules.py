"""Who may submit, and when. Pure: `now` and counts are passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medici_bundles.submissions import KINDS
from medici_platform.challenges.rules import PhaseStatus, phase_status
from medici_platform.errors import Conflict, MediciError, NotAllowed
from medici_platform.states import State

if TYPE_CHECKING:
    from medici_platform.challenges.models import Phase


class PhaseClosed(NotAllowed):
    code = "phase_closed"


class SubmissionLimitReached(Conflict):
    code = "submission_limit_reached"


class KindNotAccepted(MediciError):
    code = "kind_not_accepted"


class ParentNotPassed(NotAllowed):
    code = "parent_not_passed"


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
    """Open, or past its end and still within the time for late submissions."""
    if phase.max_submissions == 0:
        raise PhaseClosed(f"The phase {phase.name!r} takes no submissions.")
    status = phase_status(phase, now)
    if status == PhaseStatus.UPCOMING:
        raise PhaseClosed(f"The phase {phase.name!r} has not begun: it opens on {when(phase.starts_at)}.")
    if status == PhaseStatus.OPEN or phase.ends_at is None or takes_late(phase, now):
        return
    if phase.late_until is not None and phase.late_until > phase.ends_at:
        raise PhaseClosed(
            f"The phase {phase.name!r} is closed: it ended on {when(phase.ends_at)}, and late submissions were taken "
            f"until {when(phase.late_until)}."
        )
    raise PhaseClosed(f"The phase {phase.name!r} is closed: it ended on {when(phase.ends_at)}.")


def takes_late(phase: Phase, now: datetime) -> bool:
    """What is handed in now is late: it is scored and shown as late, and never ranked."""
    has_ended = phase_status(phase, now) == PhaseStatus.ENDED
    return has_ended and phase.late_until is not None and now < phase.late_until


def late_sentence(phase: Phase) -> str:
    if phase.ends_at is None or phase.late_until is None:
        return ""
    return (
        f"The phase {phase.name!r} ended on {when(phase.ends_at)}. Late submissions are taken until "
        f"{when(phase.late_until)}: they are scored and marked as late, and never ranked."
    )


def require_parent_passed(phase: Phase, parent: Phase, *, has_passed: bool) -> None:
    if not has_passed:
        raise ParentNotPassed(
            f"You can submit to the phase {phase.name!r} only after a submission of yours has finished in the phase "
            f"{parent.name!r}."
        )


def require_quota(phase: Phase, quota: Quota) -> None:
    if quota.used_total >= quota.max_total:
        raise SubmissionLimitReached(f"You have used all {quota.max_total} submissions of the phase {phase.name!r}.")
    if quota.used_today >= quota.max_per_day:
        raise SubmissionLimitReached(
            f"You have used all {quota.max_per_day} submissions of today in the phase {phase.name!r}: "
            f"the next one is possible from {when(quota.next_day_at)}."
        )


def require_kind(kind: str, accepts: Sequence[str], *, phase: str) -> None:
    if kind not in accepts:
        *others, last = [kind_sentence(each) for each in accepts]
        accepted = f"{', '.join(others)} or {last}" if others else last
        raise KindNotAccepted(
            f"This is {kind_sentence(kind)}, which the phase {phase!r} does not take: it takes {accepted}."
        )


def kind_sentence(kind: str) -> str:
    """`a container submission (a zip with a Dockerfile)`."""
    name, _, what = KINDS[kind].partition(": ")
    return f"{name} ({what})"


def waiting_sentence(state: State) -> str:
    """Submissions have runs from the start, unless their challenge's organizers start them."""
    return "It waits until an organizer of the challenge starts it." if state == State.SUBMITTED else ""


def cost_sentence(phase: Phase, quota: Quota) -> str:
    left = f"1 of the {quota.left} submissions" if quota.left > 1 else "the last submission"
    return f"The phase {phase.name!r} takes it. Handing it in would use {left} that you have left now."


def when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
