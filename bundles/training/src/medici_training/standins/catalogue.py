"""Which drawing belongs to which flag, and how often each of its labels comes."""

from collections.abc import Callable
from dataclasses import dataclass

from medici_training.standins import (
    blood,
    chest,
    coherence,
    dermatology,
    fundus,
    organs,
    pathology,
    tissue,
    ultrasound,
    volumes,
)
from medici_training.standins.canvas import Array

CHEST_SHARES = (0.24, 0.06, 0.25, 0.36, 0.12, 0.13, 0.05, 0.08, 0.08, 0.05, 0.05, 0.05, 0.06, 0.05)
"""About two and a half times NIH's prevalences, and 5 % at least: few images must do for fourteen labels."""


@dataclass(frozen=True)
class Recipe:
    draw: Callable[..., Array]
    """From a generator, the size and the label (or the row of labels) to brightness, 0 to 1."""
    shares: tuple[float, ...]
    """Of every class; where several labels may apply, of every label."""


def evenly(classes: int) -> tuple[float, ...]:
    return (1 / classes,) * classes


RECIPES: dict[str, Recipe] = {
    "pathmnist": Recipe(pathology.tissue, evenly(9)),
    "chestmnist": Recipe(chest.chest, CHEST_SHARES),
    "dermamnist": Recipe(dermatology.lesion, (0.1, 0.1, 0.14, 0.08, 0.14, 0.36, 0.08)),
    "octmnist": Recipe(coherence.retina, (0.28, 0.2, 0.2, 0.32)),
    "pneumoniamnist": Recipe(chest.pneumonia, (0.4, 0.6)),
    "retinamnist": Recipe(fundus.fundus, (0.43, 0.13, 0.2, 0.17, 0.07)),
    "breastmnist": Recipe(ultrasound.breast, (0.4, 0.6)),
    "bloodmnist": Recipe(blood.blood, evenly(8)),
    "tissuemnist": Recipe(tissue.cell, (0.2, 0.08, 0.08, 0.12, 0.1, 0.1, 0.18, 0.14)),
    "organamnist": Recipe(organs.axial, evenly(11)),
    "organcmnist": Recipe(organs.coronal, evenly(11)),
    "organsmnist": Recipe(organs.sagittal, evenly(11)),
    "organmnist3d": Recipe(organs.volume, evenly(11)),
    "nodulemnist3d": Recipe(volumes.nodule, (0.65, 0.35)),
    "adrenalmnist3d": Recipe(volumes.adrenal, (0.65, 0.35)),
    "fracturemnist3d": Recipe(volumes.fracture, (0.4, 0.35, 0.25)),
    "vesselmnist3d": Recipe(volumes.vessel, (0.65, 0.35)),
    "synapsemnist3d": Recipe(volumes.synapse, (0.35, 0.65)),
}
