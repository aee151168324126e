"""Columns that are computed from the ranks of all entries of a board. Pure."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Protocol

from medici_platform.leaderboards.rules import sort_value
from medici_platform.runs.computing import RANKS, ComputedColumn, combine, plan, weighted


class RankedColumn(ComputedColumn, Protocol):
    @property
    def descending(self) -> bool: ...


def with_ranks(scores: Sequence[Mapping[str, float]], columns: Sequence[RankedColumn]) -> list[dict[str, float]]:
    """The numbers of every entry, with the columns that follow from ranks computed anew.

    The rank in a column is dense (1, 1, 2) and follows the column's direction; an entry without a number in one of
    the parts has none in what is computed from it.
    """
    made = plan(columns)
    filled = [{key: value for key, value in each.items() if key not in made.of_entries} for each in scores]
    descending = {column.key: column.descending for column in columns}
    for column, parts in made.steps:
        if column.key not in made.of_entries:
            continue
        for entry, value in zip(filled, _column(column, parts, filled, descending), strict=True):
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
    entries: Sequence[Mapping[str, float]],
    descending: Mapping[str, bool],
) -> list[float | None]:
    if column.computation in RANKS:
        by_part = [dense_ranks([entry.get(key) for entry in entries], descending=descending[key]) for key in parts]
        return [_mean_rank(column, list(ranks)) for ranks in zip(*by_part, strict=True)]
    found = ([entry[key] for key in parts if key in entry] for entry in entries)
    return [combine(column, values) if len(values) == len(parts) else None for values in found]


def _mean_rank(column: ComputedColumn, ranks: Sequence[int | None]) -> float | None:
    known = [rank for rank in ranks if rank is not None]
    if len(known) < len(ranks):
        return None
    weights = column.computation_weights if len(column.computation_weights) == len(known) else ()
    shares = [1 / rank if column.computation == "reciprocal_rank" else float(rank) for rank in known]
    return weighted(shares, weights, is_mean=True)
