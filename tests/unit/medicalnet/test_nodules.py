"""The nodule challenge: its stand-in, its real lists, its scoring program."""

import csv
import os
import shutil
from pathlib import Path

import pytest

from medici_bundles.reader import open_bundle
from medici_scoring.bundle import read_tasks
from medici_scoring.local import score_locally
from medici_training.volumes.lists import read_list

COUNTS = {"train": 4, "val": 2, "test": 4}
SIZE = 16


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(path):
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def made(nodules, tmp_path):
    folder = tmp_path / "made"
    nodules("synthetic").generate(folder, counts=COUNTS, size=SIZE)
    return folder


def test_the_same_seed_writes_the_same_bytes(nodules, made, tmp_path):
    nodules("synthetic").generate(tmp_path / "again", counts=COUNTS, size=SIZE)
    assert files(tmp_path / "again") == files(made)


def test_what_is_written_where(made):
    cases = read_list(made / "public_data/train.txt")
    assert sorted(case.label for case in cases) == ["0", "0", "1", "1"]
    assert all((made / "public_data" / case.image).is_file() for case in cases)
    hidden = read_list(made / "input_data/test/images.txt", labelled=False)
    assert {path.name for path in (made / "input_data/test/images").iterdir()} == {case.image.name for case in hidden}
    assert [case.label for case in hidden] == [""] * 4
    answers = rows_of(made / "reference_data/test/classes.csv")
    assert answers[0] == ["case", "class"]
    assert sorted(row[1] for row in answers[1:]) == ["benign", "benign", "malignant", "malignant"]
    assert not {case.image.name for case in hidden} & {path.name for path in (made / "public_data").rglob("*")}


def prepared(real, root, output):
    return real.prepare(root, {split: Path(f"{split}.txt") for split in COUNTS}, output, notice="Real data.")


@pytest.fixture
def source(made):
    """A folder of lists as an organizer has them, with the hidden classes."""
    root = made / "public_data"
    answers = rows_of(made / "reference_data/test/classes.csv")[1:]
    for case, _ in answers:
        shutil.copy(made / "input_data/test/images" / f"{case}.nii.gz", root / "images")
    (root / "test.txt").write_text("".join(f"images/{case}.nii.gz {name}\n" for case, name in answers))
    return root


def test_real_lists_become_what_the_generator_writes(nodules, made, source, tmp_path):
    assert prepared(nodules("real"), source, tmp_path / "out") == COUNTS
    for part in ("input_data", "reference_data"):
        assert files(tmp_path / "out" / part) == files(made / part)


def test_faults_of_real_lists(nodules, source, tmp_path):
    lines = (source / "val.txt").read_text().splitlines()
    (source / "val.txt").write_text(f"{lines[0].rsplit(maxsplit=1)[0]} 2\n")
    (source / "test.txt").write_text("images/none.nii.gz 1\n")
    with pytest.raises(ValueError, match="classes are 0") as caught:
        prepared(nodules("real"), source, tmp_path / "out")
    assert caught.value.args[0].splitlines() == [
        f"{lines[0].split()[0]} has the class 2; classes are 0 (benign) and 1 (malignant).",
        "The split val needs cases of both classes.",
        f"{source}/images/none.nii.gz cannot be read as NIfTI.",
        "The split test needs cases of both classes.",
    ]


# ---- scoring ----


@pytest.fixture
def score(bundle, tmp_path):
    def scored(lines, classes=("benign", "malignant", "benign", "malignant")):
        for place in ("ref", "res"):
            (tmp_path / place).mkdir(exist_ok=True)
        answers = "".join(f"n{number},{name}\n" for number, name in enumerate(classes))
        (tmp_path / "ref/classes.csv").write_text(f"case,class\n{answers}")
        (tmp_path / "res/nodules.csv").write_text("".join(f"{line}\n" for line in lines))
        return score_locally(
            read_tasks(bundle / "nodules")[1].program, tmp_path / "ref", tmp_path / "res", tmp_path / "out"
        )

    return scored


