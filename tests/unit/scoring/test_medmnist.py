"""MedMNIST's definitions by hand-computed cases, its result files, its answers and its page."""

import json

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from medici_scoring.medmnist.answers import Answers, Question, TaskKind, read_answers, write_answers
from medici_scoring.medmnist.evaluator import evaluate, quadratic_kappa
from medici_scoring.medmnist.report import score_task
from medici_scoring.medmnist.results import find_results, read_results, result_name, run_name, write_results
from medici_scoring.predictions import PredictionsInvalid, ReferenceInvalid
from medici_scoring.program import Folders
from medici_scoring.scores import read_scores

BLOOD = Question("bloodmnist", 64, "test", TaskKind.MULTI_CLASS, ("a", "b", "c"))
BREAST = Question("breastmnist", 28, "val", TaskKind.BINARY, ("malignant", "normal"))
RETINA = Question("retinamnist", 28, "test", TaskKind.ORDINAL, ("0", "1", "2"))
CHEST = Question("chestmnist", 28, "test", TaskKind.MULTI_LABEL, ("mass", "edema", "hernia"))
AXIAL = Question("organmnist_axial", 28, "test", TaskKind.MULTI_CLASS, ("a", "b"), ("organamnist",))


def answers(question, labels):
    return Answers(question, np.array(labels).reshape(len(labels), -1))


# ---- definitions ----


def test_multi_class():
    result = evaluate(
        answers(BLOOD, [0, 1, 2, 1]), np.array([[0.6, 0.2, 0.2], [0.5, 0.5, 0], [0.1, 0.1, 0.8], [0.1, 0.7, 0.2]])
    )
    assert result.acc == 0.75  # the second has two highest scores: the first of them counts
    assert [row.auc for row in result.auc.classes] == [1, 1, 1]
    assert (result.kappa, result.all_negative_acc) == (None, None)


@pytest.mark.parametrize("columns", [1, 2])
def test_binary_tasks_go_by_the_last_column(columns):
    last = np.array([[0.2], [0.5], [0.6], [0.9]])
    scores = last if columns == 1 else np.hstack([np.ones_like(last), last])
    result = evaluate(answers(BREAST, [0, 1, 0, 1]), scores)
    assert result.acc == 0.5  # 0.5 is not above 0.5
    assert result.auc.mean == 0.75
    assert [row.name for row in result.auc.classes] == ["normal"]


def test_multi_label_tasks_drop_and_name_labels_that_nobody_has():
    labels = [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]
    scores = np.array([[0.9, 0.1, 0.6], [0.2, 0.2, 0.1], [0.1, 0.3, 0.1], [0.95, 0.4, 0.5]])
    result = evaluate(answers(CHEST, labels), scores)
    assert [row.auc for row in result.auc.classes] == [2 / 3, 2 / 3, None]
    assert result.auc.mean == 2 / 3
    assert result.auc.undefined == ("hernia",)
    assert result.acc == 9 / 12
    assert result.all_negative_acc == 10 / 12


def test_ordinal_tasks_have_a_kappa():
    result = evaluate(answers(RETINA, [0, 1, 2, 2]), np.eye(3)[[0, 1, 1, 2]])
    assert result.acc == 0.75
    assert result.kappa == pytest.approx(cohen_kappa_score([0, 1, 2, 2], [0, 1, 1, 2], weights="quadratic"), abs=1e-12)


def test_a_class_that_no_case_has_still_takes_a_column():
    result = evaluate(answers(RETINA, [0, 0, 2]), np.eye(3)[[0, 1, 2]])
    assert result.auc.undefined == ("1",)
    assert result.auc.mean == 0.875


