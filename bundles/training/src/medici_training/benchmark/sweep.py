"""The grid dataset × size × procedure × architecture × seed, computed cell by cell.

What is done is not computed again. A failure is a result too: its sentence is kept, and the rest goes on.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from medici_training.benchmark.configuration import Config, make_config, read_yaml
from medici_training.benchmark.ledger import DONE, FAILED, Ledger, Result, cell_of
from medici_training.benchmark.names import DATASETS, PROCEDURES, PUBLISHED, SEEDS, SIZES

AXES = {
    "datasets": ("dataset", DATASETS),
    "img_sizes": ("img_size", SIZES),
    "training_procedures": ("training_procedure", PROCEDURES),
    "architectures": ("architecture", tuple(PUBLISHED)),
    "seeds": ("seed", SEEDS),
}
"""Keys of a sweep's file, the key of a configuration that each of them fills, and what is taken when it is absent."""
KEEP = "keep_checkpoints"
LONGEST_ERROR = 500
Work = Callable[[Config], Result]


@dataclass(frozen=True)
class Grid:
    configs: tuple[Config, ...]
    keep_checkpoints: bool = False

    @property
    def output(self) -> Path:
        return self.configs[0].output_path


def read_grid(path: Path, overrides: Mapping[str, Any] | None = None) -> Grid:
    """A sweep's file: the axes, and any key of a configuration. Raises ValueError naming all faults at once."""
    values = {**read_yaml(path), **{key: value for key, value in (overrides or {}).items() if value is not None}}
    keep = values.pop(KEEP, False)
    if not isinstance(keep, bool):
        raise ValueError(f"{path}: {KEEP} must be true or false, not {keep!r}.")  # noqa: TRY004  as the other faults
    lists = {axis: _list(values.pop(axis, default), f"{path}: {axis}") for axis, (_, default) in AXES.items()}
    single = [key for key, _ in AXES.values() if key in values]
    if single:
        plural = ", ".join(axis for axis, (key, _) in AXES.items() if key in single)
        raise ValueError(f"{path}: {', '.join(single)} is a list in a sweep: write {plural}.")
    configs, faults = [], []
    for cell in product(*lists.values()):
        chosen = dict(zip((key for key, _ in AXES.values()), cell, strict=True))
        try:
            configs.append(make_config({**values, **chosen}, where=str(path)))
        except ValueError as error:
            faults += str(error).splitlines()
    if faults:
        raise ValueError("\n".join(dict.fromkeys(faults)))
    return Grid(tuple(configs), keep)


def pending(configs: Sequence[Config], ledger: Ledger, *, retry_failed: bool = False) -> list[Config]:
    """Those without a result, and on request those that failed. Raises ValueError for results of other settings."""
    found = [(config, ledger.result(config)) for config in configs]
    return [one for one, result in found if result is None or (retry_failed and result.state == FAILED)]


def compute(config: Config, ledger: Ledger, work: Work, *, retry_failed: bool = False) -> Result | None:
    """One cell's result, computed unless it is there; None while another process computes it."""
    with ledger.claimed(config) as is_ours:
        if not is_ours:
            return None
        known = ledger.result(config)
        if known is not None and not (retry_failed and known.state == FAILED):
            return known
        result = attempt(config, work)
        ledger.record(config, result)
        return result


def attempt(config: Config, work: Work) -> Result:
    """The cell's result, or its failure with one sentence."""
    began = time.perf_counter()
    try:
        return work(config)
    except Exception as error:  # noqa: BLE001  one cell's failure must not end a sweep of days
        text = " ".join(str(error).split())[:LONGEST_ERROR] or "no reason given"
        sentence = text if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {text}"
        seconds = round(time.perf_counter() - began, 3)
        return Result(cell_of(config), config.settings(), FAILED, error=sentence, seconds=seconds)


class Progress:
    """One line for each result, with what is left and about how long it will take."""

    def __init__(self, configs: Sequence[Config], ledger: Ledger, *, say: Callable[[str], object] = print) -> None:
        self._configs, self._ledger, self._say = configs, ledger, say
        self._began, self._before = time.monotonic(), self.ended()

    def ended(self) -> int:
        return sum(self._ledger.path(config).is_file() for config in self._configs)

    def tell(self, config: Config, result: Result) -> None:
        ended, total = self.ended(), len(self._configs)
        new = max(1, ended - self._before)
        left_s = (time.monotonic() - self._began) / new * (total - ended)
        ahead = f"; about {duration(left_s)} left" if ended < total else ""
        self._say(f"[{ended}/{total}] {config.stem}: {_outcome(result)} ({result.seconds:.1f} s){ahead}")


def duration(seconds: float) -> str:
    minute, hour = 60, 3600
    if seconds < 2 * minute:
        return f"{seconds:.0f} s"
    return f"{seconds / minute:.0f} min" if seconds < 2 * hour else f"{seconds / hour:.1f} h"


def summary(configs: Sequence[Config], ledger: Ledger) -> tuple[int, list[tuple[Config, str]], int]:
    """How many are done, which failed and why, and how many have no result."""
    results = [(config, ledger.result(config)) for config in configs]
    failed = [(config, result.error) for config, result in results if result and result.state == FAILED]
    done = sum(1 for _, result in results if result and result.state == DONE)
    return done, failed, len(configs) - done - len(failed)


def _outcome(result: Result) -> str:
    if result.state == FAILED:
        return f"failed: {result.error}"
    auc = "" if result.auc is None else f", AUC {result.auc:.4f}"
    return f"ACC {result.acc:.4f}{auc}, {result.weights} weights"


def _list(value: Any, where: str) -> list[Any]:
    entries = list(value) if isinstance(value, list | tuple) else [value]
    if not entries:
        raise ValueError(f"{where} is empty.")
    if len(set(map(str, entries))) < len(entries):
        raise ValueError(f"{where} names something twice.")
    return entries
