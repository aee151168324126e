"""What stands on the boards of one phase is entered into the next: when that opens, or at an organizer's word."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Phase
from medici_platform.context import Context
from medici_platform.errors import Conflict
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.states import TERMINAL, State
from medici_platform.submissions.migration import enter, is_taken
from medici_platform.submissions.models import Submission

log = structlog.get_logger()

ENTRIES_PER_SWEEP = 100


def due_phases(session: Session, *, now: datetime) -> Sequence[int]:
    """Those that have opened and lack entries."""
    return session.scalars(select(Phase.id).where(*_is_due(now)).order_by(Phase.id)).all()


def migrate_phase(session: Session, context: Context, phase_id: int, *, now: datetime) -> None:
    """A batch, if it is still due. Repeating it, after any break, enters the rest."""
    phase = session.scalar(
        select(Phase).where(Phase.id == phase_id, *_is_due(now)).with_for_update(of=Phase, key_share=True)
    )
    before = phase_before(session, phase) if phase is not None else None
    if phase is None or (before is not None and _is_unsettled(session, before, phase, now=now)):
        return
    left = _missing(session, before, phase, limit=ENTRIES_PER_SWEEP) if before else []
    entered = [enter(session, context, origin, phase, submitted_at=now) for origin in left]
    if len(left) < ENTRIES_PER_SWEEP or not any(entered):
        phase.migrated_at = now
        log.info("phase_migrated", phase_id=phase.id)


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Phase.auto_migrate.is_(True), Phase.migrated_at.is_(None), Phase.starts_at <= now


def migrate_now(session: Session, context: Context, phase: Phase, *, now: datetime) -> int:
    """Every entry that is not there yet, at once. Returns how many were entered."""
    before = phase_before(session, phase)
    if before is None:
        raise Conflict(f"The phase {phase.name!r} is the first: there is no phase before it to take entries from.")
    session.execute(select(Phase.id).where(Phase.id == phase.id).with_for_update(key_share=True))
    entered = [enter(session, context, origin, phase, submitted_at=now) for origin in _missing(session, before, phase)]
    return sum(submission is not None for submission in entered)


def phase_before(session: Session, phase: Phase) -> Phase | None:
    return session.scalar(
        select(Phase)
        .where(Phase.challenge_id == phase.challenge_id, Phase.index < phase.index)
        .order_by(Phase.index.desc())
        .limit(1)
    )


def _missing(session: Session, before: Phase, phase: Phase, *, limit: int | None = None) -> list[Submission]:
    """Those on a board of the phase before that the phase takes and has not got, the oldest first."""
    standing = select(LeaderboardEntry.submission_id).where(LeaderboardEntry.phase_id == before.id)
    entered = select(Submission.origin_id).where(Submission.phase_id == phase.id, Submission.origin_id.is_not(None))
    missing = session.scalars(
        select(Submission)
        .where(Submission.id.in_(standing), Submission.id.not_in(entered), Submission.kind.in_(phase.accepts))
        .order_by(Submission.id)
    )
    return [each for each in missing if is_taken(each, phase)][:limit]


def _is_unsettled(session: Session, before: Phase, phase: Phase, *, now: datetime) -> bool:
    """Whether something that was handed in in time can still change the boards: a run under way, or a freeze."""
    has_ended = before.ends_at is not None and before.ends_at <= now
    if has_ended and before.freeze_at is not None and before.thawed_at is None:
        return True
    under_way = select(func.count()).where(
        Submission.phase_id == before.id,
        Submission.submitted_at < phase.starts_at,
        Submission.is_late.is_(False),
        Submission.state.not_in([*TERMINAL, State.SUBMITTED]),
    )
    return bool(session.scalar(under_way))
