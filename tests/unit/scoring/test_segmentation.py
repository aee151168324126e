"""Dice by hand; distances beside MONAI's own classes."""

import numpy as np
import pytest

from medici_scoring.segmentation import (
    CaseFigures,
    ClassFigures,
    case_rows,
    dice,
    hausdorff95_mm,
    measure_case,
    summarise,
    surface_dice,
)
from medici_scoring.segmentation_page import left_out, segmentation_page
from tests.trainers import need_trainers

EMPTY = np.zeros((4, 4, 4), dtype=bool)
FULL = np.ones((4, 4, 4), dtype=bool)
HALF = np.arange(64).reshape(4, 4, 4) < 32
SPACING = (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("truth", "predicted", "wanted"),
    [
        pytest.param(FULL, FULL, 1.0, id="the same"),
        pytest.param(FULL, HALF, 2 * 32 / 96, id="half of it"),
        pytest.param(HALF, ~HALF, 0.0, id="the rest"),
        pytest.param(HALF, EMPTY, 0.0, id="nothing found"),
        pytest.param(EMPTY, HALF, 0.0, id="something found"),
        pytest.param(EMPTY, EMPTY, 1.0, id="rightly nothing"),
    ],
)
def test_dice_by_hand(truth, predicted, wanted):
    assert dice(truth, predicted) == wanted


def test_surfaces_of_empty_masks_need_no_measuring():
    assert surface_dice(EMPTY, EMPTY, spacing_mm=SPACING, tolerance_mm=1) == 1
    assert surface_dice(EMPTY, FULL, spacing_mm=SPACING, tolerance_mm=1) == 0
    assert surface_dice(FULL, EMPTY, spacing_mm=SPACING, tolerance_mm=1) == 0
    assert hausdorff95_mm(EMPTY, EMPTY, spacing_mm=SPACING) == 0
    assert hausdorff95_mm(FULL, EMPTY, spacing_mm=SPACING) is None
    assert hausdorff95_mm(EMPTY, FULL, spacing_mm=SPACING) is None


CASES = [
    CaseFigures("a", {"left": ClassFigures(1.0, 1.0, 0.0), "right": ClassFigures(0.0, 0.0, None)}),
    CaseFigures("b", {"left": ClassFigures(0.5, 0.25, 4.0), "right": ClassFigures(0.5, 0.5, None)}),
]


def test_undefined_distances_are_left_out_and_named():
    summary = summarise(CASES)
    assert (summary.dice, summary.mean_dice) == ({"left": 0.75, "right": 0.25}, 0.5)
    assert summary.mean_surface_dice == 0.4375
    assert summary.hausdorff95_mm == {"left": 2.0, "right": None}
    assert summary.mean_hausdorff95_mm == 2.0
    assert summary.undefined == [("a", "right"), ("b", "right")]
    assert left_out(summary).endswith("because one of the two label maps has no such voxel: a (right), b (right).")
    with pytest.raises(ValueError, match="no case"):
        summarise([])


def test_without_any_distance_there_is_no_mean():
    none = [CaseFigures("a", {"left": ClassFigures(0.0, 0.0, None)})]
    assert summarise(none).mean_hausdorff95_mm is None


def test_rows_of_cases():
    header, rows = case_rows(CASES)
    assert header == [
        "case", "dice_left", "dice_right", "surface_dice_left", "surface_dice_right",
        "hausdorff95_mm_left", "hausdorff95_mm_right",
    ]  # fmt: skip
    assert list(rows) == [["a", 1.0, 0.0, 1.0, 0.0, 0.0, ""], ["b", 0.5, 0.5, 0.25, 0.5, 4.0, ""]]


def test_the_page_escapes_names_and_shows_every_case():
    cases = [CaseFigures("<b>", CASES[0].classes)]
    page = segmentation_page("Lungs & more", cases, summarise(cases), tolerance_mm=7)
    assert "<h1>Lungs &amp; more</h1>" in page
    assert "<tr><td>&lt;b&gt;</td><td>1.0000</td><td>1.0000</td><td>0.00</td>" in page
    assert "<td>0.0000</td><td>0.0000</td><td>–</td></tr>" in page
    assert "within 7 mm" in page


def test_label_maps_of_different_shapes_cannot_be_compared():
    with pytest.raises(ValueError, match="case_1: label maps of shapes"):
        measure_case("case_1", FULL, FULL[:2], classes={1: "lung"}, spacing_mm=SPACING, tolerance_mm=1)


# ---- with MONAI ----


def shifted(by, axis):
    """A box of 4x4x4 voxels in 12x12x12, moved along an axis."""
    mask = np.zeros((12, 12, 12), dtype=bool)
    mask[4:8, 4:8, 4:8] = True
    return np.roll(mask, by, axis=axis)


@pytest.mark.slow
def test_distances_count_the_size_of_voxels():
    need_trainers()
    still, spacing = shifted(0, 0), (2.0, 1.0, 3.0)
    for axis, size in enumerate(spacing):
        moved = shifted(1, axis)
        assert hausdorff95_mm(still, moved, spacing_mm=spacing) == size
        assert surface_dice(still, moved, spacing_mm=spacing, tolerance_mm=size) == 1.0
        assert 0.4 < surface_dice(still, moved, spacing_mm=spacing, tolerance_mm=size - 0.1) < 1.0
    assert hausdorff95_mm(still, still, spacing_mm=spacing) == 0.0


@pytest.mark.slow
def test_dice_is_monais():
    need_trainers()
    import torch
    from monai.metrics import DiceMetric

    random = np.random.default_rng(0)
    maps = random.integers(0, 3, (2, 5, 6, 7, 8))
    maps[:, 0][maps[:, 0] == 2] = 0  # class 2 is in neither map of the first case
    maps[0, 1][maps[0, 1] == 1] = 0
    truth, predicted = maps
    one_hot = [
        torch.nn.functional.one_hot(torch.from_numpy(each), 3).movedim(-1, 1).float() for each in (predicted, truth)
    ]
    monai = DiceMetric(include_background=False, ignore_empty=False)(*one_hot)
    ours = [[dice(truth[case] == label, predicted[case] == label) for label in (1, 2)] for case in range(5)]
    assert torch.allclose(monai, torch.tensor(ours), atol=1e-6)
    assert ours[0][1] == 1.0
    assert ours[1][0] == 0.0
