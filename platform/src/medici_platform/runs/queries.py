from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from medici_platform.errors import Gone, NotFound
from medici_platform.participants.models import Participant
from medici_platform.queues.models import Worker
from medici_platform.queues.rules import engine_away_sentence
from medici_platform.runs.models import Run, RunAttempt, RunLog, Score
from medici_platform.runs.rules import low_disk_sentence, waiting_sentence
from medici_platform.security import hash_token
from medici_platform.states import HELD, State
from medici_platform.submissions.models import Submission
from medici_platform.submissions.rules import start_of_day

OVERLOOKED_AT_ONCE = 5
HINTS_PER_SWEEP = 25


def runs_of(session: Session, submission: Submission) -> Sequence[Run]:
    return session.scalars(select(Run).where(Run.submission_id == submission.id).order_by(Run.id)).all()


def refunded_beside(session: Session, submission: Submission) -> int:
    """The participant's other submissions of the same phase and UTC day that met the data, failed, and cost nothing.

    Two that end at the same moment are counted one after the other.
    """
    locked = select(Participant.id).where(Participant.id == submission.participant_id)
    session.execute(locked.with_for_update(key_share=True))
    day = start_of_day(submission.submitted_at)
    refunded = select(func.count()).where(
        Submission.participant_id == submission.participant_id,
        Submission.phase_id == submission.phase_id,
        Submission.id != submission.id,
        Submission.submitted_at >= day,
        Submission.submitted_at < day + timedelta(days=1),
        Submission.state == State.FAILED,
        Submission.counts.is_(False),
        Submission.origin_id.is_(None),
        exists().where(Run.submission_id == Submission.id, Run.met_data),
    )
    return session.scalar(refunded) or 0


def held_run(session: Session, run_id: int, token: str, *, lock: bool = False) -> Run:
    """The run, if this token's attempt still holds it.

    Raises Gone otherwise: cancelled, finished, claimed again by another attempt, or its worker was revoked.
    """
    statement = run_by_token(run_id, token).where(Run.state.in_(HELD))
    run = session.scalar(statement.with_for_update(of=Run) if lock else statement)
    if run is None:
        raise Gone("This attempt is over: the run was cancelled, has ended, or was given to another worker.")
    return run


def run_by_token(run_id: int, token: str) -> Select[Run]:
    """None of a worker that has been revoked since it claimed, even if it has been enrolled again."""
    return (
        select(Run)
        .join(Run.worker)
        .where(
            Run.id == run_id,
            Run.token_hash == hash_token(token),
            Worker.revoked_at.is_(None),
            Worker.enrolled_at <= Run.started_at,
        )
    )


def attempt_row(session: Session, run: Run) -> RunAttempt:
    return session.scalars(
        select(RunAttempt).where(RunAttempt.run_id == run.id, RunAttempt.attempt == run.attempt)
    ).one()


def last_attempt(session: Session, run: Run) -> RunAttempt | None:
    return session.scalar(
        select(RunAttempt).where(RunAttempt.run_id == run.id).order_by(RunAttempt.attempt.desc()).limit(1)
    )


def attempts_of(session: Session, run: Run) -> Sequence[RunAttempt]:
    return session.scalars(select(RunAttempt).where(RunAttempt.run_id == run.id).order_by(RunAttempt.attempt)).all()


