"""The benchmark's commands as processes: one cell, its steps, features, and a sweep that is killed and goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medici_training.benchmark.results import read_rows
from medici_training.medmnist import flags, npz
from medici_training.standins import make_splits
from tests.trainers import need_trainers

pytestmark = pytest.mark.slow

BENCHMARK = Path(__file__).resolve().parents[3] / "bundles" / "medmnist-plus" / "training" / "benchmark"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
LONGEST_S = 300
SWEEP = """\
datasets: [bloodmnist]
img_sizes: [28]
training_procedures: [linearProbing, kNN]
architectures: [light_cnn]
seeds: [1, 2]
epochs: 1
k: 3
pad_to: null
weights: random
"""


@pytest.fixture(autouse=True)
def trainers():
    need_trainers()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A whole stand-in of 32 training images."""
    folder = tmp_path_factory.mktemp("data")
    flag = flags.get("bloodmnist")
    npz.write(folder / "bloodmnist.npz", make_splits(flag, 28, {"train": 32, "val": 16, "test": 16}, 2020))
    return folder


def start(program, *words):
    command = [sys.executable, BENCHMARK / program, *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )


def run(program, *words):
    process = start(program, *words)
    output, errors = process.communicate(timeout=LONGEST_S)
    return process.returncode, output, errors


def config_file(data, folder):
    path = folder / "config.yaml"
    path.write_text(
        f"data_path: {data}\noutput_path: {folder / 'out'}\narchitecture: light_cnn\nepochs: 1\npad_to: null\n"
        "weights: random\ndevice: cpu\n",
        encoding="utf-8",
    )
    return path


def test_one_cell_is_trained_evaluated_and_evaluated_again_alike(data, tmp_path):
    config = config_file(data, tmp_path)
    code, output, errors = run("main.py", "--config_file", config, "--training_procedure", "endToEnd", "--seed", 7)
    assert (code, errors) == (0, "")
    stem = "bloodmnist_28_endToEnd_light_cnn_s7"
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert made == {f"{stem}_best.pth", f"{stem}_final.pth", f"{stem}_weights.json", f"cells/{stem}.json"}
    result = json.loads((tmp_path / "out" / "cells" / f"{stem}.json").read_text(encoding="utf-8"))
    assert (result["state"], result["weights"], result["data"]) == ("done", "random", "not the published files")
    figures = f"test: ACC {result['acc']:.4f}, AUC {result['auc']:.4f}, random weights"
    assert figures in output
    code, output, errors = run("evaluate.py", "--config_file", config, "--seed", 7)
    assert (code, errors) == (0, "")
    assert figures in output


def test_knn_alone_needs_no_training_and_tells_no_auc(data, tmp_path):
    config = config_file(data, tmp_path)
    code, output, _ = run("evaluate.py", "--config_file", config, "--training_procedure", "kNN", "--k", 3)
    assert code == 0
    assert "no AUC (kNN), random weights" in output


def test_a_checkpoint_that_is_not_there_is_a_sentence(data, tmp_path):
    code, output, errors = run("evaluate.py", "--config_file", config_file(data, tmp_path))
    assert (code, output) == (1, "")
    assert errors.endswith("_best.pth is not there: run train.py with the same configuration first.\n")


def test_features_of_all_splits_are_extracted(data, tmp_path):
    code, output, errors = run(
        "feature_extraction.py", "--data_path", data, "--output_path", tmp_path, "--batch_size", 8,
        "--device", "cpu", "--architecture", "light_cnn", "--pad_to", 0, "--weights", "random",
    )  # fmt: skip
    assert (code, errors) == (0, "")
    assert output.endswith("bloodmnist_28_light_cnn.npz: 64 images, 128 features, random weights\n")
    with np.load(tmp_path / "bloodmnist_28_light_cnn.npz") as found:
        assert {name: found[name].shape for name in found} == {
            "train_features": (32, 128), "train_labels": (32, 1), "val_features": (16, 128), "val_labels": (16, 1),
            "test_features": (16, 128), "test_labels": (16, 1), "weights": (),
        }  # fmt: skip


