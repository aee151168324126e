"""What people may do to a submission's runs: cancel, rerun, rescore."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.context import Context
from medici_platform.errors import Conflict, NotAllowed, NotFound
from medici_platform.participants.rules import may_organize
from medici_platform.runs import service
from medici_platform.runs.models import Run
from medici_platform.states import State
from medici_platform.submissions.models import Submission
from medici_worker.protocol import FailureKind, SubmissionKind


def cancel(session: Session, context: Context, submission: Submission) -> None:
    """Ends every run that has not ended. Its worker learns of it with the next heartbeat and stops the container."""
    runs = _locked_runs(session, submission)
    if not runs and submission.state == State.SUBMITTED:
        service.cancel_unstarted(session, context, submission)
        return
    running = [run for run in runs if not run.state.is_terminal]
    if not running:
        raise Conflict(f"Submission {submission.id} has already ended: it is {submission.state}.")
    for run in running:
        if run.state.is_held:
            service.end_attempt(session, run, "cancelled", now=context.now())
        service.fail(session, context, run, FailureKind.CANCELLED)


def rerun(
    session: Session,
    context: Context,
    submission: Submission,
    user: User,
    *,
    scoring_only: bool,
    task: int | None = None,
) -> None:
    """Queue every run again, or that of the task with this index; or only their scoring, with the kept outputs."""
    if not may_organize(user, submission.phase.challenge):
        raise NotAllowed("Only the organizers of this challenge may run a submission again.")
    runs = _of_task(_locked_runs(session, submission), submission, task)
    for run in runs:
        what = f"Submission {submission.id}" if task is None else f"Task {task} of submission {submission.id}"
        if not run.state.is_terminal:
            raise Conflict(f"{what} is {run.state}: wait for its end, or cancel it first.")
        if scoring_only and submission.kind != SubmissionKind.RESULTS and run.outputs_sha256 is None:
            raise Conflict(f"{what} left no outputs to score: run it again instead.")
    for run in runs:
        service.run_again(session, context, run, scoring_only=scoring_only)
    for run in runs:
        service.follow(session, context, run)


def _of_task(runs: list[Run], submission: Submission, task: int | None) -> list[Run]:
    if not runs:
        raise Conflict(f"Submission {submission.id} has not been started: there is nothing to run again yet.")
    chosen = [run for run in runs if task is None or run.task.index == task]
    if not chosen:
        known = ", ".join(str(run.task.index) for run in runs)
        raise NotFound(f"Submission {submission.id} has no run of a task {task}: it has {known}.")
    return chosen


def _locked_runs(session: Session, submission: Submission) -> list[Run]:
    return list(
        session.scalars(select(Run).where(Run.submission_id == submission.id).order_by(Run.id).with_for_update(of=Run))
    )