def test_kappa_is_scikit_learns():
    random = np.random.default_rng(4)
    for _ in range(50):
        truth, predicted = random.integers(0, 4, (2, 30))
        expected = cohen_kappa_score(truth, predicted, weights="quadratic", labels=range(4))
        assert quadratic_kappa(truth, predicted, classes=4) == pytest.approx(expected, rel=0, abs=1e-12)
    assert quadratic_kappa(np.array([1, 1]), np.array([1, 1]), classes=3) is None


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (4, 4), (4,)], ids=str)
def test_scores_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="Scores must be 4×3"):
        evaluate(answers(BLOOD, [0, 1, 2, 1]), np.zeros(shape))


# ---- result files ----


def test_names_as_the_evaluator_gives_them():
    name = result_name("breastmnist_test", auc=0.52, acc=0.5384, run="run1")
    assert name == "breastmnist_test_[AUC]0.520_[ACC]0.538@run1.csv"


@pytest.mark.parametrize(
    ("name", "run"),
    [("a_test_[AUC]0.5_[ACC]0.5@run1.csv", "run1"), ("a_test@1700.25.csv", "1700"), ("a_test.csv", "")],
)
def test_the_run_stands_between_at_and_full_stop(tmp_path, name, run):
    assert run_name(tmp_path / name) == run


def files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("question", "chosen"),
    [
        (BLOOD, "bloodmnist_64_test_[AUC]1.000_[ACC]0.900@a.csv"),
        (BREAST, "breastmnist_val.csv"),
        (RETINA, "deep/retinamnist_test@1.csv"),
        (AXIAL, "organamnist_test.csv"),
    ],
    ids=lambda value: getattr(value, "flag", ""),
)
def test_of_many_files_each_task_takes_its_own(tmp_path, question, chosen):
    others = ["bloodmnist_test.csv", "bloodmnist_64_val.csv", "breastmnist_test.csv", "organsmnist_test.csv", "x.csv"]
    hidden = ["__MACOSX/retinamnist_test.csv", ".retinamnist_test.csv", "retinamnist_test.txt"]
    assert find_results(files(tmp_path, chosen, *others, *hidden), question) == tmp_path / chosen


def test_where_validation_is_asked_a_file_called_test_does(tmp_path):
    files(tmp_path, "breastmnist_test@run1.csv", "breastmnist_train@run1.csv")
    assert find_results(tmp_path, BREAST).name == "breastmnist_test@run1.csv"


def test_a_file_that_would_fill_the_scorers_memory_is_refused(tmp_path):
    (tmp_path / "bloodmnist_64_test.csv").write_bytes(b"\n" * 500_000)
    with pytest.raises(PredictionsInvalid, match=r"^The file is larger than 16 MiB or 500,000 lines\.$"):
        find_results(tmp_path, BLOOD)


def test_without_a_file_the_name_is_told(tmp_path):
    with pytest.raises(PredictionsInvalid) as refused:
        find_results(files(tmp_path, "bloodmnist_test.csv"), BLOOD)
    assert refused.value.public == (
        "No result file was found: its name must begin with `bloodmnist_64_test` and end with `.csv`. "
        "For example: `bloodmnist_64_test_[AUC]0.900_[ACC]0.800@run1.csv`."
    )
    assert "bloodmnist_test.csv" in refused.value.private


def test_two_files_are_one_too_many(tmp_path):
    with pytest.raises(PredictionsInvalid, match="2 files begin with `retinamnist_test`") as refused:
        find_results(files(tmp_path, "retinamnist_test@1.csv", "retinamnist_test@2.csv"), RETINA)
    assert "@1" not in refused.value.public


def read(tmp_path, text, *, columns=(3,), cases=3):
    path = tmp_path / "results.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_results(path, columns=columns, cases=cases).tolist()


def test_lines_are_sorted_by_their_index(tmp_path):
    rows = [[0.5, 0.25, 0.25], [1, 0, 0], [1e-7, 0, -3.5]]
    assert read(tmp_path, "2,1e-7,0,-3.5\n\n0,.5,0.25,0.25\r\n1.0, 1,0,0") == rows
    assert read(tmp_path, "\ufeff0,.5,0.25,0.25\n1,1,0,0\n2,1e-7,0,-3.5\n") == rows


