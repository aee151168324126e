"""One complete challenge here: its stand-in, its training container, its submission as the worker runs it."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medici_platform.cli.demo_challenge import make_bundle, zip_submission
from medici_platform.cli.demo_training import ContainerTraining

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measured:
    scores: dict[str, float]
    """Means over the tasks."""
    training_s: float
    memory_mib: float
    inference_s: float
    log: list[str]


def made(name: str, folder: Path, *options: str) -> Path:
    """A copy of `bundles/<name>` with the stand-in that these options of data/synthetic.py make."""
    return make_bundle(name, folder / name, *options)


def medici(*words: str | Path) -> str:
    command = [sys.executable, "-m", "medici_platform.cli", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def measured(bundle: Path, *, model: str = "light", command: Sequence[str] = (), phase: str | None = None) -> Measured:
    """Train the model in its container, then build, run and score its submission as the platform's worker does."""
    began = time.monotonic()
    training = ContainerTraining(bundle, model, command)
    log = list(training.lines())
    training_s = time.monotonic() - began
    archive = zip_submission(bundle, bundle.parent / "submission.zip", model)
    answer = json.loads(medici("try", archive, "--bundle", bundle, "--json", *(("--phase", phase) if phase else ())))
    tasks: list[dict[str, Any]] = answer.get("tasks", [answer])
    inference_s = sum(task["stage_seconds"]["running"] for task in tasks)
    return Measured(answer["scores"], training_s, training.memory_mib, inference_s, log)
