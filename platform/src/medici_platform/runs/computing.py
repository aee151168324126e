"""Columns that are computed from others: in which order, and from what. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, inf, isfinite
from typing import Protocol

RANKS = frozenset({"avg_rank", "reciprocal_rank"})
"""Computed from all entries of a board, when it is numbered."""


class ComputedColumn(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def computation(self) -> str | None: ...
    @property
    def computation_indexes(self) -> list[int]: ...
    @property
    def computation_weights(self) -> list[float]: ...


@dataclass(frozen=True)
class Plan:
    """How the computed columns of one board follow from the others."""

    steps: Sequence[tuple[ComputedColumn, Sequence[str]]]
    """Column, and the keys of its parts: whatever is a part of another comes before it."""
    impossible: frozenset[str]
    """Keys of columns that are computed from themselves, or from columns that do not exist."""
    of_entries: frozenset[str]
    """Keys of columns that ranks decide, which no single run has."""


@dataclass(frozen=True)
class Computed:
    values: dict[str, float]
    unscored: dict[str, str] = field(default_factory=dict)
    """Key → why it has no number."""
    replaced: frozenset[str] = frozenset()
    """Keys that the scoring program gave although they are computed."""


def plan(columns: Sequence[ComputedColumn]) -> Plan:
    by_index = {column.index: column for column in columns}
    waiting = [column for column in columns if is_computed(column)]
    settled = {column.key for column in columns if not is_computed(column)}
    steps: list[tuple[ComputedColumn, Sequence[str]]] = []
    of_entries: set[str] = set()
    while ready := [each for each in waiting if all(key in settled for key in _parts(each, by_index))]:
        for column in ready:
            parts = [key for key in _parts(column, by_index) if key is not None]
            steps.append((column, parts))
            if column.computation in RANKS or of_entries & set(parts):
                of_entries.add(column.key)
        settled |= {column.key for column in ready}
        waiting = [column for column in waiting if column not in ready]
    return Plan(steps, frozenset(column.key for column in waiting), frozenset(of_entries))


def is_computed(column: ComputedColumn) -> bool:
    return column.computation is not None and bool(column.computation_indexes)


def compute(plans: Sequence[Plan], given: Mapping[str, float]) -> Computed:
    """The numbers of one run with those that follow from them. Where boards differ, the first one decides."""
    computed_keys = {column.key for each in plans for column, _ in each.steps} | {
        key for each in plans for key in each.impossible
    }
    values = {key: value for key, value in given.items() if key not in computed_keys}
    unscored: dict[str, str] = {}
    for each in plans:
        unscored |= dict.fromkeys(each.impossible, "is computed from itself")
        for column, parts in each.steps:
            if column.key in values or column.key in each.of_entries:
                continue
            missing = [key for key in parts if key not in values]
            value = inf if missing else combine(column, [values[key] for key in parts])
            if isfinite(value):
                values[column.key] = value
            else:
                why = f"is computed from {missing[0]}, which has no number" if missing else "is not finite"
                unscored[column.key] = why
    return Computed(
        values,
        {key: why for key, why in unscored.items() if key not in values},
        frozenset(given.keys() & computed_keys),
    )


def combine(column: ComputedColumn, values: Sequence[float]) -> float:
    """Weights, one a value, count in means and sums; without them all weigh the same. Infinite when too large."""
    if column.computation in ("min", "max"):
        return min(values) if column.computation == "min" else max(values)
    weights = column.computation_weights
    return weighted(values, weights if len(weights) == len(values) else (), is_mean=column.computation != "sum")


def weighted(values: Sequence[float], weights: Sequence[float] = (), *, is_mean: bool) -> float:
    weights = weights or [1.0] * len(values)
    try:
        total = fsum(weight * value for weight, value in zip(weights, values, strict=True))
        return total / fsum(weights) if is_mean else total
    except (OverflowError, ValueError):  # also of infinities of both signs
        return inf


def _parts(column: ComputedColumn, by_index: Mapping[int, ComputedColumn]) -> list[str | None]:
    return [by_index[index].key if index in by_index else None for index in column.computation_indexes]
