"""Columns that are computed from the ranks of all entries of a board. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Protocol

from medici_platform.leaderboards.rules import sort_value
from medici_platform.runs.computing import RANKS, ComputedColumn, combine, plan, weighted


class RankedColumn(ComputedColumn, Protocol):
    @property
    def descending(self) -> bool: ...
    @property
    def over_tasks(self) -> bool: ...


@dataclass(frozen=True)
class Entry:
    """The numbers of one entry."""

    scores: Mapping[str, float]
    """Column key → number over all tasks."""
    task_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Task → column key → number."""


def with_ranks(
    entries: Sequence[Entry], columns: Sequence[RankedColumn], tasks: Sequence[str] = ()
) -> list[dict[str, float]]:
    """The numbers of every entry over all tasks, with the columns that follow from ranks computed anew.

    The rank in a column is dense (1, 1, 2) and follows the column's direction; an entry without a number in one of
    the parts has none in what is computed from it. The parts of a column over tasks are its columns in each of `tasks`;
    without tasks, as in a phase that has one, they are those of the whole.
    """
    made = plan(columns)
    filled = [{key: value for key, value in each.scores.items() if key not in made.of_entries} for each in entries]
    by_task = [[each.task_scores.get(task, {}) for each in entries] for task in tasks]
    descending = {column.key: column.descending for column in columns}
    over_tasks = {column.key for column in columns if column.over_tasks}
    for column, parts in made.steps:
        if column.key not in made.of_entries:
            continue
        blocks = by_task if by_task and column.key in over_tasks else [filled]
        for entry, value in zip(filled, _column(column, parts, blocks, descending), strict=True):
            if value is not None and isfinite(value):
                entry[column.key] = value
    return filled


def dense_ranks(values: Sequence[float | None], *, descending: bool) -> list[int | None]:
    """1, 1, 2; None without a number. Numbers that agree on 12 significant digits are equal."""
    compared = [sort_value(value, descending=descending) for value in values]
    order = sorted({value for value in compared if value is not None}, reverse=True)
    place = {value: rank for rank, value in enumerate(order, start=1)}
    return [None if value is None else place[value] for value in compared]


def _column(
    column: ComputedColumn,
    parts: Sequence[str],
    blocks: Sequence[Sequence[Mapping[str, float]]],
    descending: Mapping[str, bool],
) -> list[float | None]:
    if column.computation in RANKS:
        by_part = [
            dense_ranks([entry.get(key) for entry in entries], descending=descending[key])
            for entries in blocks
            for key in parts
        ]
        weights = list(column.computation_weights) * len(blocks)
        return [_mean_rank(column, ranks, weights) for ranks in zip(*by_part, strict=True)]
    found = ([entry[key] for key in parts if key in entry] for entry in blocks[0])
    return [combine(column, values) if len(values) == len(parts) else None for values in found]


def _mean_rank(column: ComputedColumn, ranks: Sequence[int | None], weights: Sequence[float]) -> float | None:
    known = [rank for rank in ranks if rank is not None]
    if len(known) < len(ranks):
        return None
    weights = weights if len(weights) == len(known) else ()
    shares = [1 / rank if column.computation == "reciprocal_rank" else float(rank) for rank in known]
    return weighted(shares, weights, is_mean=True)
