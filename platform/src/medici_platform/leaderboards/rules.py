"""Order without I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

DIGITS = 12

LAST_RULES = frozenset({"Force_Last", "Force_Latest_Multiple"})


class Candidate(NamedTuple):
    """One scored submission of one participant."""

    submission_id: int
    sort_value: float | None
    scored_at: datetime


def sort_value(score: float | None, *, descending: bool) -> float | None:
    """Larger is better, on 12 significant digits: two sums of the same numbers in another order stay a tie."""
    if score is None:
        return None
    rounded = float(f"{score:.{DIGITS - 1}e}")
    return rounded if descending else -rounded


def pick(candidates: Sequence[Candidate], submission_rule: str) -> Candidate | None:
    """Which submission stands on the board: the latest, or else the best, and of equals the first."""
    if not candidates:
        return None
    if submission_rule in LAST_RULES:
        return max(candidates, key=lambda each: each.submission_id)
    scored = [each for each in candidates if each.sort_value is not None]
    if not scored:
        return min(candidates, key=lambda each: each.submission_id)
    return max(scored, key=lambda each: (each.sort_value, -each.submission_id))
