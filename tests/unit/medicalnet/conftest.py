"""The bundle's own programs, imported as they are run: each folder is its scripts' import path."""

import importlib
import sys
from pathlib import Path

import pytest

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "medicalnet"
NAMES = ("layout", "thorax", "synthetic", "real", "score", "options", "cases", "processes", "train", "test")
"""Modules that other bundles call the same: each is forgotten after its import."""


def load(folder, name):
    before, held = list(sys.path), {each: sys.modules.pop(each, None) for each in NAMES}
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path[:] = before
        for each in NAMES:
            sys.modules.pop(each, None)
            if held[each] is not None:
                sys.modules[each] = held[each]


@pytest.fixture(scope="session")
def bundle():
    return BUNDLE


@pytest.fixture(scope="session")
def lungs():
    """`lungs("synthetic")`: a module of the lung challenge's data folder."""
    return lambda name, folder="data": load(BUNDLE / folder, name)


@pytest.fixture(scope="session")
def nodules():
    return lambda name, folder="data": load(BUNDLE / "nodules" / folder, name)
