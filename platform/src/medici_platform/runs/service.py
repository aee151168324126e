"""The life of a run between its submission and its end. The database is the truth; every step can be repeated."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Challenge, Phase
from medici_platform.context import Context
from medici_platform.dispatch import Hint, send_after_commit
from medici_platform.errors import Conflict
from medici_platform.queues.models import Queue, Worker
from medici_platform.queues.service import get_queue
from medici_platform.runs import alerts, queries, records, rules
from medici_platform.runs.models import Run, RunAttempt, Score
from medici_platform.states import TERMINAL, State, may_follow
from medici_platform.submissions import migration
from medici_platform.submissions.models import Submission
from medici_worker.protocol import FailureKind, Report, SubmissionKind

WORKER_FAILED = "worker_failed"
"""Outcome of an attempt that ended by the fault of its worker's machine, or of a platform that was away."""


class RunRefused(Conflict):
    """A worker may not have the run; the code says why."""


def start_runs(session: Session, context: Context, submission_id: int) -> None:
    """One run a task, all queued at once."""
    submission = session.get_one(Submission, submission_id)
    queue = _queue_of(session, submission.phase.challenge)
    now = context.now()
    for task in submission.phase.tasks:
        run = Run(
            submission_id=submission.id,
            submission=submission,
            task_id=task.id,
            queue_id=queue.id,
            queue=queue,
            gpus=0 if submission.kind == SubmissionKind.RESULTS else submission.phase.gpus,
            state=State.SUBMITTED,
            attempts_left=context.settings.max_attempts,
            queued_at=now,
            hinted_at=now,
            stage_seconds={},
        )
        session.add(run)
        session.flush()
        queue_run(session, context, run)
    submission.state = State.QUEUED


def _queue_of(session: Session, challenge: Challenge) -> Queue:
    return get_queue(session) if challenge.queue_id is None else session.get_one(Queue, challenge.queue_id)


def queue_run(session: Session, context: Context, run: Run) -> None:
    move(run, State.QUEUED)
    run.worker_id = None
    run.token_hash = None
    run.lease_until = None
    run.queued_at = context.now()
    hint(session, context, run)


def run_again(session: Session, context: Context, run: Run, *, scoring_only: bool) -> None:
    """From its start, or from its kept outputs. Nothing of how it ended before is shown from now on."""
    run.scoring_only = scoring_only
    run.attempts_left = context.settings.max_attempts
    run.finished_at = None
    run.failure = None
    run.public_detail = run.private_detail = ""
    run.detailed_html = None
    session.execute(delete(Score).where(Score.run_id == run.id))
    queue_run(session, context, run)


def hint(session: Session, context: Context, run: Run) -> None:
    run.hinted_at = context.now()
    gpus = 0 if run.scoring_only else run.gpus
    send_after_commit(session, context.dispatcher, Hint(run.id, run.queue.name, gpus))


def hint_waiting(session: Session, context: Context, queue: Queue) -> None:
    """A worker can take runs again: those that wait longest need not wait for the clock."""
    for run in queries.waiting_runs(session, queue.id):
        hint(session, context, run)


def long_ago(context: Context) -> datetime:
    """Whoever waits since then has been hinted at again in vain."""
    return context.now() - timedelta(seconds=2 * context.settings.resend_s)


def move(run: Run, state: State) -> None:
    """The one place where a run changes its state, but for the claim, which is one conditional update."""
    if not may_follow(run.state, state):
        raise Conflict(f"Run {run.id} is {run.state}: it cannot become {state}.")
    run.state = state


