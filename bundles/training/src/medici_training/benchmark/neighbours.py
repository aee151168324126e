"""k nearest neighbours on features: no training, only looking up."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Bank:
    """What there is to look up: the training images' features, and what they show."""

    features: Floats
    """N×features."""
    truth: Floats
    """N×classes, zeros and ones."""

    def votes(self, asked: Floats, *, k: int) -> npt.NDArray[np.float64]:
        """M×classes: the share of the k nearest (Euclidean, ball tree) that are of each class.

        The highest share, the first of equals, is the majority as the paper counts it; of multi-label data a share
        above one half is a yes. Raises ValueError when there are fewer than k to look up.
        """
        from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415  training does without it

        if k > len(self.features):
            raise ValueError(f"k is {k}, but there are only {len(self.features)} training images.")
        found = NearestNeighbors(n_neighbors=k, algorithm="ball_tree").fit(self.features)
        nearest = found.kneighbors(asked, return_distance=False)
        return np.asarray(self.truth[nearest].mean(axis=1), dtype=np.float64)


def as_truth(labels: Labels, classes: int) -> npt.NDArray[np.float32]:
    """N×1 class numbers, or N×classes zeros and ones, to N×classes zeros and ones."""
    if labels.shape[1] == 1:
        return np.eye(classes, dtype=np.float32)[labels[:, 0]]
    return labels.astype(np.float32)
