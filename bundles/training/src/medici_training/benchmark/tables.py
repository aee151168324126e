"""The derived tables as CSV files and as text."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from medici_training.benchmark import derived
from medici_training.benchmark.derived import ALL, Average, Distribution, Frequency, Gain
from medici_training.benchmark.results import Row
from medici_training.benchmark.significance import Pair, pairs

NO_FIGURE = ""


@dataclass(frozen=True)
class Table:
    name: str
    """The file's name without `.csv`."""
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(self.rows)
        return path

    def __str__(self) -> str:
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        lines = [self.columns, tuple("-" * width for width in widths), *self.rows]
        text = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
        return "\n".join([self.title, *text])


@dataclass(frozen=True)
class Derived:
    """Everything that figures are drawn from."""

    averages: list[Average]
    frequencies: list[Frequency]
    gains: list[Gain]
    distributions: list[Distribution]
    pairs: list[Pair]


def derive(rows: Sequence[Row]) -> Derived:
    """All of the paper's tables. With one architecture alone there are no pairs to test."""
    several = len({row.architecture for row in rows}) > 1
    return Derived(
        averages=derived.averages(rows),
        frequencies=derived.top_frequencies(rows),
        gains=derived.gains(rows),
        distributions=derived.distributions(rows),
        pairs=pairs(rows) if several else [],
    )


def tables(found: Derived) -> list[Table]:
    """As they are written: every count of every scope."""
    return [
        _table("average", "Averages over the datasets, percent", Average, found.averages),
        _table("top5", "How often among the five best of a dataset, by accuracy", Frequency, found.frequencies),
        _table("resolution", "Datasets with a higher accuracy at the next larger size", Gain, found.gains),
        _table("boxes", "Accuracies over the datasets, percent", Distribution, found.distributions),
        _significance(found.pairs),
    ]


def summaries(found: Derived) -> list[Table]:
    """As they are printed: one line per architecture, or per kind of comparison."""
    pairs_too = [_significance(found.pairs)] if found.pairs else []
    return [_average_summary(found.averages), _top_summary(found), _gain_summary(found.gains), *pairs_too]


def _table(name: str, title: str, kind: type[Any], entries: Iterable[Any]) -> Table:
    columns = tuple(field.name for field in fields(kind))
    return Table(name, title, columns, [tuple(map(_cell, astuple(entry))) for entry in entries])


def _significance(found: Sequence[Pair]) -> Table:
    level = f"{found[0].level:.4f}" if found else NO_FIGURE
    count = sum(pair.is_significant for pair in found)
    title = f"Wilcoxon's signed-rank test, two-sided: {count} of {len(found)} pairs differ (p < {level})"
    rows = [
        (pair.first, pair.second, str(pair.count), f"{pair.mean_difference:+.2f}", _p(pair.p), pair.better)
        for pair in found
    ]
    return Table("wilcoxon", title, ("first", "second", "count", "mean_difference", "p", "better"), rows)


def _average_summary(found: Sequence[Average]) -> Table:
    """Procedures and architectures in rows, the accuracies and AUCs of the sizes in columns."""
    sizes = sorted({entry.size for entry in found})
    figures = {(entry.procedure, entry.architecture, entry.size): entry for entry in found}
    rows = []
    for procedure, architecture in dict.fromkeys((entry.procedure, entry.architecture) for entry in found):
        line = [figures.get((procedure, architecture, size)) for size in sizes]
        acc = [_spread(entry.acc, entry.acc_std) if entry else NO_FIGURE for entry in line]
        auc = [_spread(entry.auc, entry.auc_std) if entry else NO_FIGURE for entry in line]
        rows.append((procedure, architecture, *acc, *auc))
    columns = ("procedure", "architecture", *(f"ACC {size}" for size in sizes), *(f"AUC {size}" for size in sizes))
    return Table("average", "Averages over the datasets, percent", columns, rows)


def _top_summary(found: Derived) -> Table:
    wide = [entry for entry in found.frequencies if entry.size == ALL]
    procedures = list(dict.fromkeys(entry.procedure for entry in wide))
    counts = {(entry.architecture, entry.procedure): entry.count for entry in wide}
    names = list(dict.fromkeys(entry.architecture for entry in wide))
    rows = [(name, *(str(counts.get((name, procedure), 0)) for procedure in procedures)) for name in names]
    return Table("top5", "How often among the five best of a dataset, by accuracy", ("architecture", *procedures), rows)


def _gain_summary(found: Sequence[Gain]) -> Table:
    """Summed over the architectures."""
    steps = list(dict.fromkeys((gain.smaller, gain.larger) for gain in found))
    rows = []
    for procedure in dict.fromkeys(gain.procedure for gain in found):
        chosen = [
            [gain for gain in found if (gain.procedure, gain.smaller, gain.larger) == (procedure, *step)]
            for step in steps
        ]
        cells = [f"{sum(gain.better for gain in group)} of {sum(gain.datasets for gain in group)}" for group in chosen]
        rows.append((procedure, *cells))
    columns = ("procedure", *(f"{smaller} to {larger}" for smaller, larger in steps))
    return Table(
        "resolution", "Higher accuracy at the next larger size, of all datasets and architectures", columns, rows
    )


def _spread(mean: float | None, deviation: float | None) -> str:
    if mean is None:
        return NO_FIGURE
    return f"{mean:.2f}" if deviation is None else f"{mean:.2f} ± {deviation:.2f}"


def _p(value: float | None) -> str:
    return NO_FIGURE if value is None else f"{value:.3g}"


def _cell(value: object) -> str:
    if value is None:
        return NO_FIGURE
    return f"{value:.3f}" if isinstance(value, float) else str(value)