def claim(session: Session, context: Context, worker: Worker, run_id: int, *, free_gpus: int, token_hash: str) -> Run:
    """Give the run to this worker, exactly once: whoever comes second finds it no longer queued."""
    run = queries.get_run(session, run_id)
    if run.queue_id != worker.queue_id:
        raise RunRefused(f"Run {run_id} waits in another queue than this worker's.", code="other_queue")
    if run.gpus > free_gpus and not run.scoring_only:
        raise RunRefused(f"Run {run_id} needs {run.gpus} GPUs and this worker has {free_gpus} free.", code="needs_gpus")
    now = context.now()
    if _may_fail_again(session, context, worker, run, now=now):
        raise RunRefused(f"Run {run_id} has just failed by this worker's fault: it may have it later.", code="too_soon")
    claimed = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state == State.QUEUED)
        .values(
            state=State.PREPARING,
            attempt=Run.attempt + 1,
            attempts_left=Run.attempts_left - 1,
            worker_id=worker.id,
            token_hash=token_hash,
            lease_until=now + timedelta(seconds=context.settings.lease_s),
            started_at=now,
            finished_at=None,
            failure=None,
            public_detail="",
            private_detail="",
            cases_sha256=None,
            cases_bytes=0,
        )
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount == 0:  # type: ignore[attr-defined]
        raise RunRefused(f"Run {run_id} is not waiting: it is {run.state}.", code="not_queued")
    session.refresh(run)
    session.add(RunAttempt(run_id=run.id, attempt=run.attempt, worker_id=worker.id, claimed_at=now))
    follow(session, context, run)
    return run


def _may_fail_again(session: Session, context: Context, worker: Worker, run: Run, *, now: datetime) -> bool:
    """Whether this worker failed over the run so lately that it would only use up its attempts."""
    last = queries.last_attempt(session, run) if run.attempt else None
    if last is None or last.outcome != WORKER_FAILED or last.worker_id != worker.id or last.ended_at is None:
        return False
    return now < last.ended_at + _delay(context, run)


def _delay(context: Context, run: Run) -> timedelta:
    tried = context.settings.max_attempts - run.attempts_left
    return timedelta(seconds=rules.retry_delay_s(context.settings.retry_s, tried))


def renew_lease(context: Context, run: Run) -> datetime:
    run.lease_until = context.now() + timedelta(seconds=context.settings.lease_s)
    return run.lease_until


def release(session: Session, context: Context, run: Run) -> None:
    """A worker that shuts down hands its run back; that costs the run none of its attempts."""
    end_attempt(session, run, "released", now=context.now())
    run.attempts_left += 1
    queue_run(session, context, run)
    follow(session, context, run)


def try_again(session: Session, context: Context, run: Run, *, private: str) -> None:
    """Its worker could not run it, and a later attempt, or another worker, may: queue it again.

    Other workers hear of it at once, this one when it may have it: the clock's next hint comes then.
    """
    now = context.now()
    end_attempt(session, run, WORKER_FAILED, now=now)
    run.private_detail = f"Attempt {run.attempt} failed by its worker's fault and is repeated: {private}"
    queue_run(session, context, run)
    run.hinted_at = now - timedelta(seconds=context.settings.resend_s) + _delay(context, run)
    follow(session, context, run)


def expire_lease(session: Session, context: Context, run: Run) -> None:
    """Its worker has fallen silent: queue it again, or, after too many attempts, fail as the platform's fault."""
    end_attempt(session, run, "lease_lost", now=context.now())
    if run.attempts_left > 0:
        queue_run(session, context, run)
        follow(session, context, run)
    else:
        fail(session, context, run, FailureKind.SYSTEM_ERROR, private=f"The worker was lost {run.attempt} times.")


def fail(
    session: Session,
    context: Context,
    run: Run,
    kind: FailureKind,
    *,
    public: str = "",
    private: str = "",
    report: Report | None = None,
) -> None:
    move(run, State.CANCELLED if kind == FailureKind.CANCELLED else State.FAILED)
    run.failure = kind.value
    run.public_detail = public
    run.private_detail = private
    finish(session, context, run, {}, report)


def finish(session: Session, context: Context, run: Run, scores: dict[str, float], report: Report | None) -> None:
    """The end of a run: its numbers replace any earlier ones, in the same transaction as its state and its record.

    `report`: None when no worker reported.
    """
    run.finished_at = context.now()
    run.lease_until = None
    session.execute(delete(Score).where(Score.run_id == run.id))
    session.add_all(Score(run_id=run.id, key=key, value=value) for key, value in scores.items())
    follow(session, context, run)
    comparison = records.keep(session, context, run, scores, report)
    alerts.keep_up(session, run, comparison, now=run.finished_at)


def end_attempt(session: Session, run: Run, outcome: str, *, now: datetime) -> None:
    attempt = queries.attempt_row(session, run)
    attempt.ended_at = now
    attempt.outcome = outcome