def scores_of(session: Session, run_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """Run id → column key → number."""
    scores: dict[int, dict[str, float]] = {run_id: {} for run_id in run_ids}
    for score in session.scalars(select(Score).where(Score.run_id.in_(run_ids)).order_by(Score.id)):
        scores[score.run_id][score.key] = score.value
    return scores


def get_run(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    return run


def expired_runs(session: Session, *, now: datetime) -> Sequence[int]:
    """Ids of runs whose worker has fallen silent."""
    return session.scalars(
        select(Run.id).where(Run.state.in_(HELD), Run.lease_until < now).order_by(Run.id).limit(500)
    ).all()


def expired_run(session: Session, run_id: int, *, now: datetime) -> Run | None:
    """Locked; None when it has been heard of meanwhile, or has ended."""
    return session.scalar(
        select(Run)
        .where(Run.id == run_id, Run.state.in_(HELD), Run.lease_until < now)
        .with_for_update(of=Run)
        .execution_options(populate_existing=True)
    )


def longest_overrun_s(session: Session, *, now: datetime) -> float:
    """Seconds by which the oldest lease has run out that still holds a run."""
    until = session.scalar(select(func.min(Run.lease_until)).where(Run.state.in_(HELD)))
    return max((now - until).total_seconds(), 0.0) if until is not None else 0.0


def longest_wait_s(session: Session, *, now: datetime) -> float:
    """Seconds that the run has waited which has waited longest."""
    since = session.scalar(select(func.min(Run.queued_at)).where(Run.state == State.QUEUED))
    return max((now - since).total_seconds(), 0.0) if since is not None else 0.0


def unclaimed_runs(session: Session, *, hinted_before: datetime) -> Sequence[Run]:
    """The oldest: a hint for each run of a long queue, again and again, would only fill the broker."""
    return session.scalars(
        select(Run)
        .where(Run.state == State.QUEUED, Run.hinted_at < hinted_before)
        .order_by(Run.id)
        .limit(HINTS_PER_SWEEP)
        .with_for_update(of=Run)
    ).all()


def waiting_runs(session: Session, queue_id: int) -> Sequence[Run]:
    """The oldest of a queue."""
    return session.scalars(
        select(Run)
        .where(Run.state == State.QUEUED, Run.queue_id == queue_id)
        .order_by(Run.id)
        .limit(HINTS_PER_SWEEP)
        .with_for_update(of=Run)
    ).all()


def overlooked_runs(session: Session, worker: Worker, *, queued_before: datetime) -> Sequence[int]:
    """Ids of the oldest that have waited since then, though this worker could run them."""
    return session.scalars(
        select(Run.id)
        .where(
            Run.state == State.QUEUED,
            Run.queue_id == worker.queue_id,
            Run.queued_at < queued_before,
            or_(Run.gpus <= len(worker.gpus), Run.scoring_only),
        )
        .order_by(Run.id)
        .limit(OVERLOOKED_AT_ONCE)
    ).all()


def why_waiting(session: Session, run: Run, *, now: datetime, names_workers: bool = False) -> str:
    """`names_workers`: for organizers and administrators."""
    ahead = session.scalar(
        select(func.count()).where(Run.queue_id == run.queue_id, Run.state == State.QUEUED, Run.id < run.id)
    )
    workers = session.scalars(
        select(Worker).where(
            Worker.queue_id == run.queue_id,
            Worker.revoked_at.is_(None),
            Worker.seen_at > now - timedelta(minutes=3),
        )
    ).all()
    with_gpus = [worker for worker in workers if len(worker.gpus) >= run.gpus]
    low = [worker.name for worker in with_gpus if worker.is_low_on_disk]
    away = [worker.name for worker in with_gpus if worker.is_engine_away]
    if with_gpus and {*low, *away} == {worker.name for worker in with_gpus}:
        sentence, names = (low_disk_sentence, low) if low else (engine_away_sentence, away)
        return sentence(names if names_workers else [])
    return waiting_sentence(ahead=ahead or 0, workers=len(workers), gpus=run.gpus, gpu_workers=len(with_gpus))


def log_pieces(
    session: Session, submission: Submission, *, after_id: int = 0, stages: Sequence[str], limit: int | None = None
) -> Sequence[RunLog]:
    """Pieces of every run's latest attempt, in the order in which they were written."""
    return session.scalars(
        select(RunLog)
        .join(Run, (Run.id == RunLog.run_id) & (Run.attempt == RunLog.attempt))
        .where(Run.submission_id == submission.id, RunLog.stage.in_(stages), RunLog.id > after_id)
        .order_by(RunLog.id)
        .limit(limit)
    ).all()


def last_log_piece(session: Session, submission: Submission) -> int:
    """The number of the latest piece of any stage; 0 without a log."""
    statement = select(func.max(RunLog.id)).join(Run, Run.id == RunLog.run_id)
    return session.scalar(statement.where(Run.submission_id == submission.id)) or 0


def log_end(session: Session, run: Run, stage: str) -> int:
    """How far the stage's log has come, in characters, also where a piece was lost on its way."""
    return (
        session.scalar(
            select(func.max(RunLog.position + func.length(RunLog.text))).where(
                RunLog.run_id == run.id, RunLog.attempt == run.attempt, RunLog.stage == stage
            )
        )
        or 0
    )
