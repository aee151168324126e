"""The bundle's own programs, imported as they are run: each folder is its scripts' import path."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from medici_training.medmnist.challenge import read_sets
from medici_training.medmnist.stand_in import Amount, generate

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "medmnist"
DATA = ("data",)
MAKING = ("single",)
LIGHT = ("training/light", "submission/light/docker_code_inference")
RESNET = ("training/resnet", "submission/resnet/docker_code_inference")
MADE = ("input_data", "reference_data", "public_data", "data_notice.txt", "__pycache__", "*.pt", "*.pth")


@pytest.fixture(scope="session")
def bundle():
    return BUNDLE


def _load(name, folders, root=BUNDLE):
    """A program with modules of its own: bundles call theirs alike, so none of them stays known by its name."""
    places = [root / folder for folder in folders]
    own = {path.stem for place in places for path in place.glob("*.py")}
    others = {known: sys.modules.pop(known) for known in own & sys.modules.keys()}
    before = list(sys.path)
    sys.path[:0] = [str(place) for place in places]
    try:
        return importlib.import_module(name)
    finally:
        sys.path[:] = before
        for known in own & sys.modules.keys():
            del sys.modules[known]
        sys.modules.update(others)


@pytest.fixture(scope="session")
def data_program():
    """`data_program("real")` is the bundle's data/real.py."""
    return lambda name: _load(name, DATA)


@pytest.fixture(scope="session")
def maker():
    return _load("make", MAKING)


@pytest.fixture(scope="session")
def light():
    """`light("train")`: a program of the light model."""
    return lambda name: _load(name, LIGHT)


@pytest.fixture(scope="session")
def resnet():
    """`resnet("train")`: a program of the ResNets."""
    return lambda name: _load(name, RESNET)


@pytest.fixture(scope="session")
def decathlon(data_program, tmp_path_factory):
    """A copy of the bundle with a few images of every set."""
    folder = tmp_path_factory.mktemp("bundle") / "medmnist"
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns(*MADE))
    amount = Amount({"train": 24, "val": 12, "test": 15}, seed=7)
    generate(folder, read_sets(BUNDLE), amount, notice=data_program("synthetic").NOTICE)
    return folder
