"""The order of one board of one phase, written when a score arrives and not when a page is read."""

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Leaderboard, Task, phase_task
from medici_platform.challenges.queries import primary_column
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.leaderboards.rank_columns import Entry, with_ranks
from medici_platform.leaderboards.rules import sort_value
from medici_platform.runs.computing import plan


def number_board(session: Session, board: Leaderboard, phase_id: int) -> None:
    session.flush()
    if plan(board.columns).of_entries:
        _fill_rank_columns(session, board, phase_id)
    _number(session, board, phase_id)


def is_ordered_by_ranks(board: Leaderboard) -> bool:
    """Whether the column that ranks is itself computed from the ranks of all entries."""
    return primary_column(board).key in plan(board.columns).of_entries


def _fill_rank_columns(session: Session, board: Leaderboard, phase_id: int) -> None:
    """One entry's number changes those of others, so all entries are read; those that keep theirs are not written."""
    entry = LeaderboardEntry
    entries = session.scalars(
        select(entry).where(entry.leaderboard_id == board.id, entry.phase_id == phase_id).order_by(entry.id)
    ).all()
    primary = primary_column(board)
    numbers = [Entry(each.scores, each.task_scores) for each in entries]
    for each, scores in zip(entries, with_ranks(numbers, board.columns, _tasks(session, board, phase_id)), strict=True):
        if each.scores != scores:
            each.scores = scores
        each.sort_value = sort_value(scores.get(primary.key), descending=primary.descending)
    session.flush()


def _tasks(session: Session, board: Leaderboard, phase_id: int) -> list[str]:
    """Indexes of the phase's tasks as entries name them, where a column looks at each of several."""
    if not any(column.over_tasks for column in board.columns):
        return []
    chosen = select(Task.index).join(phase_task).where(phase_task.c.phase_id == phase_id).order_by(Task.index)
    tasks = session.scalars(chosen).all()
    return [str(index) for index in tasks] if len(tasks) > 1 else []


def _number(session: Session, board: Leaderboard, phase_id: int) -> None:
    """Ranks and places in one statement, whatever the board's length; rows that keep theirs are not written."""
    entry = LeaderboardEntry
    unranked_last = entry.sort_value.is_(None)
    order = (unranked_last, entry.sort_value.desc(), entry.scored_at, entry.id)
    numbered = (
        select(
            entry.id,
            entry.sort_value,
            func.rank().over(order_by=(unranked_last, entry.sort_value.desc())).label("rank"),
            func.row_number().over(order_by=order).label("place"),
        )
        .where(entry.leaderboard_id == board.id, entry.phase_id == phase_id)
        .subquery()
    )
    rank = case((numbered.c.sort_value.is_(None), None), else_=numbered.c.rank)
    session.execute(
        update(entry)
        .where(
            entry.id == numbered.c.id,
            (entry.place != numbered.c.place) | entry.rank.is_distinct_from(rank),
        )
        .values(rank=rank, place=numbered.c.place)
        .execution_options(synchronize_session=False)
    )
