"""Runs as participants and organizers see them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Phase
from medici_platform.context import Context
from medici_platform.participants.rules import may_organize
from medici_platform.runs import queries
from medici_platform.runs.models import Run, RunAttempt
from medici_platform.runs.rules import failure_message, participant_sees
from medici_platform.runs.schemas import AttemptOut, LogOut, LogPiece, RunOut
from medici_platform.states import State
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import scores_shown_to
from medici_worker.protocol import FailureKind, Stage


def runs_for(session: Session, context: Context, submission: Submission, user: User) -> list[RunOut]:
    organizes = may_organize(user, submission.phase.challenge)
    runs = queries.runs_of(session, submission)
    scores = queries.scores_of(session, [run.id for run in runs])
    shown = scores_shown_to(session, submission.phase.challenge, user)
    attempts = _attempts(session, [run.id for run in runs])
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
            stage_seconds=run.stage_seconds if organizes else _shown_seconds(run, submission),
            started_at=run.started_at,
            finished_at=run.finished_at,
            image_digest=run.image_digest,
            attempts=attempts.get(run.id, []),
            private_detail=run.private_detail if organizes else None,
            exit_code=run.exit_code if organizes else None,
        )
        for run in runs
    ]


def log_for(session: Session, submission: Submission, user: User, *, after: int) -> LogOut:
    """What came after the piece `after`, of all runs in the order in which it was written; a page at a time."""
    organizes = may_organize(user, submission.phase.challenge)
    phase = submission.phase
    shown = [
        stage
        for stage in Stage
        if organizes or participant_sees(stage, phase.participant_logs, hide_output=phase.hide_output)
    ]
    pieces = queries.log_pieces(session, submission, after_id=after, stages=[stage.value for stage in shown])
    return LogOut(
        pieces=[LogPiece(id=each.id, run=each.run_id, stage=Stage(each.stage), text=each.text) for each in pieces],
        after=pieces[-1].id if pieces else after,
        hidden=[stage.value for stage in Stage if stage not in shown],
    )


def _message(run: Run, submission: Submission) -> str:
    if not run.failure:
        return run.public_detail
    others = submission.state == State.FINISHED
    return failure_message(FailureKind(run.failure), run.public_detail, others_scored=others)


def _shown_seconds(run: Run, submission: Submission) -> dict[str, float]:
    """Whole seconds in a hidden phase: a container could tell of the test data by the time that it takes."""
    digits = 0 if submission.phase.hidden else 3
    return {stage: round(seconds, digits) for stage, seconds in run.stage_seconds.items()}


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


def _attempts(session: Session, run_ids: list[int]) -> dict[int, list[AttemptOut]]:
    found: dict[int, list[AttemptOut]] = {}
    rows = session.scalars(
        select(RunAttempt).where(RunAttempt.run_id.in_(run_ids)).order_by(RunAttempt.run_id, RunAttempt.attempt)
    )
    for row in rows:
        found.setdefault(row.run_id, []).append(
            AttemptOut(
                attempt=row.attempt,
                worker=row.worker.name,
                claimed_at=row.claimed_at,
                ended_at=row.ended_at,
                outcome=row.outcome,
            )
        )
    return found
