"""Results on disk, one small file for each cell of the grid: what is in it is done, whatever happens to the rest.

    OUTPUT/cells/{dataset}_{size}_{procedure}_{architecture}_s{seed}.json     written at once, or not at all
    OUTPUT/locks/….lock                                                       held while a cell is being computed

Locks are the operating system's: those of a killed process are free again. Several processes, on one machine or on
several that share the folder, may therefore work on the same grid.
"""

import fcntl
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from medici_training.benchmark.configuration import Config
from medici_training.benchmark.names import title_of
from medici_training.benchmark.results import Row

DONE, FAILED = "done", "failed"
PERCENT = 100.0


@dataclass(frozen=True)
class Result:
    """What became of one cell. ACC and AUC are shares, 0 to 1."""

    cell: dict[str, Any]
    """dataset, img_size, training_procedure, architecture and seed."""
    settings: dict[str, Any]
    state: str
    error: str = ""
    acc: float | None = None
    auc: float | None = None
    """None for kNN, as in the paper, and where no class has both kinds of cases."""
    weights: str = ""
    weights_from: str = ""
    data: str = ""
    undefined: list[str] = field(default_factory=list)
    """Classes left out of the AUC, because all or none of the cases are of them."""
    epochs: int = 0
    best_epoch: int = 0
    seconds: float = 0.0
    memory_mib: float = 0.0
    gpu_memory_mib: float = 0.0
    device: str = ""


def cell_of(config: Config) -> dict[str, Any]:
    keys = ("dataset", "img_size", "training_procedure", "architecture", "seed")
    return {key: getattr(config, key) for key in keys}


class Ledger:
    def __init__(self, output: Path) -> None:
        self.cells, self.locks = output / "cells", output / "locks"
        for folder in (self.cells, self.locks):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, config: Config) -> Path:
        return self.cells / f"{config.stem}.json"

    def result(self, config: Config) -> Result | None:
        """None where there is none. Raises ValueError for one that was computed with other settings."""
        path = self.path(config)
        if not path.is_file():
            return None
        found = _read(path)
        wanted = json.loads(json.dumps(config.settings(), default=str))
        other = sorted(key for key in wanted if found.settings.get(key) != wanted[key])
        if other:
            key = other[0]
            raise ValueError(
                f"{path} was computed with {key} {found.settings.get(key)!r}, not {wanted[key]!r}: "
                "choose another output folder, or remove that file."
            )
        return found

    def record(self, config: Config, result: Result) -> None:
        """Write under another name and rename: there is never half a result."""
        path = self.path(config)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(asdict(result), indent=2, default=str) + "\n", encoding="utf-8")
        draft.replace(path)

    @contextmanager
    def claimed(self, config: Config) -> Iterator[bool]:
        """Whether this process may compute the cell; false while another one does."""
        with (self.locks / f"{config.stem}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def results(self) -> list[Result]:
        """All of the folder. Raises ValueError for a file that is no result."""
        return [_read(path) for path in sorted(self.cells.glob("*.json")) if not path.name.startswith(".")]


def to_rows(results: Iterable[Result], *, source: str = "") -> list[Row]:
    """Means and deviations (n - 1) over the seeds, in percent, as published tables have them. Failures are left out."""
    groups: dict[tuple[str, str, str, int], list[Result]] = {}
    for result in results:
        if result.state == DONE:
            cell = result.cell
            key = cell["dataset"], cell["training_procedure"], title_of(cell["architecture"]), cell["img_size"]
            groups.setdefault(key, []).append(result)
    return [_row(key, group, source) for key, group in groups.items()]


def _row(key: tuple[str, str, str, int], group: list[Result], source: str) -> Row:
    acc, acc_std = _spread([result.acc for result in group])
    auc, auc_std = _spread([result.auc for result in group])
    if acc is None:
        raise ValueError(f"A result of {', '.join(map(str, key))} says done, but has no accuracy: remove its file.")
    return Row(
        *key,
        acc=acc,
        acc_std=acc_std,
        auc=auc,
        auc_std=auc_std,
        seeds=len(group),
        weights=_together(result.weights for result in group),
        data=_together(result.data for result in group),
        source=source,
    )


def _spread(values: list[float | None]) -> tuple[float | None, float | None]:
    """Mean and deviation in percent; no mean unless every seed has a figure, no deviation of one."""
    known = [value * PERCENT for value in values if value is not None and math.isfinite(value)]
    if len(known) < len(values):
        return None, None
    return fmean(known), stdev(known) if len(known) > 1 else None


def _together(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))


def _read(path: Path) -> Result:
    try:
        return Result(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no result of this benchmark ({error}): remove it.") from error
