"""The bundle is what the platform reads, and its scoring program keeps its contract."""

import csv
import shutil

import pytest
from sklearn.metrics import classification_report

from medici_bundles.faults import BundleRejected
from medici_bundles.reader import open_bundle
from medici_scoring.bundle import read_tasks
from medici_scoring.local import score_locally

ANSWERS = ["AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT", "Hand"]
PREDICTED = ["AbdomenCT", "BreastMRI", "ChestCT", "ChestCT", "Hand", "Hand", "Hand"]


@pytest.fixture(scope="module")
def complete(bundle, script, tmp_path_factory):
    """A copy of the bundle with a few images made for it."""
    folder = tmp_path_factory.mktemp("bundle") / "mednist"
    made = ("input_data", "reference_data", "public_data", "submission_directory", "__pycache__", "*.npz", "*.pth")
    shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns(*made))
    script("synthetic").generate(folder, per_split=6)
    return folder


def test_the_bundle_passes_its_checks(complete):
    with open_bundle(complete) as opened:
        definition = opened.definition
        assert opened.report.ignored == ()
        assert (definition.slug, definition.registration_auto_approve) == ("mednist", True)
        assert [page.title for page in definition.pages] == ["Overview", "Data", "Evaluation"]
        assert all(opened.page_text(page) for page in definition.pages)
        assert opened.terms_text.startswith("# Terms")
        (board,) = definition.leaderboards
        assert [column.key for column in board.columns] == ["precision", "recall", "f1"]
        assert board.columns[board.primary_index].key == "f1"


def test_it_says_which_images_it_shows(complete):
    """The stand-in's notice names its seed, and the published figures are those of C.8: recall, F1, precision."""
    assert (complete / "data_notice.txt").read_text() == (
        "Synthetic stand-in for MedNIST, drawn by a program (seed 2020): it shows no patient, "
        "and figures say nothing of the real data.\n"
    )
    with (complete / "reference_results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    figures = [float(row[key]) for key in ("recall", "f1", "precision")]
    assert (figures, row["data"].startswith("published, real data")) == ([0.9463, 0.9462, 0.9476], True)


def test_its_phases(complete):
    with open_bundle(complete) as opened:
        training, final = opened.definition.phases
    assert (training.name, training.hidden, training.logs) == ("Training", False, "full")
    assert (final.name, final.hidden, final.logs, final.end) == ("Final", True, "none", None)
    for phase in (training, final):
        assert phase.accepts == ("container", "results")
        assert phase.outputs == ("*.csv",)
        limits = phase.limits
        assert (limits.time_s, limits.memory_mb, limits.shm_mb, limits.output_mb) == (500, 4096, 256, 64)


def test_data_that_is_not_made_yet_is_named(complete, tmp_path):
    without = tmp_path / "mednist"
    shutil.copytree(complete, without, ignore=shutil.ignore_patterns("input_data"))
    with pytest.raises(BundleRejected, match="input_data/testing-data, which the bundle does not hold; make it first"):
        open_bundle(without)


@pytest.fixture
def score(complete, tmp_path):
    def scored(lines, name="classification_results.csv"):
        ref, res = tmp_path / "ref", tmp_path / "res"
        ref.mkdir()
        res.mkdir()
        write(ref / "testing_solution.csv", [(f"testing-data/{i}.jpg", name) for i, name in enumerate(ANSWERS)])
        write(res / name, lines)
        return score_locally(read_tasks(complete)[1].program, ref, res, tmp_path / "out")

    return scored


def write(path, lines):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "class"), *lines])


@pytest.mark.parametrize("folder", ["", "/mnt/in/"])
def test_its_scores_are_scikit_learns_weighted_averages(score, tmp_path, folder):
    lines = [(f"{folder}{i}.jpg", name) for i, name in enumerate(PREDICTED)]
    ended = score(lines[::-1])
    expected = classification_report(ANSWERS, PREDICTED, output_dict=True, zero_division=0)
    weighted = expected["weighted avg"]
    assert ended.scores.values == pytest.approx(
        {
            "precision": weighted["precision"],
            "recall": weighted["recall"],
            "f1": weighted["f1-score"],
            "accuracy": expected["accuracy"],
        },
        rel=0,
        abs=1e-12,
    )
    report = classification_report(ANSWERS, PREDICTED, digits=4, zero_division=0)
    assert report in ended.log
    page = (tmp_path / "out" / "scores.html").read_text()
    assert f"<pre>{report}</pre>" in page
    assert "7 images, 5 of them classified correctly" in page
    with (tmp_path / "out" / "cases.csv").open(newline="") as file:
        header, *cases = csv.reader(file)
    assert header == ["case", "true", "predicted"]
    assert cases == [[f"{place}.jpg", *pair] for place, pair in enumerate(zip(ANSWERS, PREDICTED, strict=True))]


def test_it_refuses_bad_predictions_and_writes_no_scores(score, tmp_path):
    ended = score([("0.jpg", "Foot"), ("0.jpg", "Hand"), ("x.jpg", "Hand")], name="mine.csv")
    assert ended.exit_code == 65
    assert (tmp_path / "out" / "predictions_invalid.txt").read_text() == (
        "6 images have no row.\n"
        "1 row repeats an image that has a row already (line 3).\n"
        "1 row names a file that is not in the test set (line 4).\n"
        "1 row holds an unknown class (line 2). Spell the classes as the challenge does.\n"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions_invalid.txt"]
    assert "6 images have no row: 1.jpg, 2.jpg, 3.jpg, 4.jpg, 5.jpg, 6.jpg." in ended.log
