"""Tests of training code need torch, MONAI and timm, which `make trainers` adds to .venv."""

import os
from importlib.util import find_spec

import pytest

PACKAGES = ("torch", "monai", "timm", "torchvision", "medmnist")


def need_trainers() -> None:
    """Skip with how to get them where they are missing; in CI that is a failure."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if not missing:
        return
    sentence = f"{', '.join(missing)} missing in .venv: `make trainers` adds them."
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