def test_a_killed_sweep_goes_on_where_it_was(data, tmp_path):
    """SIGKILL after the first result; the next run, with two processes, computes only the other three."""
    sweep, output = tmp_path / "sweep.yaml", tmp_path / "out"
    sweep.write_text(SWEEP + f"data_path: {data}\noutput_path: {output}\n", encoding="utf-8")
    killed = start("sweep.py", "run", "--config", sweep)
    deadline = time.monotonic() + LONGEST_S
    while not list(output.glob("cells/[!.]*.json")):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = {path: path.stat().st_mtime_ns for path in output.glob("cells/[!.]*.json")}
    assert 1 <= len(before) < 4
    code, text, errors = run("sweep.py", "run", "--config", sweep, "--jobs", 2)
    assert (code, errors) == (0, "")
    assert text.startswith(f"4 cells, {len(before)} of them done before.\n")
    assert text.endswith("4 of 4 cells are done, 0 failed.\n")
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    code, text, _ = run("sweep.py", "table", "--config", sweep, "--results", tmp_path / "results.csv")
    assert code == 0
    rows = read_rows(tmp_path / "results.csv")
    assert [(row.procedure, row.seeds, row.weights) for row in rows] == [
        ("linearProbing", 2, "random"),
        ("kNN", 2, "random"),
    ]
    code, text, errors = run(
        "figures.py", "--results", tmp_path / "results.csv", "--output", tmp_path / "figures", "--format", "png"
    )
    assert (code, errors) == (0, "")
    made = {path.name for path in (tmp_path / "figures").iterdir()}
    assert made == {
        "average.csv", "top5.csv", "resolution.csv", "boxes.csv", "wilcoxon.csv",
        "average.png", "top5.png", "boxes.png",
    }  # fmt: skip


def test_two_celery_workers_share_a_sweep_in_which_one_dataset_is_missing(data, tmp_path):
    """Over the embedded broker; the failing cells are told, the others done."""
    sweep, output, broker = tmp_path / "sweep.yaml", tmp_path / "out", f"folder://{tmp_path / 'broker'}"
    text = SWEEP.replace("[bloodmnist]", "[bloodmnist, pathmnist]").replace("[linearProbing, kNN]", "[kNN]")
    sweep.write_text(text + f"data_path: {data}\noutput_path: {output}\n", encoding="utf-8")
    workers = [start("sweep.py", "worker", "--broker", broker) for _ in range(2)]
    try:
        code, text, errors = run("sweep.py", "run", "--config", sweep, "--broker", broker)
    finally:
        for worker in workers:
            os.killpg(worker.pid, signal.SIGTERM)
        logs = [worker.communicate(timeout=LONGEST_S)[0] for worker in workers]
    assert (code, errors) == (1, "")
    assert "2 of 4 cells are done, 2 failed.\n" in text
    assert "pathmnist.npz is not there" in text
    told = [line for log in logs for line in log.splitlines() if line.startswith(("bloodmnist_28", "pathmnist_28"))]
    assert len(told) == 4
    npz.write(data / "pathmnist.npz", make_splits(flags.get("pathmnist"), 28, {"train": 32, "val": 9, "test": 16}, 1))
    code, text, _ = run("sweep.py", "run", "--config", sweep, "--retry-failed")
    (data / "pathmnist.npz").unlink()
    assert code == 0
    assert text.startswith("4 cells, 2 of them done before.\n")
    assert text.endswith("4 of 4 cells are done, 0 failed.\n")


def test_all_figures_are_drawn_from_the_published_results(tmp_path):
    code, text, errors = run("figures.py", "--results", BENCHMARK / "published_results.csv", "--output", tmp_path)
    assert (code, errors) == (0, "")
    drawn = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.svg")}
    assert set(drawn) == {"average.svg", "top5.svg", "resolution.svg", "boxes.svg", "wilcoxon.svg"}
    assert all("DenseNet-121" in svg for svg in drawn.values())
    assert "33 of 45 pairs differ" in text


def test_bad_words_are_told_in_a_sentence(tmp_path):
    for program, words in (
        ("figures.py", ("--results", tmp_path / "gone.csv")),
        ("sweep.py", ("run", "--config", tmp_path / "gone.yaml")),
        ("main.py", ("--config_file", tmp_path / "gone.yaml")),
    ):
        code, _, errors = run(program, *words)
        assert code == 1
        assert errors.count("\n") == 1
        assert "gone" in errors
