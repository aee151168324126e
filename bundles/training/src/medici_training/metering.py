"""How long something took and how much memory it needed: the figures that every challenge states."""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    seconds: float
    memory_mib: float
    """The highest resident memory of this process and of its largest child, added up."""
    gpu_memory_mib: float = 0.0

    def __str__(self) -> str:
        gpu = f", {self.gpu_memory_mib:.0f} MiB of the GPU" if self.gpu_memory_mib else ""
        return f"{self.seconds:.1f} s, {self.memory_mib:.0f} MiB{gpu}"


class Meter:
    """Runs from its making; `cost()` reads it at any time."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def cost(self) -> Cost:
        unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB on Linux
        peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return Cost(time.perf_counter() - self._began, sum(peaks) * unit / MIB, _gpu_peak_mib())


def _gpu_peak_mib() -> float:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0.0
    return float(torch.cuda.max_memory_allocated() / MIB)


def write_cost(folder: Path, cost: Cost, **figures: float | str) -> None:
    """`folder/training.json`: the cost and whatever figures belong to it."""
    text = json.dumps({**{key: round(value, 3) for key, value in asdict(cost).items()}, **figures}, indent=2)
    (folder / "training.json").write_text(text + "\n", encoding="utf-8")
