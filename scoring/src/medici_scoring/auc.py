"""Areas under ROC curves, one per class, and their mean over the classes that have one.

A class has an area only where cases with it and cases without it were both seen. Elsewhere scikit-learn gives NaN, with
a warning, and a mean over such classes would be NaN too: here they are left out of the mean, and named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ClassAuc:
    name: str
    auc: float | None
    """0 to 1; None where it is undefined."""
    positives: int
    negatives: int


@dataclass(frozen=True)
class AucReport:
    """A row per class, in the given order."""

    classes: tuple[ClassAuc, ...]

    @property
    def undefined(self) -> tuple[str, ...]:
        """The classes that the mean leaves out."""
        return tuple(row.name for row in self.classes if row.auc is None)

    @property
    def mean(self) -> float | None:
        """Unweighted, over the classes that have an area; None where none has."""
        areas = [row.auc for row in self.classes if row.auc is not None]
        return sum(areas) / len(areas) if areas else None


def roc_auc(truth: npt.ArrayLike, scores: npt.ArrayLike) -> float | None:
    """The area under the ROC curve of N scores, where `truth` (N, true or false) says which cases are positive.

    It is the chance that a positive case scores higher than a negative one, ties counting one half (Mann and Whitney
    1947; Hanley and McNeil 1982): the area that scikit-learn's `roc_auc_score` gets by trapezoids. None where all cases
    are positive, or none is. Raises ValueError for other shapes, and for scores that are no finite numbers.
    """
    positive, values = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if positive.ndim != 1 or positive.shape != values.shape:
        raise ValueError(f"N truths and N scores must pair up; their shapes are {positive.shape} and {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("Scores must be finite numbers.")
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return None
    rank_sum = float(_mean_ranks(values)[positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def auc_report(truth: npt.ArrayLike, scores: npt.ArrayLike, *, names: Sequence[str]) -> AucReport:
    """The area of every column: `truth` and `scores` are N×C, `names` the C classes. Raises ValueError as `roc_auc`."""
    positive, values = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    wanted = (len(positive), len(names))
    if positive.shape != wanted or values.shape != wanted:
        shapes = f"{positive.shape} and {values.shape}"
        raise ValueError(f"Truths and scores must be cases×{len(names)} classes; their shapes are {shapes}.")
    rows = (_class_auc(name, positive[:, column], values[:, column]) for column, name in enumerate(names))
    return AucReport(tuple(rows))


def _class_auc(name: str, truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> ClassAuc:
    positives = int(truth.sum())
    return ClassAuc(name, roc_auc(truth, scores), positives, len(truth) - positives)


def _mean_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[place]
    return ranks
