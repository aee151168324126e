from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from medici_platform.accounts.access import MaybeUser
from medici_platform.challenges.queries import find_phase, get_challenge
from medici_platform.challenges.schemas import PhaseName
from medici_platform.leaderboards import queries
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.paging import Page, fetch_slice
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1", tags=["leaderboards"])


class ColumnOut(BaseModel):
    key: str
    title: str
    sorting: Literal["desc", "asc"]
    precision: int
    primary: bool


class EntryOut(BaseModel):
    rank: int | None
    """None: without a number in the primary column."""
    participant: str
    submission: int
    submissions: int
    scores: dict[str, float]
    scored_at: datetime


class LeaderboardOut(BaseModel):
    challenge: str
    phase: str
    title: str
    columns: list[ColumnOut]
    entries: list[EntryOut]
    page: int
    pages: int
    total: int


@router.get("/challenges/{slug}/leaderboard")
def show_leaderboard(
    slug: str,
    user: MaybeUser,
    page: Page,
    context: CurrentContext,
    session: CurrentSession,
    phase: PhaseName = None,
    board: str | None = None,
) -> LeaderboardOut:
    challenge = get_challenge(session, slug, user)
    chosen_phase = find_phase(challenge, phase, now=context.now())
    chosen = queries.find_board(session, challenge, board, user)
    rows = fetch_slice(session, queries.entries_of(chosen, chosen_phase), page)
    shown = queries.shown_columns(chosen, challenge, user)
    return LeaderboardOut(
        challenge=challenge.slug,
        phase=chosen_phase.name,
        title=chosen.title,
        columns=[
            ColumnOut(
                key=column.key,
                title=column.title,
                sorting="desc" if column.descending else "asc",
                precision=column.precision,
                primary=column.index == chosen.primary_index,
            )
            for column in shown
        ],
        entries=[_present(row, {column.key for column in shown}) for row in rows.rows],
        page=page.number,
        pages=rows.pages,
        total=rows.total,
    )


def _present(entry: LeaderboardEntry, keys: set[str]) -> EntryOut:
    return EntryOut(
        rank=entry.rank,
        participant=entry.participant.user.username,
        submission=entry.submission_id,
        submissions=entry.entries,
        scores={key: value for key, value in entry.scores.items() if key in keys},
        scored_at=entry.scored_at,
    )
