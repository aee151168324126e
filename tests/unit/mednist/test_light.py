"""The light model's programs on folders that are not as they should be."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(bundle: Path, program: str, folder: Path) -> str:
    """What it says of a fault."""
    shared = bundle / "submission/light/docker_code_inference"
    environment = {"IN": str(folder), "OUT": str(folder / "out"), "PYTHONPATH": str(shared)}
    command = [sys.executable, "-B", str(bundle / program)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout
    return ended.stderr.strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [None, "", "name,class\na.jpg,Hand\n", "file,class\n"], ids=["no list", "empty", "header", "no rows"]
)
def test_training_without_a_list_ends_in_a_sentence(bundle, tmp_path, text):
    if text is not None:
        (tmp_path / "training_solution.csv").write_text(text)
    told = run(bundle, "training/light/train.py", tmp_path)
    assert "training_solution.csv" in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("place", ["", "absent"], ids=["empty", "absent"])
def test_inference_without_images_ends_in_a_sentence(bundle, tmp_path, place):
    folder = tmp_path / place
    told = run(bundle, "submission/light/docker_code_inference/inference_on_test.py", folder)
    assert told == f"{folder} holds no images."
