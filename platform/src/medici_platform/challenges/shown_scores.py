"""A submission's numbers as its readers see them. Hidden columns and boards are the organizers' alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from medici_platform.challenges.models import Leaderboard, LeaderboardColumn
from medici_platform.presentation.formats import score

UNKNOWN_PRECISION = 4


class ShownScore(NamedTuple):
    key: str
    title: str
    text: str
    """With the column's precision; a dash without a number."""


def shown_columns(boards: Sequence[Leaderboard], *, organizes: bool) -> dict[str, LeaderboardColumn]:
    """Column key → column, in the order of the boards."""
    columns: dict[str, LeaderboardColumn] = {}
    for board in boards:
        for column in board.columns:
            if organizes or not (board.hidden or column.hidden):
                columns.setdefault(column.key, column)
    return columns


def shown_scores(scores: Mapping[str, float], boards: Sequence[Leaderboard], *, organizes: bool) -> list[ShownScore]:
    """The boards' columns, then numbers that no board has a column for."""
    columns = shown_columns(boards, organizes=organizes)
    of_boards = {column.key for board in boards for column in board.columns}
    named = [
        ShownScore(column.key, column.title, score(scores.get(column.key), column.precision))
        for column in columns.values()
    ]
    others = [
        ShownScore(key, key, score(value, UNKNOWN_PRECISION)) for key, value in scores.items() if key not in of_boards
    ]
    return named + others
