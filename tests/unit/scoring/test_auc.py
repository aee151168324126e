"""Areas under ROC curves: by hand, and as scikit-learn computes them."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medici_scoring.auc import ClassAuc, auc_report, roc_auc


@pytest.mark.parametrize(
    ("truth", "scores", "area"),
    [
        ([0, 1], [0.1, 0.9], 1.0),
        ([1, 0], [0.1, 0.9], 0.0),
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ([1, 0, 1, 0], [2, 2, 3, -1], 7 / 8),  # of four pairs three are in order and one is tied
    ],
    ids=["in order", "reversed", "tied", "one pair reversed", "one pair tied"],
)
def test_the_area_is_the_share_of_pairs_in_order(truth, scores, area):
    assert roc_auc(truth, scores) == area


@pytest.mark.parametrize("truth", [[0, 0, 0], [1, 1, 1]], ids=["no positives", "no negatives"])
def test_with_one_kind_of_case_there_is_no_area(truth):
    assert roc_auc(truth, [0.1, 0.2, 0.3]) is None


def test_it_is_scikit_learns_area():
    random = np.random.default_rng(1)
    for _ in range(200):
        count = int(random.integers(2, 60))
        truth = random.permutation(np.arange(count) < random.integers(1, count))
        scores = np.round(random.normal(size=count) + truth, int(random.integers(0, 4)))  # few digits: many ties
        assert roc_auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores), rel=0, abs=1e-12)


def test_the_mean_leaves_out_classes_without_an_area_and_names_them():
    truth = [[1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1]]
    scores = [[0.9, 0.1, 0.2], [0.1, 0.2, 0.2], [0.8, 0.3, 0.1], [0.2, 0.4, 0.9]]
    report = auc_report(truth, scores, names=["edema", "hernia", "mass"])
    assert report.classes == (
        ClassAuc("edema", 1.0, 2, 2),
        ClassAuc("hernia", None, 0, 4),
        ClassAuc("mass", 0.875, 2, 2),
    )
    assert report.mean == 0.9375
    assert report.undefined == ("hernia",)


def test_without_any_area_there_is_no_mean():
    report = auc_report([[1], [1]], [[0.5], [0.6]], names=["edema"])
    assert report.mean is None
    assert report.undefined == ("edema",)


@pytest.mark.parametrize(
    ("truth", "scores", "fault"),
    [
        ([0, 1], [0.1], "must pair up"),
        ([[0], [1]], [[0.1], [0.2]], "must pair up"),
        ([0, 1], [0.1, float("nan")], "finite numbers"),
        ([0, 1], [0.1, float("inf")], "finite numbers"),
    ],
    ids=["lengths", "tables", "nan", "inf"],
)
def test_what_cannot_be_measured_is_refused(truth, scores, fault):
    with pytest.raises(ValueError, match=fault):
        roc_auc(truth, scores)


def test_a_table_of_other_columns_is_refused():
    with pytest.raises(ValueError, match="cases×3 classes"):
        auc_report([[0, 1]], [[0.1, 0.2]], names=["a", "b", "c"])
