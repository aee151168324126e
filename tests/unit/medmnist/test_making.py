"""`medici bundle make`: a complete challenge of any set, at any size."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medici_bundles.checker import check_bundle
from medici_bundles.kit import build_kit
from medici_bundles.reader import open_bundle
from medici_platform.cli.bundles import app
from medici_platform.cli.output import CommandFailed
from medici_training.medmnist.challenge import read_sets
from medici_training.medmnist.flags import FLAGS, Task
from medici_training.medmnist.stand_in import Amount, generate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
COUNTS = {"train": 16, "val": 12, "test": 14}


@pytest.fixture
def made(maker, data_program, tmp_path):
    """`made("bloodmnist", 28)`: the folder of a new challenge with a few images."""

    def make(name, size=28, counts=COUNTS):
        flag, folder = FLAGS[name], tmp_path / f"{name}-{size}"
        maker.make(flag, size, folder, counts=counts, seed=3)
        generate(folder, read_sets(folder), Amount(counts, seed=3), notice=data_program("synthetic").NOTICE)
        return folder

    return make


@pytest.mark.parametrize("name", FLAGS)
def test_each_of_the_18_sets_makes_a_challenge_without_faults(made, name):
    flag, folder = FLAGS[name], made(name)
    report = check_bundle(folder)
    assert report.faults == ()
    assert report.ignored == ()
    with open_bundle(folder) as opened:
        definition = opened.definition
        assert definition.slug == f"medmnist-{name}-28"
        assert definition.title == f"MedMNIST: {flag.title}, 28 px"
        assert [task.name for task in definition.tasks] == [name, name]
        columns = [column.key for column in definition.leaderboards[0].columns]
        assert columns == ["auc", "acc", *(["kappa"] if flag.task is Task.ORDINAL else [])]
        pages = "".join(opened.page_text(page) for page in definition.pages) + opened.terms_text
    pages += (folder / "README.md").read_text()
    assert "${" not in pages
    assert all(label in pages for label in flag.labels)
    with (folder / "reference_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == (8 if flag.is_3d else 7)
    assert {(row["task"], row["data"]) for row in rows} == {(name, "published, real data")}


@pytest.mark.parametrize(("name", "size"), [("retinamnist", 64), ("breastmnist", 224), ("nodulemnist3d", 64)])
def test_other_sizes(made, name, size):
    folder = made(name, size, {"train": 2, "val": 6, "test": 6})
    assert check_bundle(folder).faults == ()
    files = sorted(path.name for path in folder.rglob("*.npz") if path.name != "labels.npz")
    assert files == [f"{name}_{size}.npz"] * 3
    assert f"`{name}_{size}_test.csv`" in (folder / "pages" / "evaluation.md").read_text()


def test_the_starting_kit_holds_neither_answers_nor_test_images(made, tmp_path):
    names = build_kit(made("bloodmnist"), tmp_path / "kit.zip")
    assert "public_data/bloodmnist.npz" in names
    assert "training/light/train.py" in names
    assert not [name for name in names if name.startswith(("reference_data", "input_data/test"))]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--flag", "mnist"), "MedMNIST has no flag 'mnist'"),
        (("--flag", "vesselmnist3d", "--size", "128"), "vesselmnist3d has no size 128: choose one of 28, 64."),
        (("--flag", "organmnist_axial"), "take organamnist, which shows the same"),
    ],
    ids=["flag", "size", "version 1"],
)
def test_what_cannot_be_made_is_said_and_leaves_nothing(maker, monkeypatch, capsys, tmp_path, words, sentence):
    monkeypatch.setattr("sys.argv", ["make.py", *words, "--output", str(tmp_path / "new")])
    assert maker.main() == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_left_alone(maker, monkeypatch, capsys, tmp_path):
    (tmp_path / "mine").touch()
    monkeypatch.setattr("sys.argv", ["make.py", "--flag", "bloodmnist", "--output", str(tmp_path)])
    assert maker.main() == 1
    assert "is not an empty folder: name a new one with --output" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_its_data_nothing_is_left(maker, monkeypatch, capfd, tmp_path):
    words = ["--flag", "bloodmnist", "--data", "/nowhere", "--output", str(tmp_path / "new")]
    monkeypatch.setattr("sys.argv", ["make.py", *words])
    assert maker.main() == 1
    assert "/nowhere/bloodmnist.npz is not there" in capfd.readouterr().err
    assert not (tmp_path / "new").exists()


# ---- the command ----


def test_the_command_makes_one(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    folder = tmp_path / "new"
    options = ["--train", "20", "--val", "10", "--test", "12", "--seed", "5"]
    ended = CliRunner().invoke(app, ["make", "medmnist", "--flag", "breastmnist", "--output", str(folder), *options])
    assert (ended.exit_code, ended.stdout) == (0, f"medici bundle check {folder}\n")
    assert check_bundle(folder).faults == ()
    assert "seed 5" in (folder / "data_notice.txt").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["medmnist", "--flag", "mnist"], "MedMNIST has no flag 'mnist'"),
        (["medmnist", "--flag", "breastmnist", "--train", "0", "--output", "new"], "must be 1 or more"),
        (["mednist", "--flag", "bloodmnist"], "'mednist' makes no challenges of its own: choose from medmnist."),
    ],
    ids=["flag", "count", "bundle"],
)
def test_the_command_gives_the_reason(monkeypatch, words, sentence):
    monkeypatch.chdir(ROOT)
    ended = CliRunner().invoke(app, ["make", *words])
    assert isinstance(ended.exception, CommandFailed)
    assert sentence in str(ended.exception)


def test_outside_a_checkout_there_is_nothing_to_make_it_from(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, ["make", "medmnist", "--flag", "bloodmnist"])
    assert "in a checkout of MedICI" in str(ended.exception)
