"""The bundle of ten tasks is what the platform reads, and its scoring program takes each task's own file."""

import csv
import shutil

import numpy as np
import pytest

from medici_bundles.checker import check_bundle
from medici_bundles.reader import open_bundle
from medici_scoring.local import score_bundle
from medici_scoring.medmnist.answers import read_answers
from medici_scoring.medmnist.results import write_results
from medici_training.medmnist import real_data, stand_in
from medici_training.medmnist.challenge import begin, read_sets
from medici_training.medmnist.flags import DECATHLON, FLAGS

pytestmark = pytest.mark.slow

COUNTS = {"train": 24, "val": 12, "test": 15}
"""As the fixture has them."""


def test_the_bundle_passes_its_checks(decathlon):
    report = check_bundle(decathlon)
    assert report.faults == ()
    assert report.ignored == ()
    with open_bundle(decathlon) as opened:
        definition = opened.definition
        assert definition.slug == "medmnist"
        assert [task.name for task in definition.tasks] == [*DECATHLON, *DECATHLON]
        validation, final = definition.phases
        assert (validation.hidden, validation.logs, final.hidden, final.logs) == (False, "full", True, "none")
        (board,) = definition.leaderboards
        assert [(column.key, column.over_tasks) for column in board.columns] == [
            ("auc", False),
            ("acc", False),
            ("mean_rank", True),
        ]


def test_what_containers_see_and_what_they_do_not(decathlon):
    task = decathlon / "input_data" / "test" / "chestmnist"
    assert [path.name for path in task.iterdir()] == ["chestmnist.npz"]
    with np.load(task / "chestmnist.npz") as arrays:
        assert arrays.files == ["test_images"]
        assert arrays["test_images"].shape == (15, 28, 28)
    with np.load(decathlon / "public_data" / "chestmnist.npz") as arrays:
        assert arrays.files == ["train_images", "train_labels", "val_images", "val_labels"]
        images = arrays["val_images"]
    with np.load(decathlon / "input_data" / "validation" / "chestmnist" / "chestmnist.npz") as arrays:
        assert np.array_equal(arrays["test_images"], images)


def test_the_same_call_writes_the_same_bytes(decathlon, data_program, tmp_path):
    notice = data_program("synthetic").NOTICE
    stand_in.generate(tmp_path, read_sets(decathlon), stand_in.Amount(COUNTS, seed=7), notice=notice)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.npz")}
    images = {path: content for path, content in made.items() if path.name != "labels.npz"}
    assert len(images) == 30
    assert all((decathlon / path).read_bytes() == content for path, content in images.items())
    assert "seed 7" in (tmp_path / "data_notice.txt").read_text()


def results(folder, decathlon, phase="test"):
    """A zip's content with ten perfect files, as version 2's evaluator would call them."""
    for name, flag in DECATHLON.items():
        answers = read_answers(decathlon / "reference_data" / phase / name)
        is_multi = flag.label_width > 1
        scores = answers.labels.astype(float) if is_multi else np.eye(flag.classes)[answers.labels[:, 0]]
        write_results(folder / f"{flag.v2_name}_test_[AUC]1.000_[ACC]1.000@mine.csv", scores)


def test_one_folder_of_ten_files_serves_every_task(decathlon, tmp_path):
    predictions = tmp_path / "res"
    predictions.mkdir()
    results(predictions, decathlon)
    for name in ("chestmnist", "organmnist_axial", "retinamnist"):
        ended = score_bundle(decathlon, predictions, tmp_path / "out", task=name)
        expected = {"auc": 1.0, "acc": 1.0} | ({"kappa": 1.0} if name == "retinamnist" else {})
        assert ended.problem == ""
        assert ended.scores.values == expected
        assert (tmp_path / "out" / "cases.csv").read_text().count("\n") == 16


def test_without_a_file_of_its_own_a_task_is_not_scored(decathlon, tmp_path):
    predictions = tmp_path / "res"
    predictions.mkdir()
    results(predictions, decathlon)
    next(predictions.glob("octmnist*")).unlink()
    ended = score_bundle(decathlon, predictions, tmp_path / "out", task="octmnist")
    assert ended.predictions_at_fault
    assert "its name must begin with `octmnist" in ended.problem


