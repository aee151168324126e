"""The paper's configuration file, what overrides it, and what is wrong with a bad one."""

from pathlib import Path

import pytest

from medici_training.benchmark import names
from medici_training.benchmark.configuration import Config, read_config
from medici_training.benchmark.sweep import read_grid

BENCHMARK = Path(__file__).resolve().parents[3] / "bundles" / "medmnist-plus" / "training" / "benchmark"
FOLDERS = "data_path: data\noutput_path: out\n"


def write(folder, text):
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_has_the_papers_defaults():
    found = read_config(BENCHMARK / "config.yaml")
    assert found == Config(Path("~/.medmnist").expanduser(), Path("output"))
    assert (found.epochs, found.learning_rate, found.batch_size, found.batch_size_eval) == (100, 1e-4, 64, 256)
    assert (found.k, found.seed, found.pad_to, found.patience) == (11, 9930641, 224, 5)


def test_the_shipped_sweep_is_the_papers_grid():
    grid = read_grid(BENCHMARK / "sweep.yaml")
    assert len(grid.configs) == 12 * 4 * 3 * 10 * 3
    assert len({config.stem for config in grid.configs}) == 4320
    assert {config.architecture for config in grid.configs} == set(names.PUBLISHED)
    assert grid.keep_checkpoints is False


def test_the_command_line_overrides_the_file(tmp_path):
    path = write(tmp_path, FOLDERS + "dataset: bloodmnist\nk: 3\nlearning_rate: 1e-3\n")
    found = read_config(path, {"dataset": "chestmnist", "img_size": 64, "k": None, "seed": 0})
    assert (found.dataset, found.img_size, found.k, found.seed, found.learning_rate) == ("chestmnist", 64, 3, 0, 1e-3)


def test_files_are_called_as_in_the_papers_code(tmp_path):
    found = read_config(write(tmp_path, FOLDERS), {"architecture": "vgg16", "img_size": 224, "seed": 252139603})
    assert found.stem == "bloodmnist_224_endToEnd_vgg16_s252139603"


def test_where_it_is_computed_decides_no_figure(tmp_path):
    path = write(tmp_path, FOLDERS)
    one, other = read_config(path), read_config(path, {"device": "cpu", "output_path": "elsewhere"})
    assert one.settings() == other.settings()
    assert one.settings() != read_config(path, {"k": 1}).settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold keys and values"),
        ("a: [", "is no YAML file"),
        ("data_path: data\n", "output_path must be given: a folder"),
        (FOLDERS + "epoch: 3\n", "there is no key epoch; there are data_path, output_path, epochs"),
        (FOLDERS + "epochs: 0\n", "epochs must be a whole number above 0, not 0"),
        (FOLDERS + "epochs: true\n", "epochs must be a whole number above 0, not True"),
        (FOLDERS + "learning_rate: fast\n", "learning_rate must be a number above 0, not 'fast'"),
        (FOLDERS + "learning_rate: .nan\n", "learning_rate must be a number above 0, not nan"),
        (FOLDERS + "dataset: nodulemnist3d\n", "dataset must be one of bloodmnist, .* not 'nodulemnist3d'"),
        (FOLDERS + "img_size: 32\n", "img_size must be one of 28, 64, 128, 224, not 32"),
        (FOLDERS + "training_procedure: knn\n", "training_procedure must be one of endToEnd, linearProbing, kNN"),
        (FOLDERS + "amp: 1\n", "amp must be true or false, not 1"),
        (FOLDERS + "weights: ''\n", "weights must be a folder, auto or random"),
        (FOLDERS + "img_size: 128\npad_to: 64\n", "images of 128 pixels are larger than pad_to 64"),
    ],
    ids=str,
)
def test_faults_are_told_in_a_sentence(text, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence) as fault:
        read_config(write(tmp_path, text))
    assert str(tmp_path / "config.yaml") in str(fault.value)


def test_all_faults_are_told_at_once(tmp_path):
    with pytest.raises(ValueError, match="epochs") as fault:
        read_config(write(tmp_path, FOLDERS + "epochs: -1\nk: many\nimg_size: 7\n"))
    assert len(str(fault.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("img_size: 28\n", "img_size is a list in a sweep: write img_sizes"),
        ("datasets: []\n", "datasets is empty"),
        ("seeds: [1, 1]\n", "seeds names something twice"),
        ("datasets: [bloodmnist, foomnist]\n", "dataset must be one of"),
        ("keep_checkpoints: 1\n", "keep_checkpoints must be true or false"),
    ],
    ids=["single", "empty", "twice", "unknown", "keep"],
)
def test_faults_of_a_sweeps_file(text, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence) as fault:
        read_grid(write(tmp_path, FOLDERS + text))
    assert len(str(fault.value).splitlines()) == 1
