"""The bundle's own programs, imported as they are run: each folder is its scripts' import path.

Other bundles have modules of the same names, so what is imported here leaves sys.modules again.
"""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "medical-mae"
PLACES = (
    "data",
    "scoring_program",
    "training/medical_mae",
    "training/light",
    "submission/light/docker_code_inference",
    "variants",
)
MADE = ("input_data", "reference_data", "public_data", "data_notice.txt", "*.pth", "training.json", "__pycache__")


@pytest.fixture(scope="session")
def bundle():
    return BUNDLE


@pytest.fixture(scope="session")
def script():
    """`script("synthetic")` is the module; modules import each other once."""
    own = {path.stem for place in PLACES for path in (BUNDLE / place).glob("*.py")}
    kept = {}

    def load(name):
        others = {each: sys.modules.pop(each) for each in own if each in sys.modules}
        before = list(sys.path)
        sys.path[:0] = [str(BUNDLE / place) for place in PLACES]
        sys.modules.update(kept)
        try:
            return importlib.import_module(name)
        finally:
            sys.path[:] = before
            kept.update({each: sys.modules.pop(each) for each in own if each in sys.modules})
            sys.modules.update(others)

    return load


@pytest.fixture(scope="session")
def small(script, tmp_path_factory):
    """The stand-in with a few images: 40 for training, 16 for validation, 24 for testing."""
    folder = tmp_path_factory.mktemp("small")
    script("synthetic").generate(folder, counts={"train": 40, "val": 16, "test": 24})
    return folder


@pytest.fixture(scope="session")
def complete(bundle, script, tmp_path_factory):
    """A copy of the bundle with a few images made for it."""
    folder = tmp_path_factory.mktemp("bundle") / "medical-mae"
    shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns(*MADE))
    script("synthetic").generate(folder, counts={"train": 6, "val": 6, "test": 6})
    return folder
