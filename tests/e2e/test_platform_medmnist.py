"""MedMNIST through the platform: one set that `medici bundle make` made, with its light model, and the Decathlon."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import docker
import numpy as np
import pytest

from medici_platform.cli.demo_challenge import zip_submission
from medici_platform.cli.demo_training import ContainerTraining
from medici_scoring.medmnist.answers import TaskKind, read_answers
from medici_scoring.medmnist.results import write_results
from medici_training.medmnist.flags import DECATHLON
from tests.e2e.stack import stack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "bundles" / "medmnist"
MADE = ("input_data", "reference_data", "public_data", "data_notice.txt", "*.pt", "*.pth", "__pycache__")
MEDICI = (sys.executable, "-m", "medici_platform.cli")


@pytest.fixture(scope="module")
def blood(tmp_path_factory):
    """BloodMNIST's stand-in at 28 pixels, with 800 training images."""
    folder = tmp_path_factory.mktemp("made") / "medmnist-blood-e2e"
    command = [*MEDICI, "bundle", "make", "medmnist", "--flag", "bloodmnist", "--size", "28", "--output", str(folder)]
    subprocess.run([*command, "--train", "800"], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def trained(docker_engine: docker.DockerClient, blood, tmp_path_factory):
    """The zip of the README, with the model that the training container made."""
    try:
        log = list(ContainerTraining(blood, "light").lines())
    finally:
        docker_engine.images.remove(f"medici/{blood.name}-light:training", force=True)
    assert log[0] == "bloodmnist: 800 of 800 training images"
    return zip_submission(blood, tmp_path_factory.mktemp("zip") / "light.zip")


def test_blood_cells_are_told_apart_by_the_light_model(blood, trained, tmp_path):
    slug = "medmnist-bloodmnist-28"
    with stack(tmp_path) as platform:
        assert platform.medici("challenge", "import", blood, "--publish", user="olga").output == f"{slug}\n"
        platform.medici("join", slug, user="alice")
        ended = platform.medici("submit", slug, trained, "--phase", "Final", "--wait", user="alice", json=True)
        board = platform.medici("leaderboard", slug, "--phase", "Final", user="alice", json=True).json
    assert ended.code == 0, ended.errors
    assert ended.json["state"] == "finished"
    assert ended.json["scores"]["acc"] >= 0.90
    assert ended.json["scores"]["auc"] >= 0.98
    assert board["data_notice"].startswith("Synthetic stand-in for MedMNIST")
    published = {row["method"]: row["scores"] for row in board["reference"]}
    assert published["ResNet-18 (28)"] == {"auc": 0.998, "acc": 0.958}
    assert len(published) == 7


@pytest.fixture(scope="module")
def decathlon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decathlon") / "medmnist"
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns(*MADE))
    counts = ("--train", "4", "--val", "14", "--test", "15")
    subprocess.run([sys.executable, "-B", "data/synthetic.py", *counts], cwd=folder, check=True, capture_output=True)
    return folder


def write_evaluator_files(folder, decathlon):
    """One zip of ten result files: all right, but for one of the pneumonia images, which is undecided."""
    archive = folder / "results.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in DECATHLON:
            answers = read_answers(decathlon / "reference_data" / "test" / name)
            labels = answers.labels
            is_multi = answers.question.task is TaskKind.MULTI_LABEL
            scores = labels.astype(float) if is_multi else np.eye(len(answers.question.classes))[labels[:, 0]]
            if name == "pneumoniamnist":
                scores[0] = 0.5
            path = folder / f"{name}_test_[AUC]1.000_[ACC]1.000@mine.csv"
            write_results(path, scores)
            packed.write(path, path.name)
    return archive


def test_ten_result_files_in_one_zip_are_scored_as_ten_tasks(decathlon, tmp_path):
    truth = read_answers(decathlon / "reference_data" / "test" / "pneumoniamnist").labels
    archive = write_evaluator_files(tmp_path, decathlon)
    with stack(tmp_path / "stack") as platform:
        assert platform.medici("challenge", "import", decathlon, "--publish", user="olga").output == "medmnist\n"
        platform.medici("join", "medmnist", user="alice")
        ended = platform.medici("submit", "medmnist", archive, "--phase", "Final", "--wait", user="alice", json=True)
        assert ended.code == 0, ended.errors
        runs = platform.runs(ended.json["id"])
        board = platform.medici("leaderboard", "medmnist", "--phase", "Final", user="alice", json=True).json
    assert [run["task"] for run in runs] == list(DECATHLON)
    missed = 1 if truth[0, 0] else 0  # 0.5 is not above 0.5: right only for a case of class 0
    scores = ended.json["scores"]
    assert scores["acc"] == pytest.approx(1 - missed / 15 / 10)
    assert scores["auc"] == 1.0
    (entry,) = board["entries"]
    assert entry["scores"]["mean_rank"] == 1.0
    assert {row["method"] for row in board["reference"]} == {
        "ResNet-18 (28)",
        "ResNet-18 (224)",
        "ResNet-50 (28)",
        "ResNet-50 (224)",
        "auto-sklearn",
        "AutoKeras",
        "Google AutoML Vision",
    }
    means = {row["method"]: row["scores"] for row in board["reference"]}
    assert means["ResNet-18 (28)"]["auc"] == pytest.approx(0.9061)
