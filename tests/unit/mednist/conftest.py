"""The bundle's own programs, imported as they are run: each folder is its scripts' import path."""

import importlib
import sys
from pathlib import Path

import pytest

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "mednist"
PLACES = {
    "layout": "data",
    "anatomy": "data",
    "synthetic": "data",
    "real": "data",
    "features": "submission/light/docker_code_inference",
}


@pytest.fixture(scope="session")
def bundle():
    return BUNDLE


@pytest.fixture(scope="session")
def script():
    """`script("synthetic")` is the module; the path is as it was when it has been imported."""

    def load(name):
        before = list(sys.path)
        sys.path[:0] = [str(BUNDLE / place) for place in dict.fromkeys(PLACES.values())]
        try:
            return importlib.import_module(name)
        finally:
            sys.path[:] = before

    return load