def test_published_figures_are_those_of_version_1(bundle):
    with (bundle / "reference_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 70
    assert {row["task"] for row in rows} == set(DECATHLON)
    assert {row["data"] for row in rows} == {"published, real data"}
    means = {}
    for row in rows:
        means.setdefault(row["method"], []).append((float(row["auc"]), float(row["acc"])))
    assert np.mean(means["ResNet-18 (28)"], axis=0) == pytest.approx([0.9061, 0.8059])
    assert np.mean(means["Google AutoML Vision"], axis=0) == pytest.approx([0.9215, 0.7977])


def test_published_figures_are_complete(bundle, shared_data):
    """Every published row, as the source's own tables have it."""
    with (bundle / "data" / "published.csv").open(newline="") as file:
        kept = sorted((row["version"], row["method"], row["auc"], row["acc"]) for row in csv.DictReader(file))
    with (shared_data / "data" / "published" / "medmnist_published_baselines.csv").open(newline="") as file:
        published = sorted((row["version"], row["method"], row["auc"], row["acc"]) for row in csv.DictReader(file))
    assert kept == published


# ---- real files ----


@pytest.fixture
def root(tmp_path):
    """A folder of npz files named as version 2 names them, with few images each."""
    from medici_training.medmnist import npz
    from medici_training.standins import make_splits

    folder = tmp_path / "root"
    folder.mkdir()
    for flag in DECATHLON.values():
        known = FLAGS[flag.v2_name]
        splits = make_splits(known, 28, COUNTS, 7)
        npz.write(folder / npz.file_name(known), splits)
    return folder


def test_files_of_version_2_become_the_tasks_of_version_1(decathlon, root, tmp_path):
    notice = real_data.UNOFFICIAL_NOTICE
    sets = read_sets(decathlon).sets
    counts = real_data.prepare(root, tmp_path / "out", sets, official=False, notice=notice)
    assert counts == dict.fromkeys(DECATHLON, COUNTS)
    for path in sorted((tmp_path / "out").rglob("*.npz")):
        made = decathlon / path.relative_to(tmp_path / "out")
        with np.load(path) as ours, np.load(made) as theirs:
            assert all(np.array_equal(ours[name], theirs[name]) for name in theirs.files)
    assert "not its published files" in (tmp_path / "out" / "data_notice.txt").read_text()


def test_files_that_are_not_the_published_ones_are_all_named_and_nothing_is_written(
    bundle, data_program, root, tmp_path
):
    (root / "organamnist.npz").unlink()
    sets, notice = read_sets(bundle).sets, data_program("real").OFFICIAL_NOTICE
    with pytest.raises(ValueError, match="MD5") as refused:
        real_data.prepare(root, tmp_path / "out", sets, official=True, notice=notice)
    faults = str(refused.value).splitlines()
    assert len(faults) == 10
    assert faults[0].endswith("is not the published pathmnist.npz: its MD5 differs. Download it again.")
    assert "organamnist.npz is not there" in faults[7]
    assert not (tmp_path / "out").exists()


def test_faults_end_in_a_sentence(data_program, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["real.py", "--notice", "ours"])
    with pytest.raises(SystemExit):
        data_program("real").main()
    assert "--notice goes with --unofficial" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["real.py", str(tmp_path)])
    assert data_program("real").main() == 1
    assert capsys.readouterr().err.count("is not there") == 10
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", str(tmp_path), "--test", "1"])
    assert data_program("synthetic").main() == 1
    assert "the same labels" in capsys.readouterr().err


def test_data_of_an_earlier_run_are_gone(decathlon, tmp_path):
    shutil.copytree(decathlon / "input_data", tmp_path / "input_data")
    (tmp_path / "input_data" / "test" / "stray.npz").touch()
    begin(tmp_path)
    assert list(tmp_path.iterdir()) == []
