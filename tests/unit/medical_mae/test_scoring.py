"""The scoring program: scikit-learn's areas, undefined classes named, faults told without the answers."""

import csv
import shutil

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medici_scoring.local import score_locally

CLASSES = ["Edema", "Mass", "Hernia"]
NAMES = [f"{number}.png" for number in range(6)]
TRUTH = [(1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 0), (1, 0, 0), (0, 1, 0)]
SCORES = [(0.9, 0.2, 0.1), (0.4, 0.8, 0.3), (0.35, 0.1, 0.2), (0.1, 0.1, 0.0), (0.6, 0.3, 1.0), (0.5, 0.9, 0.5)]


@pytest.fixture
def score(bundle, tmp_path):
    """Scores rows of cells with the bundle's program, after `config` where one is given."""

    def scored(rows, *, truth=TRUTH, header=("image", *CLASSES), config=None):
        program, ref, res = tmp_path / "program", tmp_path / "ref", tmp_path / "res"
        shutil.copytree(bundle / "scoring_program", program, ignore=shutil.ignore_patterns("__pycache__"))
        if config:
            (program / "config.json").write_text(config)
        ref.mkdir()
        res.mkdir()
        (ref / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
        lines = (f"{name} {' '.join(map(str, labels))}\n" for name, labels in zip(NAMES, truth, strict=True))
        (ref / "answers.txt").write_text("".join(lines))
        with (res / "predictions.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return score_locally(program, ref, res, tmp_path / "out")

    return scored


def rows(scores=SCORES, folder=""):
    return [(f"{folder}{name}", *map(repr, values)) for name, values in zip(NAMES, scores, strict=True)]


@pytest.mark.parametrize("folder", ["", "/mnt/in/"])
def test_mean_auc_over_the_classes_that_have_one(score, tmp_path, folder):
    ended = score(rows(folder=folder)[::-1])
    truth, scores = np.array(TRUTH), np.array(SCORES)
    areas = [roc_auc_score(truth[:, column], scores[:, column]) for column in (0, 1)]
    assert ended.scores.values == pytest.approx(
        {"mauc": sum(areas) / 2, "classes": 2, "auc_Edema": areas[0], "auc_Mass": areas[1]}, rel=0, abs=1e-12
    )
    assert "Left out, because all of these images have them or none has: Hernia." in ended.log
    page = (tmp_path / "out" / "scores.html").read_text()
    assert "over 2 of 3 classes. Left out" in page
    assert "<tr><td>Hernia</td><td>undefined</td><td>0</td><td>6</td></tr>" in page
    cases = list(csv.DictReader((tmp_path / "out" / "cases.csv").read_text().splitlines()))
    assert [case["case"] for case in cases] == NAMES
    assert [(case["true_Mass"], case["predicted_Mass"]) for case in cases[:2]] == [("0", "0.2"), ("1", "0.8")]


def test_accuracy_where_one_class_is_true(score):
    truth = [(1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0)]
    ended = score(rows(), truth=truth, config='{"metric": "accuracy"}')
    assert ended.scores.values == {"accuracy": 3 / 6}
    assert "3 of 6 images have their class as the most probable one: accuracy 0.5000." in ended.log


def test_all_faults_of_a_file_at_once_and_no_answers(score, tmp_path):
    wrong = [
        ("0.png", "0.1", "0.2", "nan"),
        ("1.png", "0.1", "0.2", "1.5"),
        ("1.png", "0.1", "0.2", "0.3"),
        ("secret.png", "0.1", "-0.2", "0.3"),
        ("3.png", "0.1", "0.2", "yes"),
        ("4.png", "0", "1", "0.5"),
    ]
    ended = score(wrong)
    assert ended.exit_code == 65
    assert (tmp_path / "out" / "predictions_invalid.txt").read_text() == (
        "2 images have no row.\n"
        "1 row holds the name of an image that is not asked for (line 5).\n"
        "1 row holds an image that has a row already (line 4).\n"
        "2 rows hold a cell that is no finite number (lines 2, 6).\n"
        "2 rows hold a probability below 0 or above 1 (lines 3, 5).\n"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["predictions_invalid.txt"]
    assert "2 images have no row: 2.png, 5.png." in ended.log


@pytest.mark.parametrize(
    ("header", "cells", "sentence"),
    [
        (("image", "Mass", "Edema", "Hernia"), 4, "must be exactly `image,Edema,Mass,Hernia`"),
        (
            ("image", *CLASSES),
            3,
            "6 rows hold not 4 cells, a name and 3 probabilities (lines 2, 3, 4, 5, 6 and 1 more)",
        ),
    ],
    ids=["header", "ragged"],
)
def test_the_form_of_the_file(score, header, cells, sentence):
    ended = score([row[:cells] for row in rows()], header=header)
    assert ended.exit_code == 65
    assert sentence in ended.problem


@pytest.mark.parametrize(
    ("truth", "config", "sentence"),
    [
        ([(0, 0, 0)] * 6, None, "there is no AUC to be had"),
        ([(0, 0, 2)] * 6, None, "3 labels, 0 or 1"),
        (TRUTH, '{"metric": "accuracy"}', "must name one class of every image; not so 2.png"),
        (TRUTH, '{"metric": "f1"}', "there is no metric 'f1', only auc and accuracy"),
        (TRUTH, "{}", "config.json must say"),
    ],
    ids=["no-area", "label", "two-classes", "metric", "config"],
)
def test_what_is_the_organizers_fault_is_not_the_participants(score, truth, config, sentence):
    ended = score(rows(), truth=truth, config=config)
    assert ended.exit_code == 1
    assert sentence in ended.log
