"""The light model: trained on a few images, it writes files that are scored."""

import numpy as np
import pytest

from medici_scoring.medmnist.results import read_results
from medici_training.medmnist import npz
from medici_training.medmnist.flags import FLAGS
from medici_training.standins import make_splits
from tests.trainers import need_trainers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trainers")]


@pytest.fixture(scope="module")
def trainers():
    need_trainers()


def run(program, monkeypatch, source, output, *words):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IN", str(source))
    monkeypatch.setenv("OUT", str(output))
    monkeypatch.setattr("sys.argv", ["program", *words])
    return program.main()


@pytest.fixture
def public(tmp_path):
    """One set of every kind of task, and one of volumes at another size."""
    folder = tmp_path / "public"
    folder.mkdir()
    for name, size in (("bloodmnist", 28), ("chestmnist", 28), ("breastmnist", 64), ("nodulemnist3d", 28)):
        splits = make_splits(FLAGS[name], size, {"train": 24, "val": 16}, 5)
        npz.write(folder / npz.file_name(FLAGS[name], size), splits)
    return folder


def test_from_public_data_to_a_result_file_per_set(light, monkeypatch, public, tmp_path, capsys):
    models, out = tmp_path / "models", tmp_path / "out"
    assert run(light("train"), monkeypatch, public, models, "--epochs", "1", "--most", "20") == 0
    names = ["bloodmnist", "breastmnist_64", "chestmnist", "nodulemnist3d"]
    assert sorted(path.name for path in models.iterdir()) == [*(f"{name}.pt" for name in names), "training.json"]
    assert "20 of 24 training images" in capsys.readouterr().out
    inference = light("inference_on_test")
    monkeypatch.setattr(inference, "MODELS", models)
    for name, columns in zip(names, (8, 2, 14, 2), strict=True):
        source = tmp_path / name
        source.mkdir()
        flag, size = FLAGS[name.removesuffix("_64")], 64 if name.endswith("_64") else 28
        npz.write_images(source / f"{name}.npz", make_splits(flag, size, {"test": 9}, 5)["test"].images)
        assert run(inference, monkeypatch, source, out) == 0
        scores = read_results(out / f"{name}_test@light.csv", columns=(columns,), cases=9)
        assert ((scores >= 0) & (scores <= 1)).all()
        if name != "chestmnist":
            assert scores.sum(axis=1) == pytest.approx(np.ones(9), abs=1e-5)


def test_faults_end_in_a_sentence(light, monkeypatch, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    for program in ("train", "inference_on_test"):
        assert run(light(program), monkeypatch, empty, tmp_path / "out") == 1
        assert capsys.readouterr().err == f"There is no npz file in {empty}.\n"
    (empty / "mnist.npz").write_bytes(b"x")
    assert run(light("train"), monkeypatch, empty, tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith("MedMNIST has no flag 'mnist'")


def test_a_set_without_a_model_is_named(light, monkeypatch, decathlon, tmp_path, capsys):
    inference = light("inference_on_test")
    monkeypatch.setattr(inference, "MODELS", tmp_path)
    assert run(inference, monkeypatch, decathlon / "input_data/test/octmnist", tmp_path / "out") == 1
    assert capsys.readouterr().err == f"There is no model for octmnist in {tmp_path}: train on that set first.\n"