def test_accuracy_and_auc(score, tmp_path):
    ended = score(["case,score", "n0,0.1", "n1,0.5", "n3,0.2", "n2,0.4"])
    assert ended.scores.values == {"accuracy": 0.75, "auc": 0.75}
    assert (tmp_path / "out/cases.csv").read_text().splitlines() == [
        "case,true,predicted,score",
        "n0,benign,benign,0.1",
        "n1,malignant,malignant,0.5",
        "n2,benign,benign,0.4",
        "n3,malignant,benign,0.2",
    ]
    assert "Area under the ROC curve: 0.7500" in (tmp_path / "out/scores.html").read_text()


def test_without_both_classes_there_is_no_auc(score, tmp_path):
    ended = score(["case,score", "n0,0.1", "n1,0.9"], classes=("benign", "benign"))
    assert ended.scores.values == {"accuracy": 0.5}
    assert "undefined, because all nodules are of one class" in (tmp_path / "out/scores.html").read_text()


@pytest.mark.parametrize(
    ("lines", "sentences"),
    [
        pytest.param(["file,class"], ["The first line of nodules.csv must be exactly `case,score`."], id="header"),
        pytest.param(
            ["case,score", "n0,1.5", "n1,nan", "n2,0.5,1", "n2,x", "n9,0.5", "n3,0", "n3,0"],
            [
                "4 rows without exactly two columns, the second a number from 0 to 1 (lines 2, 3, 4, 5).",
                "1 row of a case that is not in the test set (line 6).",
                "1 row of a case that has a row already (line 8).",
                "3 cases have no row.",
            ],
            id="all faults at once",
        ),
    ],
)
def test_faults_of_scores(score, lines, sentences):
    ended = score(lines)
    assert ended.predictions_at_fault
    assert ended.problem.splitlines() == sentences


@pytest.mark.parametrize("challenge", [".", "nodules"])
def test_both_bundles_pass_their_checks(bundle, lungs, nodules, tmp_path, challenge):
    folder = tmp_path / "bundle"
    left_out = shutil.ignore_patterns("input_data", "reference_data", "public_data", "data_notice.txt", "__pycache__")
    shutil.copytree(os.path.normpath(bundle / challenge), folder, ignore=left_out)
    if challenge == ".":
        lungs("synthetic").generate(folder, counts=COUNTS, size=(16, 16, 16))
    else:
        nodules("synthetic").generate(folder, counts=COUNTS, size=SIZE)
    with open_bundle(folder) as opened:
        assert opened.report.ignored == ()
        training, final = opened.definition.phases
        assert (training.hidden, training.logs, final.hidden, final.logs) == (False, "full", True, "none")
        (board,) = opened.definition.leaderboards
        assert [column.key for column in board.columns][:2] == (
            ["dice", "dice_left"] if challenge == "." else ["accuracy", "auc"]
        )


def test_published_figures_are_complete(bundle):
    header, *rows = rows_of(bundle / "reference_results.csv")
    assert header == ["method", "task", "dice", "source", "data"]
    assert len(rows) == 7 * 2 + 4 * 2
    assert {row[0]: row[2] for row in rows}["3D-ResNet101, MedicalNet"] == "0.9279"
    _, *nodule_rows = rows_of(bundle / "nodules/reference_results.csv")
    assert len(nodule_rows) == 7 * 2
    assert {row[-1] for row in rows + nodule_rows} == {"published, real data"}


def test_a_seed_below_zero_and_a_file_in_the_way_are_told(nodules, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", "made", "--seed", "-1"])
    with pytest.raises(SystemExit):
        nodules("synthetic").main()
    assert "--seed must be 0 or more" in capsys.readouterr().err
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", "file"])
    assert nodules("synthetic").main() == 1
    assert "Not a directory" in capsys.readouterr().err
