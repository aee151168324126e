"""What the organizers of a challenge have to mend or to know: a scoring program that failed, a canary, other scores."""

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge
from medici_platform.errors import NotAllowed, NotFound
from medici_platform.participants.rules import may_organize
from medici_platform.runs.comparing import Comparison
from medici_platform.runs.models import Alert, Run
from medici_platform.states import State
from medici_worker.protocol import FailureKind, Fault

CANARY_FOUND = "canary_found"
REFUNDS_USED_UP = "refunds_used_up"
_BESIDE = (CANARY_FOUND, REFUNDS_USED_UP)
"""Kinds that a run may have beside the one of its end."""
SCORES_DIFFER = "scores_differ"


class AlertOut(BaseModel):
    id: int
    kind: str
    """A failure's type, for example `scoring_failed`; or `canary_found`, `refunds_used_up`, `scores_differ`."""
    message: str
    submission: int | None
    task: str | None
    created_at: datetime
    mailed_at: datetime | None


def keep_up(session: Session, run: Run, comparison: Comparison | None, *, now: datetime) -> None:
    """Called when a run has ended: a fault of the organizers' makes an alert, one a run; a good end resolves it."""
    alert = session.scalar(select(Alert).where(Alert.run_id == run.id, Alert.kind.not_in(_BESIDE)))
    if run.failure is not None and FailureKind(run.failure).fault == Fault.ORGANIZER:
        _raise(session, alert, run, run.failure, _message(run), now=now)
    elif comparison is not None and comparison.reproduced is False:
        raised = _raise(session, alert, run, SCORES_DIFFER, _not_reproduced(run, comparison), now=now)
        raised.mailed_at = now  # whoever ran it again looks at what came of it: that is no letter to everybody
    elif alert is not None and alert.resolved_at is None and run.state == State.FINISHED:
        alert.resolved_at = now


def _raise(session: Session, alert: Alert | None, run: Run, kind: str, message: str, *, now: datetime) -> Alert:
    if alert is None:
        alert = Alert(run_id=run.id, challenge_id=run.submission.challenge_id)
        session.add(alert)
    if alert.resolved_at is not None:
        alert.mailed_at = alert.resolved_at = None
    alert.kind = kind
    alert.message = message
    alert.created_at = now
    return alert


def tell_canary(session: Session, run: Run, where: str, *, now: datetime) -> None:
    """Once a run, and again when it turns up in a later attempt than the one that was dismissed."""
    alert = _canary_alert(session, run)
    if alert is None:
        alert = Alert(run_id=run.id, challenge_id=run.submission.challenge_id, kind=CANARY_FOUND)
        session.add(alert)
    elif alert.resolved_at is None or not _is_older(alert, run):
        return
    alert.mailed_at = alert.resolved_at = None
    alert.created_at = now
    alert.message = (
        f"A canary of the task {run.task.name!r} turned up in {where} of submission {run.submission_id}, phase "
        f"{run.submission.phase.name!r}. Either its program told what it read of the test data, or somebody has seen "
        "them before. Participants do not read it; look at the submission before you dismiss this."
    )


def tell_refunds_used_up(session: Session, run: Run, *, now: datetime) -> None:
    """Of a submission that costs quota by a fault that is not its participant's, or was made to look like that."""
    alert = session.scalar(select(Alert).where(Alert.run_id == run.id, Alert.kind == REFUNDS_USED_UP))
    submission = run.submission
    message = (
        f"Submission {submission.id} of {submission.participant.user.username}, phase {submission.phase.name!r}, "
        f"failed by no fault of its participant's after its program had begun ({run.failure}), as did "
        f"{submission.phase.max_submissions_per_day} before it on the same day, which cost no quota. This one does. A "
        "program that reads the test data can be made to end like that: look at what it does. If it is innocent, mend "
        "the cause and run it again."
    )
    _raise(session, alert, run, REFUNDS_USED_UP, message, now=now)


def is_told(session: Session, run: Run) -> bool:
    """Whether this attempt needs no more looking."""
    alert = _canary_alert(session, run)
    return alert is not None and (alert.resolved_at is None or not _is_older(alert, run))


def _canary_alert(session: Session, run: Run) -> Alert | None:
    return session.scalar(select(Alert).where(Alert.run_id == run.id, Alert.kind == CANARY_FOUND))


def _is_older(alert: Alert, run: Run) -> bool:
    return run.started_at is not None and alert.created_at < run.started_at


def open_alerts(challenge: Challenge) -> Select[Alert]:
    """The latest first."""
    return (
        select(Alert)
        .where(Alert.challenge_id == challenge.id, Alert.resolved_at.is_(None))
        .options(joinedload(Alert.run))
        .order_by(Alert.id.desc())
    )


def count_alerts(session: Session, challenge_id: int) -> int:
    return (
        session.scalar(select(func.count()).where(Alert.challenge_id == challenge_id, Alert.resolved_at.is_(None))) or 0
    )


def dismiss(session: Session, alert_id: int, user: User, *, now: datetime) -> Alert:
    """For the challenge's organizers. Dismissing twice changes nothing."""
    alert = session.get(Alert, alert_id)
    if alert is None or not may_organize(user, alert.challenge):
        raise NotFound(f"There is no alert {alert_id} for you.")
    alert.resolved_at = alert.resolved_at or now
    return alert


def require_organizer(challenge: Challenge, user: User) -> None:
    if not may_organize(user, challenge):
        raise NotAllowed("Only the organizers of this challenge see its alerts.")


def present(alert: Alert) -> AlertOut:
    return AlertOut(
        id=alert.id,
        kind=alert.kind,
        message=alert.message,
        submission=alert.run.submission_id if alert.run else None,
        task=alert.run.task.name if alert.run else None,
        created_at=alert.created_at,
        mailed_at=alert.mailed_at,
    )


def _message(run: Run) -> str:
    where = f"The scoring program of the task {run.task.name!r} failed on submission {run.submission_id}"
    return f"{where}, phase {run.submission.phase.name!r}.\n{run.private_detail}".strip()


def _not_reproduced(run: Run, comparison: Comparison) -> str:
    where = f"task {run.task.name!r}, phase {run.submission.phase.name!r}"
    lines = [f"Submission {run.submission_id}, {where}, was run again and {comparison.sentence}."]
    lines += [str(difference) for difference in comparison.results]
    if comparison.surroundings:
        lines += ["It ran in other surroundings:", *map(str, comparison.surroundings)]
    return "\n".join(lines)
