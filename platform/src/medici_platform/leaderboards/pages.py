import csv
import io
from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.models import LeaderboardColumn
from medici_platform.challenges.schemas import PhaseName
from medici_platform.leaderboards import choices, queries, views
from medici_platform.leaderboards.headings import heading_rows
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.leaderboards.references import Scored
from medici_platform.paging import Page, fetch_slice
from medici_platform.participants.shell import open_shell
from medici_platform.presentation.formats import inert_cell
from medici_platform.presentation.forms import PostedForm
from medici_platform.presentation.visitors import CurrentVisitor, redirect
from medici_platform.submissions.queries import get_submission
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(include_in_schema=False)


@router.get("/challenges/{slug}/leaderboard")
def show_leaderboard(
    slug: str,
    visitor: CurrentVisitor,
    page: Page,
    context: CurrentContext,
    session: CurrentSession,
    phase: PhaseName = None,
    board: str | None = None,
    by: str | None = None,
) -> Response:
    """`by`: on a board too wide to be read at once, the key of the column to show for each task."""
    shell = open_shell(session, visitor, slug)
    view = views.view_board(session, shell.challenge, visitor.user, phase=phase, board=board, now=context.now())
    if view.opens_at:
        return visitor.render("leaderboard.html", shell=shell, chosen=view, rows=None, by=None)
    cells, is_by_task = view.cells_by(by), view.is_wide and by is not None
    rows = fetch_slice(session, queries.shown_entries(view.board, view.phase), page)
    return visitor.render(
        "leaderboard.html",
        shell=shell,
        chosen=view,
        rows=rows,
        cells=cells,
        by=by if view.is_wide else None,
        headings=heading_rows(cells, by_task=is_by_task),
        reference_cells=view.reference_cells(cells),
        reference_headings=heading_rows(view.reference_cells(cells), by_task=is_by_task),
        reports=views.reports_of(session, view, rows.rows),
        fact_text=views.fact_text,
        as_share=_reads_as_share(rows.rows, view.primary),
    )


@router.get("/challenges/{slug}/leaderboard.csv")
def download_leaderboard(
    slug: str,
    visitor: CurrentVisitor,
    context: CurrentContext,
    session: CurrentSession,
    phase: PhaseName = None,
    board: str | None = None,
) -> Response:
    """The whole board, with every digit of its numbers."""
    shell = open_shell(session, visitor, slug)
    view = views.view_board(session, shell.challenge, visitor.user, phase=phase, board=board, now=context.now())
    views.require_shown(view)
    entries = session.scalars(queries.shown_entries(view.board, view.phase)).all()
    name = f"{shell.challenge.slug}-phase-{view.phase.index}-leaderboard.csv"
    return Response(
        _write_csv(view, entries),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.post("/submissions/{submission_id}/leaderboard")
def put_on_board(
    submission_id: Id, user: SignedIn, _: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    choices.choose(session, context, get_submission(session, submission_id, user), user, on_board=True)
    return redirect(f"/submissions/{submission_id}")


@router.post("/submissions/{submission_id}/leaderboard/withdraw")
def withdraw_from_board(
    submission_id: Id, user: SignedIn, _: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    choices.choose(session, context, get_submission(session, submission_id, user), user, on_board=False)
    return redirect(f"/submissions/{submission_id}")


def _write_csv(view: views.BoardView, entries: Sequence[LeaderboardEntry]) -> str:
    """Published figures come last: without a rank, and marked in a column that boards without any do not have."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    cells = view.cells
    numbers = [cell.name for cell in cells]
    facts = [fact.key for fact in view.facts]
    marks = ["reference", "source"] if view.references else []
    writer.writerow(
        ["rank", "participant", *map(inert_cell, [*numbers, *facts]), "submissions", "submission", "scored_at", *marks]
    )
    for entry in entries:
        values = _values(entry, cells)
        answers = [inert_cell(views.fact_text(entry.submission.fact_sheet.get(key))) for key in facts]
        scored_at = view.scored_at(entry).isoformat(timespec="seconds")
        rank = "" if entry.rank is None else entry.rank
        row = [rank, view.name_of(entry), *values, *answers, entry.entries, entry.submission_id, scored_at]
        writer.writerow([*row, *([""] * len(marks))])
    for reference in view.references:
        row = ["", inert_cell(reference.method), *_values(reference, cells), *([""] * (len(facts) + 3))]
        writer.writerow([*row, inert_cell(reference.data), inert_cell("; ".join(reference.sources))])
    return text.getvalue()


def _values(row: Scored, cells: Sequence[views.Cell]) -> list[str]:
    return ["" if (value := cell.value(row)) is None else repr(value) for cell in cells]


def _reads_as_share(entries: Sequence[LeaderboardEntry], primary: LeaderboardColumn) -> bool:
    """Whether a bar from 0 to 1 says something true about the primary column."""
    values = [entry.scores[primary.key] for entry in entries if primary.key in entry.scores]
    return primary.descending and bool(values) and all(0 <= value <= 1 for value in values)