def test_what_is_written_reads_back_equal(tmp_path):
    scores = np.random.default_rng(2).random((40, 8))
    write_results(tmp_path / "a.csv", scores)
    assert np.array_equal(read_results(tmp_path / "a.csv", columns=(8,), cases=40), scores)


def test_binary_results_have_one_column_or_two(tmp_path):
    assert read(tmp_path, "0,.5\n1,.25", columns=(2, 1), cases=2) == [[0.5], [0.25]]
    assert read(tmp_path, "0,.5,.5\n1,.75,.25", columns=(2, 1), cases=2) == [[0.5, 0.5], [0.75, 0.25]]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "The file is empty. It must hold 3 lines `index,score_0,…,score_2`."),
        (b"0,\xff,1,1", "The file is not UTF-8 text (line 1). Save it as UTF-8."),
        (
            "id,a,b,c\n0,1,1,1\n1,1,1,1\n2,1,1,1",
            (
                "The file begins with a header (line 1). "
                "Leave it out (pandas: `to_csv(path, header=None)`): the first line is the first case."
            ),
        ),
        (
            "0,1,1,1\n2,1,1,1",
            "1 case has no line. There must be one line for each of the indexes 0 to 2.",
        ),
        ("0,1,1,1\n1,1,1,1\n2,1,1,1\n1,0,0,0", "1 line repeats an index (line 4)."),
        ("0,1,1,1\n1,1,1,1\n2,1,1,1\n3,1,1,1\n-1,1,1,1", "2 lines have an index beyond 0 to 2 (lines 4, 5)."),
        ("0,1,1,1\n1,1,1,1\n2,1,1,1\nx,1,1,1\n1.5,1,1,1", "2 lines begin with no whole number (lines 4, 5)."),
        (
            "0,1,1\n1,1,1,1\n2,1,1,1,1",
            "2 lines do not have 3 scores (lines 1, 3). After the index 3 must stand: `index,score_0,…,score_2`.",
        ),
        (
            "0,1,1,nan\n1,1,-inf,1\n2,1,1,much",
            "3 lines hold a score that is no finite number (lines 1, 2, 3).",
        ),
    ],
    ids=["empty", "bytes", "header", "missing", "repeated", "beyond", "no index", "columns", "not finite"],
)
def test_every_fault_has_its_sentence(tmp_path, text, fault):
    with pytest.raises(PredictionsInvalid) as refused:
        read(tmp_path, text)
    assert refused.value.public == fault


def test_a_dummy_with_a_class_too_few_is_refused(tmp_path):
    """The package's own `get_dummy_prediction` leaves out the last class."""
    with pytest.raises(PredictionsInvalid, match="2 lines do not have 3 scores"):
        read(tmp_path, "0,1,0\n1,0,1", cases=2)


def test_columns_of_a_binary_task_do_not_change_between_lines(tmp_path):
    with pytest.raises(PredictionsInvalid, match="1 line does not have 2 or 1 scores"):
        read(tmp_path, "0,.5,.5\n1,.25", columns=(2, 1), cases=2)


# ---- answers ----


def test_answers_read_back(tmp_path):
    written = answers(AXIAL, [0, 1, 1])
    write_answers(tmp_path, written)
    found = read_answers(tmp_path)
    assert found.question == AXIAL
    assert np.array_equal(found.labels, written.labels)


@pytest.mark.parametrize(
    ("labels", "fault"),
    [([0, 3], "0 to 2; found 0 to 3"), ([-1, 0], "0 to 2; found -1"), ([1, 1], "the same labels"), ([], "cases×1")],
    ids=["beyond", "negative", "all the same", "none"],
)
def test_answers_that_nobody_could_be_scored_by_are_refused(tmp_path, labels, fault):
    with pytest.raises(ReferenceInvalid, match=fault):
        write_answers(tmp_path, Answers(BLOOD, np.array(labels, dtype=int).reshape(-1, 1)))


