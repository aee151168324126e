"""What the paper derives from its results: averages, top-5 frequencies, gains with resolution, distributions.

Functions from rows to rows; they hold for any results in the same columns. Accuracy decides, as in the paper.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from medici_training.benchmark.names import PROCEDURES, SIZES, place
from medici_training.benchmark.results import Row, order

Key = TypeVar("Key")

ALL = "all"
TOP = 5
DECIMALS = 9
"""Figures have two decimals: sums of them are compared without the noise of binary fractions."""


@dataclass(frozen=True)
class Average:
    """Over the datasets: the benchmark's average table (its figure 1)."""

    procedure: str
    architecture: str
    size: int
    acc: float
    acc_std: float | None
    auc: float | None
    auc_std: float | None
    datasets: int
    """How many there were to average."""


def averages(rows: Iterable[Row]) -> list[Average]:
    """One row for every procedure, architecture and size; deviations are averaged as the means are."""
    groups = _grouped(rows, lambda row: (row.procedure, row.architecture, row.size))
    return [
        Average(
            *key,
            acc=math.fsum(row.acc for row in group) / len(group),
            acc_std=_mean([row.acc_std for row in group]),
            auc=_mean([row.auc for row in group]),
            auc_std=_mean([row.auc_std for row in group]),
            datasets=len(group),
        )
        for key, group in sorted(groups.items(), key=lambda item: order(*item[0]))
    ]


@dataclass(frozen=True)
class Frequency:
    """How often an architecture is among the five best of a dataset (figure 2)."""

    procedure: str
    size: str
    """`all`, or the size in pixels."""
    architecture: str
    count: int
    datasets: int


def top_frequencies(rows: Sequence[Row], *, top: int = TOP) -> list[Frequency]:
    """Counts over the datasets, of all combinations, of each procedure's, and of each procedure's at each size.

    In a dataset, all combinations of the scope (architecture and, where they are not fixed, procedure and size) are
    ranked by accuracy; those of rank 1 to 5 count for their architecture. Equal accuracies share the smaller rank.
    """
    procedures = sorted({row.procedure for row in rows}, key=lambda name: place(name, PROCEDURES))
    found = list(_frequencies(rows, ALL, ALL, top))
    for procedure in procedures:
        found += _frequencies([row for row in rows if row.procedure == procedure], procedure, ALL, top)
    for procedure in procedures:
        for size in sorted({row.size for row in rows if row.procedure == procedure}):
            chosen = [row for row in rows if (row.procedure, row.size) == (procedure, size)]
            found += _frequencies(chosen, procedure, str(size), top)
    return found


@dataclass(frozen=True)
class Gain:
    """For how many datasets the accuracy is higher at the next larger size (figure 3)."""

    procedure: str
    architecture: str
    smaller: int
    larger: int
    better: int
    datasets: int
    """Those that have both sizes."""


def gains(rows: Sequence[Row]) -> list[Gain]:
    """One row for every procedure, architecture and two neighbouring sizes; equal accuracies are no gain."""
    accuracy = {row.cell: row.acc for row in rows}
    found = []
    for (procedure, architecture), group in _grouped(rows, lambda row: (row.procedure, row.architecture)).items():
        datasets = sorted({row.dataset for row in group})
        for smaller, larger in pairwise(sorted({row.size for row in group})):
            pairs = [
                (
                    accuracy[dataset, procedure, architecture, smaller],
                    accuracy[dataset, procedure, architecture, larger],
                )
                for dataset in datasets
                if {(dataset, procedure, architecture, size) for size in (smaller, larger)} <= accuracy.keys()
            ]
            better = sum(after > before for before, after in pairs)
            found.append(Gain(procedure, architecture, smaller, larger, better, len(pairs)))
    return sorted(found, key=lambda gain: order(gain.procedure, gain.architecture, gain.smaller))


@dataclass(frozen=True)
class Distribution:
    """Accuracies over the datasets: a box of figure 4, or with `all` its percentiles."""

    procedure: str
    size: str
    architecture: str
    count: int
    least: float
    quartile_1: float
    median: float
    quartile_3: float
    most: float
    mean: float


def distributions(rows: Sequence[Row]) -> list[Distribution]:
    """For every architecture: over everything, for each procedure, and for each procedure at each size.

    Quartiles are interpolated between neighbours (NumPy's and R's default, type 7).
    """
    scopes: list[Callable[[Row], tuple[str, str, str]]] = [
        lambda row: (ALL, ALL, row.architecture),
        lambda row: (row.procedure, ALL, row.architecture),
        lambda row: (row.procedure, str(row.size), row.architecture),
    ]
    found = []
    for key_of in scopes:
        groups = _grouped(rows, key_of)
        keys = sorted(groups, key=lambda key: order(key[0], key[2], int(key[1]) if key[1] != ALL else 0))
        found += [_distribution(key, [row.acc for row in groups[key]]) for key in keys]
    return found


def accuracies(rows: Sequence[Row]) -> dict[str, dict[tuple[str, str, int], float]]:
    """For each architecture, its accuracy at every dataset, procedure and size."""
    found: dict[str, dict[tuple[str, str, int], float]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: order(row.procedure, row.architecture, row.size)):
        found[row.architecture][row.dataset, row.procedure, row.size] = row.acc
    return dict(found)


def _frequencies(rows: Sequence[Row], procedure: str, size: str, top: int) -> Iterator[Frequency]:
    by_dataset = _grouped(rows, lambda row: row.dataset)
    counts: Counter[str] = Counter()
    for group in by_dataset.values():
        bar = sorted((row.acc for row in group), reverse=True)[: max(1, top)][-1]
        counts.update(row.architecture for row in group if row.acc >= bar)
    architectures = sorted({row.architecture for row in rows}, key=lambda name: order("", name, SIZES[0]))
    for architecture in architectures:
        yield Frequency(procedure, size, architecture, counts[architecture], len(by_dataset))


def _distribution(key: tuple[str, str, str], values: list[float]) -> Distribution:
    procedure, size, architecture = key
    least, first, median, third, most = (float(value) for value in np.percentile(values, [0, 25, 50, 75, 100]))
    mean = math.fsum(values) / len(values)
    return Distribution(procedure, size, architecture, len(values), least, first, median, third, most, mean)


def _mean(values: list[float | None]) -> float | None:
    """None unless all are there: an average over some of the datasets would not compare."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _grouped(rows: Iterable[Row], key_of: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key_of(row)].append(row)
    return groups
