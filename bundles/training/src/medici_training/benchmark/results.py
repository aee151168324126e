"""Result tables: one row for each dataset, procedure, architecture and size, mean and deviation over the seeds.

The published table and those of a sweep have the same columns. Figures are percent; what a procedure does not give
(kNN: no AUC) or one seed cannot tell (its deviation) is an empty cell.
"""

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medici_training.benchmark.names import ARCHITECTURES, DATASETS, PROCEDURES, SIZES, place

COLUMNS = (
    "dataset",
    "training_procedure",
    "architecture",
    "img_size",
    "acc_mean",
    "acc_std",
    "auc_mean",
    "auc_std",
    "seeds",
    "weights",
    "data",
    "source",
)
TITLES = tuple(ARCHITECTURES.values())
HIGHEST = 100.0


@dataclass(frozen=True)
class Row:
    dataset: str
    procedure: str
    architecture: str
    """The title, such as `ResNet-18`."""
    size: int
    """Height and width of the images, in pixels."""
    acc: float
    acc_std: float | None = None
    auc: float | None = None
    auc_std: float | None = None
    seeds: int = 1
    weights: str = ""
    """`pretrained` or `random`: what the network began with."""
    data: str = ""
    source: str = ""

    @property
    def cell(self) -> tuple[str, str, str, int]:
        return self.dataset, self.procedure, self.architecture, self.size


def in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(
        rows, key=lambda row: (place(row.dataset, DATASETS), *order(row.procedure, row.architecture, row.size))
    )


def order(
    procedure: str, architecture: str, size: int
) -> tuple[tuple[int, str], tuple[int, str], tuple[int, str], int]:
    """The sort key of the published tables."""
    return place(procedure, PROCEDURES), place(architecture, TITLES), place(size, SIZES), size


def read_rows(path: Path) -> list[Row]:
    """All rows of a table. Raises ValueError naming the line for what is no row, and for a cell of the grid twice."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS[:8] if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} is no table of results: it lacks the columns {', '.join(missing)}.")
        rows = [_row(cells, f"{path}, line {number}") for number, cells in enumerate(reader, start=2)]
    if not rows:
        raise ValueError(f"{path} holds no results.")
    seen: set[tuple[str, str, str, int]] = set()
    for number, row in enumerate(rows, start=2):
        if row.cell in seen:
            raise ValueError(f"{path}, line {number}: {', '.join(map(str, row.cell))} has a row already.")
        seen.add(row.cell)
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """In the order of the published tables, with two decimals as there."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in in_order(rows):
            figures = [_two_decimals(value) for value in (row.acc, row.acc_std, row.auc, row.auc_std)]
            writer.writerow([*row.cell, *figures, row.seeds, row.weights, row.data, row.source])


def _row(cells: dict[str, str | None], where: str) -> Row:
    dataset, procedure, architecture = ((cells.get(name) or "").strip() for name in COLUMNS[:3])
    if not (dataset and procedure and architecture):
        raise ValueError(f"{where}: dataset, training_procedure and architecture must be named.")
    acc = _percent(cells, "acc_mean", where)
    if acc is None:
        raise ValueError(f"{where}: acc_mean is empty.")
    return Row(
        dataset,
        procedure,
        architecture,
        size=_whole(cells, "img_size", where),
        acc=acc,
        acc_std=_percent(cells, "acc_std", where),
        auc=_percent(cells, "auc_mean", where),
        auc_std=_percent(cells, "auc_std", where),
        seeds=_whole(cells, "seeds", where) if cells.get("seeds") else 1,
        weights=cells.get("weights") or "",
        data=cells.get("data") or "",
        source=cells.get("source") or "",
    )


def _percent(cells: dict[str, str | None], name: str, where: str) -> float | None:
    text = (cells.get(name) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= HIGHEST:
        raise ValueError(f"{where}: {name} must be percent, from 0 to 100, not {text!r}.")
    return value


def _whole(cells: dict[str, str | None], name: str, where: str) -> int:
    text = (cells.get(name) or "").strip()
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{where}: {name} must be a whole number above 0, not {text!r}.")
    return int(text)


def _two_decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
