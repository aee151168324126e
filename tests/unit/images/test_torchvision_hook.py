"""The hook of medici/timm, in a Python of its own: it costs nothing until torchvision is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from medici_worker.images.recipes import RECIPES
from tests.trainers import need_trainers

SITE = RECIPES["timm"].folder / "site"


def said(program: str, path: Path) -> str:
    """What a fresh Python prints that has the hook, as site-packages give it; no other `.pth` file is read."""
    command = [sys.executable, "-W", "error", "-c", f"import site; site.addsitedir({str(path)!r})\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_python_starts_without_torch() -> None:
    assert (
        said("import sys; print({'torch', 'torchvision', 'medici_training'} & sys.modules.keys())", SITE) == "set()\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm", "torchvision"])
def test_what_needs_torchvision_is_imported_as_ever(name: str) -> None:
    need_trainers()
    assert said(f"import {name}; print({name}.__name__)", SITE) == f"{name}\n"


@pytest.mark.slow
def test_prepared_operators_are_declared_once_and_stay() -> None:
    need_trainers()
    program = (
        "from medici_training.torchvision_on_cpu import prepare; prepare(); prepare()\n"
        "import gc, torch; gc.collect(); import torchvision; prepare()\n"
        "print(hasattr(torch.ops.torchvision, 'nms'), hasattr(torch.ops.torchvision, 'qnms'))"
    )
    assert said(program, SITE) == "True True\n"
