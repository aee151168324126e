from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Leaderboard, LeaderboardColumn, Phase
from medici_platform.challenges.queries import leaderboards
from medici_platform.errors import NotFound
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.participants.rules import may_organize


def entries_of(board: Leaderboard, phase: Phase) -> Select[LeaderboardEntry]:
    """In the order of the board, as it was numbered when scores arrived."""
    return (
        select(LeaderboardEntry)
        .where(LeaderboardEntry.leaderboard_id == board.id, LeaderboardEntry.phase_id == phase.id)
        .order_by(LeaderboardEntry.place, LeaderboardEntry.id)
    )


def shown_boards(session: Session, challenge: Challenge, user: User | None) -> list[Leaderboard]:
    """Hidden boards exist for the organizers alone."""
    organizes = may_organize(user, challenge)
    return [board for board in leaderboards(session, challenge) if organizes or not board.hidden]


def find_board(session: Session, challenge: Challenge, key: str | None, user: User | None) -> Leaderboard:
    return choose_board(shown_boards(session, challenge, user), key)


def choose_board(boards: Sequence[Leaderboard], key: str | None) -> Leaderboard:
    """The first one, or the one with this key."""
    for board in boards:
        if key is None or board.key == key:
            return board
    raise NotFound("This challenge has no such leaderboard, or it is not shown yet.")


def shown_columns(board: Leaderboard, challenge: Challenge, user: User | None) -> list[LeaderboardColumn]:
    organizes = may_organize(user, challenge)
    return [column for column in board.columns if organizes or not column.hidden]
