"""How well label maps agree: Dice, Hausdorff distance and surface Dice, per class and case.

What happens where a class is empty is part of the metric, so it stands here once:

    truth    prediction   Dice   surface Dice   Hausdorff 95
    empty    empty        1      1              0 mm
    one of them empty     0      0              undefined: left out of the mean, and named

MedicalNet's own evaluation gives -1 where both are empty and lets that into the mean; here a class that is rightly not
found is a full success. Distances are MONAI's, which is imported when the first one is asked for.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]

HAUSDORFF_PERCENTILE = 95
METRICS = ("dice", "surface_dice", "hausdorff95_mm")


@dataclass(frozen=True)
class ClassFigures:
    """One class of one case."""

    dice: float
    """0 to 1."""
    surface_dice: float
    """0 to 1."""
    hausdorff95_mm: float | None
    """None where it is undefined."""


@dataclass(frozen=True)
class CaseFigures:
    case: str
    classes: Mapping[str, ClassFigures]

    @property
    def mean_dice(self) -> float:
        return sum(figures.dice for figures in self.classes.values()) / len(self.classes)


@dataclass(frozen=True)
class Summary:
    """Means over cases for each class, and the means of these over classes."""

    dice: Mapping[str, float]
    surface_dice: Mapping[str, float]
    hausdorff95_mm: Mapping[str, float | None]
    """None for a class for which no case has a distance."""
    undefined: Sequence[tuple[str, str]]
    """Case and class of every distance that is left out."""

    @property
    def mean_dice(self) -> float:
        return _mean(self.dice.values())

    @property
    def mean_surface_dice(self) -> float:
        return _mean(self.surface_dice.values())

    @property
    def mean_hausdorff95_mm(self) -> float | None:
        known = [value for value in self.hausdorff95_mm.values() if value is not None]
        return _mean(known) if known else None


def dice(truth: Mask, predicted: Mask) -> float:
    """2|P∩G| / (|P| + |G|) of two masks of any shape; 1 when both are empty."""
    together = int(truth.sum()) + int(predicted.sum())
    return 2 * int((truth & predicted).sum()) / together if together else 1.0


def surface_dice(truth: Mask, predicted: Mask, *, spacing_mm: Spacing, tolerance_mm: float) -> float:
    """The share of both DxHxW surfaces that lies within `tolerance_mm` of the other (Nikolov et al. 2018).

    A surface is the mask's outermost voxels. 1 when both are empty, 0 when one is.
    """
    if not (truth.any() and predicted.any()):
        return float(truth.any() == predicted.any())
    from monai.metrics import compute_surface_dice  # noqa: PLC0415

    with _own_warnings():
        share = compute_surface_dice(
            _batch(predicted), _batch(truth), [tolerance_mm], include_background=True, spacing=list(spacing_mm)
        )
    return float(share[0, 0])


def hausdorff95_mm(truth: Mask, predicted: Mask, *, spacing_mm: Spacing) -> float | None:
    """The 95th percentile of distances between the surfaces of two DxHxW masks, the larger of both directions.

    0 when both are empty, None when one is.
    """
    if not (truth.any() and predicted.any()):
        return 0.0 if truth.any() == predicted.any() else None
    from monai.metrics import compute_hausdorff_distance  # noqa: PLC0415

    with _own_warnings():
        distance = compute_hausdorff_distance(
            _batch(predicted),
            _batch(truth),
            include_background=True,
            percentile=HAUSDORFF_PERCENTILE,
            spacing=list(spacing_mm),
        )
    return float(distance[0, 0])


def measure_case(
    case: str,
    truth: Labels,
    predicted: Labels,
    *,
    classes: Mapping[int, str],
    spacing_mm: Spacing,
    tolerance_mm: float,
) -> CaseFigures:
    """All figures of one case. `classes` names the labels that count; 0, the background, is not among them."""
    if truth.shape != predicted.shape:
        raise ValueError(f"{case}: label maps of shapes {truth.shape} and {predicted.shape} cannot be compared.")
    figures = {}
    for label, name in classes.items():
        wanted, given = truth == label, predicted == label
        figures[name] = ClassFigures(
            dice=dice(wanted, given),
            surface_dice=surface_dice(wanted, given, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm),
            hausdorff95_mm=hausdorff95_mm(wanted, given, spacing_mm=spacing_mm),
        )
    return CaseFigures(case, figures)


def summarise(cases: Sequence[CaseFigures]) -> Summary:
    """Means over cases, class by class. Raises ValueError without any case."""
    if not cases:
        raise ValueError("There is no case to summarise.")
    names = list(cases[0].classes)
    return Summary(
        dice={name: _mean([case.classes[name].dice for case in cases]) for name in names},
        surface_dice={name: _mean([case.classes[name].surface_dice for case in cases]) for name in names},
        hausdorff95_mm={name: _mean_distance(cases, name) for name in names},
        undefined=[(case.case, name) for case in cases for name in names if case.classes[name].hausdorff95_mm is None],
    )


def case_rows(cases: Sequence[CaseFigures]) -> tuple[list[str], Iterator[list[object]]]:
    """Header and rows of cases.csv; an undefined distance is an empty cell."""
    names = list(cases[0].classes)
    columns = [(metric, name) for metric in METRICS for name in names]
    header = ["case", *(f"{metric}_{name.replace(' ', '_')}" for metric, name in columns)]
    return header, ([case.case, *(_figure(case, *column) for column in columns)] for case in cases)


def _figure(case: CaseFigures, metric: str, name: str) -> object:
    value = getattr(case.classes[name], metric)
    return "" if value is None else value


def _mean_distance(cases: Sequence[CaseFigures], name: str) -> float | None:
    known = [case.classes[name].hausdorff95_mm for case in cases]
    defined = [value for value in known if value is not None]
    return _mean(defined) if defined else None


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _batch(mask: Mask) -> object:
    """1x1xDxHxW, as MONAI takes masks."""
    import torch  # noqa: PLC0415

    return torch.from_numpy(mask[None, None].astype(np.float32))


def _own_warnings() -> warnings.catch_warnings:
    """MONAI warns of an argument that it passes to itself."""
    return warnings.catch_warnings(action="ignore", category=FutureWarning)
