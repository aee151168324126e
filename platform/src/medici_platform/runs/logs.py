"""The log of a submission's runs as its reader may see it."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.context import Context
from medici_platform.participants.rules import may_organize
from medici_platform.runs import queries
from medici_platform.runs.models import RunLog
from medici_platform.runs.redaction import shown_log, tail_of
from medici_platform.runs.rules import LogView, log_view
from medici_platform.runs.schemas import LogOut, LogPiece
from medici_platform.runs.task_secrets import secrets_of
from medici_platform.submissions.models import Submission
from medici_worker.protocol import Stage

PIECES_AT_ONCE = 200


def log_for(session: Session, context: Context, submission: Submission, user: User, *, after: int) -> LogOut:
    """What came after the piece `after`, of all runs in the order in which it was written; a page at a time.

    The log of a stage that is shown at the end comes as one piece, when all runs have ended.
    """
    views = {stage: _view(submission, user, stage) for stage in Stage}
    live = [stage for stage, view in views.items() if view == LogView.LIVE]
    late = [stage for stage, view in views.items() if view == LogView.AT_END]
    rows = queries.log_pieces(
        session, submission, after_id=after // 2, stages=[stage.value for stage in live], limit=PIECES_AT_ONCE
    )
    pieces = [LogPiece(id=_live_id(row), run=row.run_id, stage=Stage(row.stage), text=row.text) for row in rows]
    if late and submission.state.is_terminal and len(rows) < PIECES_AT_ONCE:
        pieces += [piece for piece in _at_the_end(session, context, submission, late) if piece.id > after]
    return LogOut(
        pieces=pieces,
        after=pieces[-1].id if pieces else after,
        hidden=[stage.value for stage, view in views.items() if view == LogView.NEVER],
        at_end=[stage.value for stage in late],
        is_tail=bool(late) and submission.phase.participant_logs == "tail",
    )


def _view(submission: Submission, user: User, stage: Stage) -> LogView:
    phase = submission.phase
    if may_organize(user, phase.challenge):
        return LogView.LIVE
    has_secrets = phase.hidden or any(task.canaries for task in phase.tasks)
    return log_view(stage, phase.participant_logs, has_secrets=has_secrets, hide_output=phase.hide_output)


def _at_the_end(
    session: Session, context: Context, submission: Submission, stages: Sequence[Stage]
) -> Iterator[LogPiece]:
    """Each run's stage whole, since a name may be torn in two by where a piece ends. All bear the number of the last
    piece of the submission's log: whoever asks again has them all, or none.
    """
    rows = queries.log_pieces(session, submission, stages=[stage.value for stage in stages])
    last = queries.last_log_piece(session, submission)
    is_tail = submission.phase.participant_logs == "tail"
    tasks = {run.id: run.task for run in queries.runs_of(session, submission)}
    by_stage = sorted(rows, key=lambda row: (row.run_id, row.stage, row.position))
    for (run_id, stage), group in groupby(by_stage, key=lambda row: (row.run_id, row.stage)):
        text = "".join(row.text for row in group)
        secrets = secrets_of(tasks[run_id], submission.phase, context.storage)
        if secrets:
            text = shown_log(text, secrets, is_tail=is_tail)
        elif is_tail:
            text = tail_of(text)
        yield LogPiece(id=2 * last + 1, run=run_id, stage=Stage(stage), text=text)


def _live_id(row: RunLog) -> int:
    """Even, so that a number is left for what comes after a submission's last piece, and before any of a later run."""
    return 2 * row.id
