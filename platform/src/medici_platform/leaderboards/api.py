from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from medici_platform.accounts.access import MaybeUser, SignedIn, opened_by
from medici_platform.accounts.models import User
from medici_platform.accounts.rules import Scope
from medici_platform.challenges.html import DETAILED_RESULTS_POLICY, clean_detailed_results
from medici_platform.challenges.models import Challenge, LeaderboardColumn
from medici_platform.challenges.queries import get_challenge
from medici_platform.challenges.schemas import PhaseName
from medici_platform.context import Context
from medici_platform.errors import NotAllowed, NotFound
from medici_platform.leaderboards import choices, queries, views
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.leaderboards.references import Reference, Scored
from medici_platform.leaderboards.schemas import (
    BoardChoiceOut,
    ColumnOut,
    EntryOut,
    FactOut,
    LeaderboardOut,
    ReferenceOut,
    TaskOut,
)
from medici_platform.paging import Page, fetch_slice
from medici_platform.runs.redaction import Secrets, redact
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import get_submission_to_act_on
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(prefix="/api/v1", tags=["leaderboards"])


@router.get("/challenges/{slug}/leaderboard")
@opened_by(Scope.READ)
def show_leaderboard(
    slug: str,
    user: MaybeUser,
    page: Page,
    context: CurrentContext,
    session: CurrentSession,
    phase: PhaseName = None,
    board: str | None = None,
) -> LeaderboardOut:
    """A phase's board. Refused with the code `embargo` until its embargo ends, but for the organizers."""
    challenge = get_challenge(session, slug, user)
    view = views.view_board(session, challenge, user, phase=phase, board=board, now=context.now())
    views.require_shown(view)
    rows = fetch_slice(session, queries.shown_entries(view.board, view.phase), page)
    reports = views.reports_of(session, view, rows.rows)
    return LeaderboardOut(
        challenge=challenge.slug,
        data_notice=challenge.data_notice,
        phase=view.phase.name,
        title=view.board.title,
        submission_rule=view.board.submission_rule,
        columns=[_column(column, is_primary=column.id == view.primary.id) for column in view.columns],
        tasks=[TaskOut(index=task.index, name=task.name) for task in view.tasks],
        facts=[FactOut(key=fact.key, title=fact.title) for fact in view.facts],
        frozen_since=view.frozen_at,
        entries=[_present(row, view, reports.get(row.submission_id, [])) for row in rows.rows],
        reference=[_present_reference(each, view) for each in view.references],
        page=page.number,
        pages=rows.pages,
        total=rows.total,
    )


@router.get("/entries/{entry_id}/detailed-results", response_class=HTMLResponse)
@opened_by(Scope.READ)
def show_entry_report(
    entry_id: Id,
    user: MaybeUser,
    context: CurrentContext,
    task: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """An entry's detailed results, for everybody who sees the board: cleaned, without canaries, and sandboxed by its
    headers.
    """
    with context.database.read() as session:  # cleaning takes its time, and no connection
        entry = _visible_entry(session, context, entry_id, user)
        report = queries.get_report(session, entry, task)
        secrets = Secrets(canaries=tuple(report.canaries))
    html = redact(clean_detailed_results(report.html), secrets)
    return HTMLResponse(html, headers={"Content-Security-Policy": DETAILED_RESULTS_POLICY})


@router.post("/submissions/{submission_id}/leaderboard")
@opened_by(Scope.SUBMIT)
def put_on_board(submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> BoardChoiceOut:
    """Let this submission stand on the boards whose rule lets participants choose."""
    return _choose(session, context, get_submission_to_act_on(session, submission_id, user), user, on_board=True)


@router.delete("/submissions/{submission_id}/leaderboard")
@opened_by(Scope.SUBMIT)
def withdraw_from_board(
    submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession
) -> BoardChoiceOut:
    """Take this submission off the boards whose rule lets participants choose."""
    return _choose(session, context, get_submission_to_act_on(session, submission_id, user), user, on_board=False)


def _choose(
    session: Session, context: Context, submission: Submission, user: User, *, on_board: bool
) -> BoardChoiceOut:
    choices.choose(session, context, submission, user, on_board=on_board)
    stands = bool(queries.entries_with(session, submission))
    return BoardChoiceOut(submission=submission.id, on_board=submission.on_board, stands=stands)


def _visible_entry(session: Session, context: Context, entry_id: int, user: User | None) -> LeaderboardEntry:
    """Raises NotFound for an entry of a board that is not shown to this reader."""
    unknown = NotFound(f"There is no entry {entry_id}.")
    entry = session.get(LeaderboardEntry, entry_id)
    if entry is None:
        raise unknown
    challenge = session.get_one(Challenge, entry.participant.challenge_id)
    get_challenge(session, challenge.slug, user)
    phase = next(phase for phase in challenge.phases if phase.id == entry.phase_id)
    boards = {board.id for board in queries.shown_boards(session, challenge, user)}
    if entry.leaderboard_id not in boards or views.opens_at(phase, user, now=context.now()):
        raise unknown
    if not views.shows_reports(phase, user):
        raise NotAllowed("Detailed results of this board are shown to the challenge's organizers alone.")
    return entry


def _column(column: LeaderboardColumn, *, is_primary: bool) -> ColumnOut:
    return ColumnOut(
        key=column.key,
        title=column.title,
        group=column.group,
        sorting="desc" if column.descending else "asc",
        precision=column.precision,
        primary=is_primary,
        computation=column.computation,
    )


def _present_reference(reference: Reference, view: views.BoardView) -> ReferenceOut:
    return ReferenceOut(
        method=reference.method,
        data=reference.data,
        sources=list(reference.sources),
        scores=_shown(reference.scores, view.columns),
        task_scores=_shown_by_task(reference, view),
    )


def _shown(scores: Mapping[str, float], columns: Sequence[LeaderboardColumn]) -> dict[str, float]:
    keys = {column.key for column in columns}
    return {key: value for key, value in scores.items() if key in keys}


def _shown_by_task(row: Scored, view: views.BoardView) -> dict[str, dict[str, float]]:
    if not view.tasks:
        return {}
    return {index: _shown(scores, view.task_columns) for index, scores in row.task_scores.items()}


def _present(entry: LeaderboardEntry, view: views.BoardView, reports: list[int]) -> EntryOut:
    shown_facts = {fact.key for fact in view.facts}
    return EntryOut(
        id=entry.id,
        rank=entry.rank,
        participant=view.name_of(entry),
        submission=entry.submission_id,
        submissions=entry.entries,
        scores=_shown(entry.scores, view.columns),
        task_scores=_shown_by_task(entry, view),
        facts={key: value for key, value in entry.submission.fact_sheet.items() if key in shown_facts},
        detailed_results=[f"/api/v1/entries/{entry.id}/detailed-results?task={index}" for index in reports],
        file=f"/api/v1/submissions/{entry.submission_id}/file" if entry.submission.is_public else None,
        scored_at=view.scored_at(entry),
    )
