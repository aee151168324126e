import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Leaderboard, LeaderboardColumn, Phase
from medici_platform.challenges.queries import find_phase, primary_column
from medici_platform.challenges.schemas import PhaseName
from medici_platform.leaderboards import queries
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.paging import Page, fetch_slice
from medici_platform.participants.shell import Shell, open_shell
from medici_platform.presentation.visitors import CurrentVisitor, Visitor
from medici_platform.web import CurrentSession

router = APIRouter(prefix="/challenges/{slug}", include_in_schema=False)


@dataclass(frozen=True)
class Board:
    """One board of one phase, with the columns that this visitor may see."""

    shell: Shell
    phase: Phase
    boards: list[Leaderboard]
    """All that this visitor may see."""
    board: Leaderboard
    columns: list[LeaderboardColumn]
    primary: LeaderboardColumn


@router.get("/leaderboard")
def show_leaderboard(
    slug: str,
    visitor: CurrentVisitor,
    page: Page,
    session: CurrentSession,
    phase: PhaseName = None,
    board: str | None = None,
) -> Response:
    chosen = _find(session, visitor, slug, phase, board)
    rows = fetch_slice(session, queries.entries_of(chosen.board, chosen.phase), page)
    return visitor.render(
        "leaderboard.html",
        shell=chosen.shell,
        chosen=chosen,
        rows=rows,
        as_share=_reads_as_share(rows.rows, chosen.primary),
    )


@router.get("/leaderboard.csv")
def download_leaderboard(
    slug: str, visitor: CurrentVisitor, session: CurrentSession, phase: PhaseName = None, board: str | None = None
) -> Response:
    """The whole board, with every digit of its numbers."""
    chosen = _find(session, visitor, slug, phase, board)
    entries = session.scalars(queries.entries_of(chosen.board, chosen.phase)).all()
    name = f"{chosen.shell.challenge.slug}-phase-{chosen.phase.index}-leaderboard.csv"
    return Response(
        _write_csv(chosen.columns, entries),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _find(session: Session, visitor: Visitor, slug: str, phase: str | None, board: str | None) -> Board:
    shell = open_shell(session, visitor, slug)
    boards = queries.shown_boards(session, shell.challenge, visitor.user)
    found = queries.choose_board(boards, board)
    return Board(
        shell=shell,
        phase=find_phase(shell.challenge, phase, now=visitor.context.now()),
        boards=boards,
        board=found,
        columns=queries.shown_columns(found, shell.challenge, visitor.user),
        primary=primary_column(found),
    )


def _write_csv(columns: Sequence[LeaderboardColumn], entries: Sequence[LeaderboardEntry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ["rank", "participant", *(_inert(column.key) for column in columns), "submissions", "submission", "scored_at"]
    )
    for entry in entries:
        numbers = ["" if (value := entry.scores.get(column.key)) is None else repr(value) for column in columns]
        scored_at = entry.scored_at.isoformat(timespec="seconds")
        rank = "" if entry.rank is None else entry.rank
        username = entry.participant.user.username
        writer.writerow([rank, username, *numbers, entry.entries, entry.submission_id, scored_at])
    return text.getvalue()


def _inert(text: str) -> str:
    """Spreadsheets run cells that start like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _reads_as_share(entries: Sequence[LeaderboardEntry], primary: LeaderboardColumn) -> bool:
    """Whether a bar from 0 to 1 says something true about the primary column."""
    values = [entry.scores[primary.key] for entry in entries if primary.key in entry.scores]
    return primary.descending and bool(values) and all(0 <= value <= 1 for value in values)
