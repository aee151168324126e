"""MedicalNet's own commands: flags and defaults, the smoke run, resuming, several processes, testing."""

import subprocess
import sys

import numpy as np
import pytest

from medici_training.volumes.lists import write_list
from medici_training.volumes.nifti import read_volume, write_volume
from tests.trainers import need_trainers

pytestmark = pytest.mark.slow

UPSTREAM = {
    "data_root": "data", "img_list": "data/train.txt", "n_seg_classes": 2, "learning_rate": 1e-3, "num_workers": 4,
    "batch_size": 1, "phase": "train", "save_intervals": 10, "n_epochs": 200, "size": (56, 448, 448),
    "resume_path": None, "pretrain_path": "pretrain/resnet_50.pth", "new_layer_names": ("conv_seg",), "no_cuda": False,
    "gpu_id": (0,), "model": "resnet", "model_depth": 50, "resnet_shortcut": "B", "manual_seed": 1, "ci_test": False,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _trainers():
    need_trainers()


@pytest.fixture(scope="module")
def settings(lungs):
    return lungs("options", "training/medicalnet").read_settings


def test_flags_and_defaults_are_upstreams(settings):
    found = vars(settings([], phase="train"))
    assert {name: str(found[name]) for name in UPSTREAM} == {name: str(value) for name, value in UPSTREAM.items()}
    assert str(settings([], phase="train").save_prefix) == "trails/models/resnet_50"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--learning_rate", "-1"], "argument --learning_rate: -1 is no number above 0"),
        (["--learning_rate", "nan"], "argument --learning_rate: nan is no number above 0"),
        (["--manual_seed", "-1"], "argument --manual_seed: -1 is less than 0"),
    ],
    ids=["rate", "no number", "seed"],
)
def test_values_that_cannot_be_are_named(settings, capsys, words, sentence):
    with pytest.raises(SystemExit):
        settings(words, phase="train")
    assert sentence in capsys.readouterr().err


def test_the_smoke_run_is_small(settings):
    found = settings(["--ci_test"], phase="train")
    assert (found.n_epochs, found.model_depth, found.resnet_shortcut, found.size) == (1, 10, "A", (14, 28, 28))
    assert (found.no_cuda, found.pretrain_path, found.num_workers) == (True, None, 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four volumes of a bright block, as `--ci_test` draws them, one of them with other labels' values around."""
    folder = tmp_path_factory.mktemp("data")
    random, lines = np.random.default_rng(0), []
    for number in range(4):
        label = np.zeros((20, 32, 32), dtype=np.uint8)
        label[5:15, 8:20, 6 + number : 20 + number] = 1
        write_volume(folder / f"{number}.nii.gz", (label * 100 + random.normal(50, 9, label.shape)).round(), np.eye(4))
        write_volume(folder / f"label_{number}.nii.gz", label, np.eye(4))
        lines.append(f"{number}.nii.gz label_{number}.nii.gz")
    write_list(folder / "train.txt", lines)
    return folder


def run(bundle, folder, program, *words, fails=False):
    command = [sys.executable, "-B", str(bundle / "training/medicalnet" / program), *map(str, words)]
    environment = {"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode != 0) == fails, ended.stdout + ended.stderr
    return ended.stderr.strip() if fails else ended.stdout


def small(data, *more):
    return [
        "--data_root", data, "--img_list", data / "train.txt", "--no_cuda", "--pretrain_path", "", "--model_depth", 10,
        "--input_D", 16, "--input_H", 16, "--input_W", 16, "--num_workers", 0, "--batch_size", 2, *more,
    ]  # fmt: skip


def test_training_resumed_is_training_that_never_stopped(bundle, data, tmp_path):
    import torch

    once, twice = tmp_path / "once", tmp_path / "twice"
    for folder in (once, twice):
        folder.mkdir()
    run(bundle, once, "train.py", *small(data, "--n_epochs", 2))
    run(bundle, twice, "train.py", *small(data, "--n_epochs", 1))
    kept = "trails/models/resnet_10_epoch_1_batch_0.pth.tar"
    run(bundle, twice, "train.py", *small(data, "--n_epochs", 2, "--resume_path", kept))
    assert sorted(path.name for path in (twice / "trails/models").iterdir()) == [
        "resnet_10_epoch_1_batch_0.pth.tar",
        "resnet_10_epoch_2_batch_0.pth.tar",
    ]
    states = [
        torch.load(folder / "trails/models/resnet_10_epoch_2_batch_0.pth.tar", weights_only=True)
        for folder in (once, twice)
    ]
    assert all(torch.equal(value, states[1]["state_dict"][name]) for name, value in states[0]["state_dict"].items())
    rates = [group["lr"] for group in states[0]["optimizer"]["param_groups"]]
    assert rates == [1e-3 * 0.99 * 0.99, 1e-1 * 0.99 * 0.99]
    listed = ["--data_root", data, "--img_list", data / "train.txt", "--no_cuda"]
    test = [*listed, "--resume_path", "trails/models/resnet_10_epoch_2_batch_0.pth.tar", "--output", "maps"]
    printed = run(bundle, once, "test.py", *test)
    assert printed.startswith("mean dice for class-1 is ")
    assert run(bundle, once, "test.py", *test) == printed
    assert read_volume(once / "maps/0.nii.gz").values.shape == (20, 32, 32)


def test_two_processes_end_with_the_same_weights(bundle, tmp_path):
    lines = run(bundle, tmp_path, "train.py", "--ci_test", "--gpu_id", 0, 1).splitlines()
    assert "4 cases, processes 2, cpu, after 0 epochs." in lines
    sums = {line.rsplit(maxsplit=1)[1] for line in lines if "sum of the weights" in line}
    assert len([line for line in lines if "finished training" in line]) == 2
    assert len(sums) == 1
    assert not (tmp_path / "trails").exists()


def test_faults_are_one_sentence(bundle, data, tmp_path):
    words = [*small(data), "--pretrain_path", "resnet_10.pth"]
    assert run(bundle, tmp_path, "train.py", *words, fails=True) == "There is no checkpoint resnet_10.pth."
    write_volume(tmp_path / "label.nii.gz", np.full((20, 32, 32), 7, dtype=np.uint8), np.eye(4))
    write_list(tmp_path / "train.txt", [f"{data}/0.nii.gz {tmp_path}/label.nii.gz"])
    words = [*small(data), "--img_list", "train.txt", "--num_workers", 1, "--gpu_id", 0, 1]
    told = run(bundle, tmp_path, "train.py", *words, fails=True)
    assert told == f"{tmp_path}/label.nii.gz holds labels beyond 1: say how many with --n_seg_classes."
    told = run(bundle, tmp_path, "test.py", "--no_cuda", fails=True)
    assert told == "Name the checkpoint to test with --resume_path."
