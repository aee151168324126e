"""Which submissions stand on a board, and in which order, without I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

DIGITS = 12

FORCED = frozenset({"Force_Best", "Force_Last", "Force_Latest_Multiple"})
"""The platform chooses."""
CHOSEN_ONCE = "Add"
SEVERAL_CHOSEN = "Add_And_Delete_Multiple"

_BY_ITSELF = {
    "Force_Best": "keeps the best submission by itself",
    "Force_Last": "keeps the latest submission by itself",
    "Force_Latest_Multiple": "shows every scored submission by itself",
}


class Candidate(NamedTuple):
    """One scored submission of one participant."""

    submission_id: int
    sort_value: float | None
    scored_at: datetime
    on_board: bool | None = None
    """What its participant chose: True put, False withdrawn, None nothing."""


class Rule(NamedTuple):
    """A board's title and its submission rule."""

    title: str
    name: str


def sort_value(score: float | None, *, descending: bool) -> float | None:
    """Larger is better, on 12 significant digits: two sums of the same numbers in another order stay a tie."""
    if score is None:
        return None
    rounded = float(f"{score:.{DIGITS - 1}e}")
    return rounded if descending else -rounded


def standing(candidates: Sequence[Candidate], submission_rule: str, *, by_value: bool = True) -> list[Candidate]:
    """Which of one participant's submissions stand on the board.

    Where the participant may choose, what was put there by hand; the best, until there is a choice. `by_value` is
    False on boards that other entries' ranks order: there the best of one participant cannot be told from their own
    numbers, and the latest stands in its place.
    """
    if not candidates:
        return []
    if submission_rule == "Force_Latest_Multiple":
        return list(candidates)
    if submission_rule == "Force_Last" or (submission_rule == "Force_Best" and not by_value):
        return [_latest(candidates)]
    if submission_rule == "Force_Best" or all(each.on_board is None for each in candidates):
        return [_best(candidates) if by_value else _latest(candidates)]
    put = [each for each in candidates if each.on_board]
    return put if submission_rule == SEVERAL_CHOSEN else put[:1]


def why_not_put(boards: Sequence[Rule], *, has_chosen: bool) -> str | None:
    """None: a submission may be put on the boards. One choice holds for all boards: the strictest rule decides."""
    choosing = [board for board in boards if board.name not in FORCED]
    if not choosing:
        return _chosen_by_itself(boards)
    final = next((board for board in choosing if board.name == CHOSEN_ONCE), None)
    if final and has_chosen:
        return f"On the board {final.title!r} a choice is final, and you have made yours."
    return None


def why_not_withdraw(boards: Sequence[Rule]) -> str | None:
    choosing = [board for board in boards if board.name not in FORCED]
    if not choosing:
        return _chosen_by_itself(boards)
    final = next((board for board in choosing if board.name == CHOSEN_ONCE), None)
    return f"On the board {final.title!r} a choice is final: nothing can be withdrawn." if final else None


def _chosen_by_itself(boards: Sequence[Rule]) -> str:
    return (
        f"The board {boards[0].title!r} {_BY_ITSELF[boards[0].name]}." if boards else "There is no board to choose for."
    )


def _latest(candidates: Sequence[Candidate]) -> Candidate:
    return max(candidates, key=lambda each: each.submission_id)


def _best(candidates: Sequence[Candidate]) -> Candidate:
    """Of equals, and where none has a number, the first."""
    scored = [each for each in candidates if each.sort_value is not None]
    if not scored:
        return min(candidates, key=lambda each: each.submission_id)
    return max(scored, key=lambda each: (each.sort_value, -each.submission_id))