@pytest.mark.parametrize(
    "change",
    [{"split": "tests"}, {"task": "multi"}, {"size": "28"}, {"classes": "abc"}],
    ids=["split", "task", "size", "classes"],
)
def test_a_question_that_is_none_is_named(tmp_path, change):
    write_answers(tmp_path, answers(BLOOD, [0, 1]))
    path = tmp_path / "task.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ReferenceInvalid, match=r"task\.json does not say what is asked"):
        read_answers(tmp_path)


@pytest.mark.parametrize("name", ["task.json", "labels.npz"])
def test_answers_that_are_not_there_are_named(tmp_path, name):
    write_answers(tmp_path, answers(BLOOD, [0, 1]))
    (tmp_path / name).unlink()
    with pytest.raises(ReferenceInvalid, match=name):
        read_answers(tmp_path)


# ---- the whole program ----


def test_a_task_is_scored(tmp_path, capsys):
    folders = Folders(tmp_path / "ref", tmp_path / "res", tmp_path / "out")
    labels = [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]
    write_answers(folders.reference, answers(CHEST, labels))
    folders.predictions.mkdir()
    folders.output.mkdir()
    scores = np.array([[0.9, 0.1, 0.6], [0.2, 0.2, 0.1], [0.1, 0.3, 0.1], [0.95, 0.4, 0.5]])
    write_results(folders.predictions / "chestmnist_test_[AUC]1.000_[ACC]1.000@mine.csv", scores)
    score_task(folders)
    assert read_scores(folders.output).values == {"auc": 2 / 3, "acc": 0.75}
    page = (folders.output / "scores.html").read_text()
    assert "<tr><td>mass</td><td>0.6667</td><td>1</td><td>3</td></tr>" in page
    assert "<tr><td>hernia</td><td>undefined, left out</td><td>0</td><td>4</td></tr>" in page
    log = capsys.readouterr().out
    assert log.startswith("chestmnist, test, 4 cases, multi-label, binary-class, run mine.\n")
    for line in (
        "Left out of the AUC, because all cases or none are of that class: hernia.",
        "most labels are no, and no everywhere gets 0.8333 here.",
    ):
        assert line in log
        assert line in page
    lines = (folders.output / "cases.csv").read_text().splitlines()
    assert lines[:2] == ["case,true_0,true_1,true_2,score_0,score_1,score_2", "0,1,0,0,0.9,0.1,0.6"]
    assert len(lines) == 5


def test_an_ordinal_task_reports_its_kappa(tmp_path, capsys):
    folders = Folders(tmp_path / "ref", tmp_path / "res", tmp_path / "out")
    write_answers(folders.reference, answers(RETINA, [0, 1, 2, 2]))
    folders.predictions.mkdir()
    folders.output.mkdir()
    write_results(folders.predictions / "retinamnist_test.csv", np.eye(3)[[0, 1, 1, 2]])
    score_task(folders)
    assert read_scores(folders.output).values.keys() == {"auc", "acc", "kappa"}
    assert "Cohen's kappa with quadratic weights" in capsys.readouterr().out
    assert (folders.output / "cases.csv").read_text().splitlines()[0] == "case,true,score_0,score_1,score_2"


def test_invalid_results_leave_nothing(tmp_path):
    folders = Folders(tmp_path / "ref", tmp_path / "res", tmp_path / "out")
    write_answers(folders.reference, answers(RETINA, [0, 1, 2, 2]))
    folders.predictions.mkdir()
    folders.output.mkdir()
    (folders.predictions / "retinamnist_test.csv").write_text("0,1,0,0\n")
    with pytest.raises(PredictionsInvalid, match="3 cases have no line"):
        score_task(folders)
    assert list(folders.output.iterdir()) == []
