"""One submission: what became of it, live."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy.orm import Session

from medici_platform.accounts.access import SignedIn
from medici_platform.accounts.models import User
from medici_platform.challenges.models import Leaderboard
from medici_platform.challenges.queries import leaderboards
from medici_platform.challenges.rules import LOG_TAIL_LINES
from medici_platform.challenges.shown_scores import ShownScore, shown_scores
from medici_platform.context import Context
from medici_platform.errors import InvalidRequest, NotFound
from medici_platform.participants.rules import may_organize
from medici_platform.presentation.formats import log_text
from medici_platform.presentation.forms import PostedForm
from medici_platform.presentation.visitors import CurrentVisitor, redirect
from medici_platform.runs import decisions, logs, queries, record_views, views
from medici_platform.runs.computing import plan
from medici_platform.runs.schemas import LogPiece, RunOut
from medici_platform.runs.steps import Step, steps_of
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import get_submission, scores_shown_to
from medici_platform.submissions.schemas import present
from medici_platform.web import CurrentContext, CurrentSession
from medici_worker.protocol import SubmissionKind

router = APIRouter(prefix="/submissions/{submission_id}", include_in_schema=False)

LARGEST_ID = 2**31 - 1
LONGEST_ID = len(str(LARGEST_ID))


def _submission(submission_id: str, user: SignedIn, session: CurrentSession) -> Submission:
    """An address that holds no number is an address that does not exist."""
    is_number = submission_id.isascii() and submission_id.isdigit() and len(submission_id) <= LONGEST_ID
    if not is_number or int(submission_id) > LARGEST_ID:
        raise NotFound(f"You have no submission {submission_id[:20]}.")
    return get_submission(session, int(submission_id), user)


ThisSubmission = Annotated[Submission, Depends(_submission)]


@dataclass(frozen=True)
class ShownRun:
    run: RunOut
    steps: list[Step]
    scores: list[ShownScore]


@dataclass(frozen=True)
class ShownLog:
    """The pieces of one stage of one run, in one text."""

    run: int
    stage: str
    text: str


@router.get("")
def show_submission(
    submission: ThisSubmission,
    visitor: CurrentVisitor,
    user: SignedIn,
    context: CurrentContext,
    session: CurrentSession,
) -> Response:
    organizes = may_organize(user, submission.phase.challenge)
    boards = leaderboards(session, submission.phase.challenge)
    runs = views.runs_for(session, context, submission, user)
    log = logs.log_for(session, context, submission, user, after=0)
    shown = scores_shown_to(session, submission.phase.challenge, user)
    shown_submission = present(submission, shown)
    records = record_views.records_for(session, queries.runs_of(session, submission), shown)
    return visitor.render(
        "submission.html",
        submission=shown_submission,
        challenge=submission.phase.challenge,
        organizes=organizes,
        scores=_own_scores(shown_submission.scores, boards, organizes=organizes),
        runs=[
            ShownRun(run, steps_of(run, submission.kind), _own_scores(run.scores, boards, organizes=organizes))
            for run in runs
        ],
        offer=context.offer_of(session, submission),
        may_rescore=submission.kind == SubmissionKind.RESULTS or all(run.has_outputs for run in runs),
        records=list(records.values()),
        logs=join_pieces(log.pieces),
        log=log,
        tail_lines=LOG_TAIL_LINES,
        phase_is_hidden=submission.phase.hidden,
    )


@router.get("/log", response_class=PlainTextResponse)
def show_whole_log(
    submission: ThisSubmission, user: SignedIn, context: CurrentContext, session: CurrentSession
) -> PlainTextResponse:
    """All of the log that this reader may see, as plain text."""
    whole = _whole_log(session, context, submission, user)
    texts = [f"===== run {each.run}, {each.stage} =====\n{each.text}" for each in whole]
    return PlainTextResponse("\n".join(texts) or "There is no log.\n")


@router.post("/cancel")
def cancel(submission: ThisSubmission, _: PostedForm, context: CurrentContext, session: CurrentSession) -> Response:
    decisions.cancel(session, context, submission)
    return redirect(f"/submissions/{submission.id}")


@router.post("/rerun")
def rerun(
    submission: ThisSubmission, user: SignedIn, form: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    decisions.rerun(session, context, submission, user, scoring_only=False, task=_task(form))
    return redirect(f"/submissions/{submission.id}")


@router.post("/rescore")
def rescore(
    submission: ThisSubmission, user: SignedIn, form: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    decisions.rerun(session, context, submission, user, scoring_only=True, task=_task(form))
    return redirect(f"/submissions/{submission.id}")


def _task(form: Mapping[str, str]) -> int | None:
    """The index of the task whose button was pressed; None for all of them."""
    text = form.get("task", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < LONGEST_ID):
        raise InvalidRequest("The form names no task: load the page again and resend it.")
    return int(text) if text else None


def join_pieces(pieces: Sequence[LogPiece]) -> list[ShownLog]:
    """By run and stage, in the order in which they began."""
    order = {(piece.run, piece.stage): None for piece in pieces}
    place = {key: position for position, key in enumerate(order)}
    by_stage: Callable[[LogPiece], int] = lambda piece: place[(piece.run, piece.stage)]  # noqa: E731 - groupby's key twice
    shown = []
    for _, group in groupby(sorted(pieces, key=by_stage), key=by_stage):
        members = list(group)
        text = log_text("".join(piece.text for piece in members))
        shown.append(ShownLog(members[0].run, members[0].stage.value, text))
    return shown


def _whole_log(session: Session, context: Context, submission: Submission, user: User) -> list[ShownLog]:
    def pieces() -> Iterator[LogPiece]:
        after = 0
        while (part := logs.log_for(session, context, submission, user, after=after)).pieces:
            yield from part.pieces
            after = part.after

    return join_pieces(list(pieces()))


def _own_scores(scores: Mapping[str, float], boards: Sequence[Leaderboard], *, organizes: bool) -> list[ShownScore]:
    """Without the columns that only a board can tell, because other entries decide them."""
    if not scores:
        return []
    of_entries = {key for board in boards for key in plan(board.columns).of_entries}
    return [each for each in shown_scores(scores, boards, organizes=organizes) if each.key not in of_entries]
