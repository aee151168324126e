"""Our figures are scikit-learn's, and the report is its text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, classification_report

from medici_scoring.classification import classify, report_text

CLASSES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")
PAIRS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=80)


def sklearn_report(truth, predicted, **options):
    return classification_report(truth, predicted, labels=CLASSES, zero_division=0, **options)


@settings(deadline=None)  # the first call of scikit-learn is slow
@given(PAIRS)
def test_every_figure_equals_scikit_learns(pairs):
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    theirs = sklearn_report(truth, predicted, output_dict=True)
    ours = classify(truth, predicted, classes=CLASSES)
    assert ours.accuracy == pytest.approx(accuracy_score(truth, predicted), rel=0, abs=1e-12)
    for row in (*ours.classes, ours.macro, ours.weighted):
        expected = theirs[row.name]
        figures = (row.precision, row.recall, row.f1, row.support)
        wanted = [expected[key] for key in ("precision", "recall", "f1-score", "support")]
        assert figures == pytest.approx(wanted, rel=0, abs=1e-12)


@settings(deadline=None)  # the first call of scikit-learn is slow
@given(PAIRS)
def test_report_has_the_lines_and_columns_of_scikit_learns(pairs):
    """The digits are compared above: where a last bit differs, a half may be rounded either way."""
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    ours = report_text(classify(truth, predicted, classes=CLASSES), digits=2)
    theirs = sklearn_report(truth, predicted, digits=2)
    assert [len(line) for line in ours.split("\n")] == [len(line) for line in theirs.split("\n")]


def test_report_of_one_case_is_exactly_scikit_learns():
    truth = ["Hand"] * 7 + ["CXR"] * 5 + ["HeadCT"] * 2
    predicted = ["Hand"] * 5 + ["CXR"] * 6 + ["AbdomenCT"] * 3
    assert report_text(classify(truth, predicted, classes=CLASSES)) == sklearn_report(truth, predicted, digits=4)


def test_rows_keep_the_given_order():
    result = classify(["b", "a"], ["a", "a"], classes=("b", "a", "c"))
    assert [row.name for row in result.classes] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("truth", "predicted", "sentence"),
    [
        (["a"], ["a", "b"], "1 true classes but 2 predicted ones: they must pair up."),
        ([], [], "There is nothing to score: no items were given."),
        (["a", "y"], ["x", "a"], "Names that are no class: x, y."),
    ],
)
def test_what_cannot_be_compared_is_named(truth, predicted, sentence):
    with pytest.raises(ValueError, match="^" + sentence.replace(".", r"\.") + "$"):
        classify(truth, predicted, classes=("a", "b"))
