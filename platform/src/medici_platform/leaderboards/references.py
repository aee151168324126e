"""Published figures beside a board: rows of the bundle's file, put together for one phase. Pure.

They are no entries: nothing ranks them, and no rank counts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from medici_platform.challenges.models import LeaderboardColumn, ReferenceResult, Task
from medici_platform.leaderboards.rules import sort_value
from medici_platform.runs.computing import RANKS, compute, plan, weighted


class Scored(Protocol):
    """What a row of the board's table has: an entry, or a reference."""

    @property
    def scores(self) -> Mapping[str, float]: ...
    @property
    def task_scores(self) -> Mapping[str, Mapping[str, float]]: ...


@dataclass(frozen=True)
class Reference:
    """One method."""

    method: str
    scores: Mapping[str, float]
    """Column key → number over all tasks."""
    task_scores: Mapping[str, Mapping[str, float]]
    """Index of a task (as text) → column key → number."""
    sources: tuple[str, ...]
    data: str
    """On what it was measured, as the organizers say it."""


def put_together(
    rows: Sequence[ReferenceResult],
    columns: Sequence[LeaderboardColumn],
    tasks: Sequence[Task],
    compared: LeaderboardColumn,
) -> list[Reference]:
    """One reference a method, the best in the column `compared` first; without a number there, last.

    `tasks` are the phase's. Methods that have no number in this phase are left out.
    """
    methods: dict[str, list[ReferenceResult]] = {}
    for row in rows:
        methods.setdefault(row.method, []).append(row)
    found = [_reference(method, own, columns, tasks) for method, own in methods.items()]
    shown = [each for each in found if each.scores or any(each.task_scores.values())]
    return sorted(shown, key=lambda each: _order(each, compared))


def compared_column(columns: Sequence[LeaderboardColumn], primary: LeaderboardColumn) -> LeaderboardColumn:
    """The column that orders references: the primary one, or, where that tells ranks of entries, what it ranks."""
    if primary.computation not in RANKS:
        return primary
    return next((each for each in columns if each.index in primary.computation_indexes), primary)


def _order(reference: Reference, compared: LeaderboardColumn) -> tuple[bool, float]:
    value = sort_value(reference.scores.get(compared.key), descending=compared.descending)
    return value is None, -(value or 0.0)


def _reference(
    method: str, rows: Sequence[ReferenceResult], columns: Sequence[LeaderboardColumn], tasks: Sequence[Task]
) -> Reference:
    by_name = {row.task: row for row in rows}
    of_tasks = {str(task.index): by_name[task.name] for task in tasks if task.name in by_name}
    whole = by_name.get("")
    task_scores = {index: _filled(row, columns) for index, row in of_tasks.items()}
    has_all = len(of_tasks) == len(tasks)
    scores = _filled(whole, columns) if whole else _means(list(task_scores.values())) if has_all else {}
    used = [row for row in (whole, *of_tasks.values()) if row is not None]
    return Reference(
        method=method,
        scores=scores,
        task_scores=task_scores,
        sources=tuple(dict.fromkeys(row.source for row in used)),
        data="; ".join(dict.fromkeys(row.data for row in used)),
    )


def _filled(row: ReferenceResult, columns: Sequence[LeaderboardColumn]) -> dict[str, float]:
    """With what the board computes from the published numbers, where it was not published itself."""
    return {**compute([plan(columns)], row.scores).values, **row.scores}


def _means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of the columns that have a number in every task."""
    keys = [key for key in (scores[0] if scores else {}) if all(key in each for each in scores)]
    means = {key: weighted([each[key] for each in scores], is_mean=True) for key in keys}
    return {key: mean for key, mean in means.items() if isfinite(mean)}
