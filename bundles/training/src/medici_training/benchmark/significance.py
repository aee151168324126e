"""Which architectures differ: Wilcoxon's signed-rank test for every pair, with Bonferroni's correction (figure 5)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from medici_training.benchmark.derived import DECIMALS, accuracies
from medici_training.benchmark.results import Row

LEVEL = 0.05


@dataclass(frozen=True)
class Pair:
    first: str
    second: str
    count: int
    """Settings (dataset, procedure, size) that both have."""
    mean_difference: float
    """Percentage points; above 0 where `first` is better."""
    p: float | None
    """Two-sided, not yet corrected; None where the two never differ."""
    level: float
    """What p must stay below: 0.05 over the number of pairs (0.0011 for the 45 pairs of ten)."""

    @property
    def is_significant(self) -> bool:
        return self.p is not None and self.p < self.level

    @property
    def better(self) -> str:
        """The better one of the two where the difference is significant, else nothing."""
        if not self.is_significant:
            return ""
        return self.first if self.mean_difference > 0 else self.second


def pairs(rows: Sequence[Row], *, level: float = LEVEL) -> list[Pair]:
    """Every two architectures over all the settings that both have.

    Raises ValueError when there are fewer than two architectures, or two that share no setting.
    """
    by_architecture = accuracies(rows)
    both = list(combinations(by_architecture, 2))
    if not both:
        raise ValueError("A comparison needs the results of two architectures or more.")
    return [_pair((one, other), by_architecture, level / len(both)) for one, other in both]


def wilcoxon(differences: Sequence[float]) -> float | None:
    """Two-sided p: zeros dropped, ties given mean ranks, normal approximation with continuity correction.

    As R's `wilcox.test(exact = FALSE)`. None where nothing but zeros is left.
    """
    from scipy import stats  # noqa: PLC0415  tables without tests of significance do without it

    if not any(differences):
        return None
    found = stats.wilcoxon(
        differences, zero_method="wilcox", correction=True, alternative="two-sided", method="asymptotic"
    )
    return float(found.pvalue)


def _pair(
    names: tuple[str, str], by_architecture: Mapping[str, Mapping[tuple[str, str, int], float]], level: float
) -> Pair:
    first, second = (by_architecture[name] for name in names)
    shared = [setting for setting in first if setting in second]
    if not shared:
        raise ValueError(f"{names[0]} and {names[1]} share no dataset, procedure and size: they cannot be compared.")
    differences = [round(first[setting] - second[setting], DECIMALS) for setting in shared]
    return Pair(*names, len(shared), math.fsum(differences) / len(shared), wilcoxon(differences), level)