def follow(session: Session, context: Context, run: Run) -> None:
    """The submission follows its runs; once all have ended it is settled and the boards are brought up to date."""
    session.flush()
    session.execute(select(Submission.id).where(Submission.id == run.submission_id).with_for_update(key_share=True))
    submission = run.submission
    was_settled = submission.state in TERMINAL
    runs = queries.runs_of(session, submission)
    submission.state = rules.submission_state([each.state for each in runs])
    if submission.state in TERMINAL:
        settle(session, context, submission, list(runs))
        hand_on(session, context, submission)
    elif was_settled:
        reopen(submission)
    session.flush()
    if was_settled or submission.state in TERMINAL:
        context.place_on_board(session, context, submission.id)


def settle(session: Session, context: Context, submission: Submission, runs: list[Run]) -> None:
    scores = queries.scores_of(session, [run.id for run in runs])
    submission.scores = rules.mean_scores(list(scores.values()))
    submission.finished_at = context.now()
    broken = next((run for run in runs if run.failure), None)
    submission.failure = broken.failure if broken else None
    failures = [run.failure for run in runs if run.failure]
    submission.counts = submission.origin_id is None and rules.costs_quota(
        submission.state,
        failures,
        was_claimed=any(run.attempt > 0 for run in runs),
        is_refundable=_is_refundable(session, submission, runs),
    )
    submission.failure_message = rules.explain_failures(_failures(runs, costs=submission.counts), len(runs))
    if broken and submission.counts and submission.state == State.FAILED and rules.is_others_fault(failures):
        submission.failure_message += "\n" + rules.refunds_used_up(submission.phase.max_submissions_per_day)
        alerts.tell_refunds_used_up(session, broken, now=submission.finished_at)


def _is_refundable(session: Session, submission: Submission, runs: list[Run]) -> bool:
    if submission.state != State.FAILED or not any(run.met_data for run in runs):
        return True
    per_day = submission.phase.max_submissions_per_day
    return rules.is_refundable(met_data=True, refunded=queries.refunded_beside(session, submission), per_day=per_day)


def cancel_unstarted(session: Session, context: Context, submission: Submission) -> None:
    """Of a submission that waits for an organizer: it has no runs yet."""
    session.refresh(submission, ["state"], with_for_update={"key_share": True})
    if submission.state != State.SUBMITTED:
        raise Conflict(f"Submission {submission.id} has been started: it is {submission.state}. Try again.")
    submission.state = State.CANCELLED
    settle(session, context, submission, [])
    submission.failure = FailureKind.CANCELLED.value
    submission.failure_message = rules.failure_message(FailureKind.CANCELLED, "")


def hand_on(session: Session, context: Context, submission: Submission) -> None:
    """What has succeeded in a parallel phase is entered into the phases below it, once, whatever the quota there."""
    if submission.state != State.FINISHED or not submission.phase.parallel:
        return
    below = session.scalars(
        select(Phase)
        .where(Phase.challenge_id == submission.challenge_id, Phase.parent_index == submission.phase.index)
        .order_by(Phase.index)
    ).all()
    for phase in below:
        migration.enter(session, context, submission, phase, submitted_at=submission.submitted_at)


def pin_images(session: Session, run: Run, images: Mapping[str, str]) -> None:
    """The first report of a phase decides which image each name means there; later runs get what it got.

    Called last in a transaction: the phase's row is locked after those of runs and submissions, as everywhere.
    """
    phase = run.submission.phase
    if not images.keys() - phase.image_pins.keys():
        return
    session.refresh(phase, ["image_pins"], with_for_update={"key_share": True})
    phase.image_pins = {**images, **phase.image_pins}


def reopen(submission: Submission) -> None:
    submission.scores = {}
    submission.finished_at = None
    submission.failure = None
    submission.failure_message = ""


def _failures(runs: list[Run], *, costs: bool) -> list[tuple[str, str]]:
    costs |= any(run.state == State.FINISHED for run in runs)
    return [
        (run.task.name, rules.failure_message(FailureKind(run.failure), run.public_detail, costs=costs))
        for run in runs
        if run.failure
    ]
