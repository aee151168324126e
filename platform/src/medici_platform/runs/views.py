"""Runs as participants and organizers see them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Phase
from medici_platform.challenges.rules import shown_moment, shown_seconds
from medici_platform.context import Context
from medici_platform.participants.rules import may_organize
from medici_platform.runs import queries
from medici_platform.runs.models import Run, RunAttempt
from medici_platform.runs.rules import failure_message
from medici_platform.runs.schemas import AttemptOut, RunOut
from medici_platform.states import State
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import scores_shown_to
from medici_worker.protocol import FailureKind


def runs_for(session: Session, context: Context, submission: Submission, user: User) -> list[RunOut]:
    organizes = may_organize(user, submission.phase.challenge)
    runs = queries.runs_of(session, submission)
    scores = queries.scores_of(session, [run.id for run in runs])
    shown = scores_shown_to(session, submission.phase.challenge, user)
    exact = organizes or not submission.phase.hidden
    attempts = _attempts(session, [run.id for run in runs], exact=exact)
    detailed = set(
        session.scalars(select(Run.id).where(Run.submission_id == submission.id, Run.detailed_html.is_not(None)))
    )
    shows_detail = organizes or shows_detailed_results(submission)
    waiting = {
        run.id: queries.why_waiting(session, run, now=context.now(), names_workers=organizes)
        for run in runs
        if run.state == State.QUEUED
    }
    return [
        RunOut(
            id=run.id,
            task=run.task.name,
            task_index=run.task.index,
            state=run.state,
            attempt=run.attempt,
            waiting=waiting.get(run.id),
            failure=run.failure,
            message=_message(run, submission),
            scores=shown.visible(scores[run.id], hidden_phase=submission.phase.hidden),
            has_outputs=run.outputs_sha256 is not None and may_have_outputs(submission, user),
            has_detailed_results=run.id in detailed and shows_detail,
            has_cases=organizes and run.cases_sha256 is not None,
            stage_seconds={stage: shown_seconds(seconds, exact=exact) for stage, seconds in run.stage_seconds.items()},
            started_at=shown_moment(run.started_at, exact=exact),
            finished_at=shown_moment(run.finished_at, exact=exact),
            image_digest=run.image_digest,
            attempts=attempts.get(run.id, []),
            private_detail=run.private_detail if organizes else None,
            exit_code=run.exit_code if organizes else None,
        )
        for run in runs
    ]


def _message(run: Run, submission: Submission) -> str:
    if not run.failure:
        return run.public_detail
    costs = submission.counts if submission.state == State.FAILED else submission.state == State.FINISHED
    return failure_message(FailureKind(run.failure), run.public_detail, costs=costs)


def may_have_outputs(submission: Submission, user: User) -> bool:
    """Outputs of a hidden phase can hold copies of the test data: they are the organizers' alone."""
    phase = submission.phase
    is_hidden = phase.hidden or phase.hide_output or phase.hide_prediction_output
    return may_organize(user, phase.challenge) or not is_hidden


def reports_are_open(phase: Phase) -> bool:
    """Detailed results can tell single cases of the test set: in a hidden phase the organizers say so expressly."""
    shows = phase.challenge.show_detailed_results and phase.detailed_results
    return shows and not (phase.hide_output or phase.hide_score_output)


def shows_detailed_results(submission: Submission) -> bool:
    return submission.phase.challenge.detailed_results_in_panel and reports_are_open(submission.phase)


def _attempts(session: Session, run_ids: list[int], *, exact: bool) -> dict[int, list[AttemptOut]]:
    found: dict[int, list[AttemptOut]] = {}
    rows = session.scalars(
        select(RunAttempt).where(RunAttempt.run_id.in_(run_ids)).order_by(RunAttempt.run_id, RunAttempt.attempt)
    )
    for row in rows:
        found.setdefault(row.run_id, []).append(
            AttemptOut(
                attempt=row.attempt,
                worker=row.worker.name,
                claimed_at=shown_moment(row.claimed_at, exact=exact),
                ended_at=shown_moment(row.ended_at, exact=exact),
                outcome=row.outcome,
            )
        )
    return found
