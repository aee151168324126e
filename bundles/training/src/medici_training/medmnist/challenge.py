"""The sets of a MedMNIST challenge, and the folders and files in which they lie. Needs NumPy alone.

    public_data/          {flag}{_size}.npz, train and val with labels: what participants download and train on
    input_data/           validation/TASK/ and test/TASK/ hold {flag}{_size}.npz, with `test_images` alone
    reference_data/       validation/TASK/ and test/TASK/ hold the answers that scoring reads
    data_notice.txt       whether real data are shown, or a stand-in

The labels of the test split go to reference_data alone. `data/sets.json` names the sets, either by flag, each at one
size, and the tasks of competition.yaml are called FLAG; or as pairs, and the tasks are called FLAG-SIZE:

    {"version": 1, "sets": {"chestmnist": 28}, "stand_in": {"train": 300, "val": 60, "test": 120, "seed": 2020}}
    {"sets": [["bloodmnist", 28], ["bloodmnist", 64]], "stand_in": {…}}
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medici_scoring.medmnist.answers import Answers, Question, TaskKind, write_answers
from medici_training.medmnist import flags, npz
from medici_training.medmnist.flags import Flag
from medici_training.medmnist.npz import Split

MADE = ("input_data", "reference_data", "public_data")
NOTICE = "data_notice.txt"
SCORED = {"validation": "val", "test": "test"}
"""Phases' folders and the splits in them."""


@dataclass(frozen=True)
class MedSet:
    flag: Flag
    size: int
    task: str
    """The name of its task, which MEDICI_TASK says."""

    @property
    def file_name(self) -> str:
        return npz.file_name(self.flag, self.size)


@dataclass(frozen=True)
class Sets:
    """What `sets.json` says: the sets, and how large a stand-in is by default."""

    sets: tuple[MedSet, ...]
    counts: dict[str, int]
    seed: int


def read_sets(bundle: Path) -> Sets:
    """What `data/sets.json` in the folder of a bundle says. Raises ValueError for a flag that there is not."""
    found = json.loads((bundle / "data" / "sets.json").read_text(encoding="utf-8"))
    named, version = found["sets"], found.get("version", 2)
    if isinstance(named, dict):
        sets = [MedSet(flags.get(name, version=version), size, name) for name, size in named.items()]
    else:
        sets = [MedSet(flags.get(name, version=version), size, f"{name}-{size}") for name, size in named]
    counts = {split: found["stand_in"][split] for split in npz.SPLITS}
    return Sets(tuple(sets), counts, found["stand_in"]["seed"])


def begin(output: Path) -> None:
    """Remove what an earlier run made in `output`, so that no image of other data stays behind."""
    for name in MADE:
        shutil.rmtree(output / name, ignore_errors=True)
    (output / NOTICE).unlink(missing_ok=True)


def write_set(output: Path, medset: MedSet, splits: dict[str, Split]) -> None:
    """Write the three splits of one set wherever they belong."""
    (output / "public_data").mkdir(parents=True, exist_ok=True)
    npz.write(output / "public_data" / medset.file_name, {name: splits[name] for name in ("train", "val")})
    for phase, split in SCORED.items():
        inputs = output / "input_data" / phase / medset.task
        inputs.mkdir(parents=True, exist_ok=True)
        npz.write_images(inputs / medset.file_name, splits[split].images)
        labels = splits[split].labels.astype(np.int64)
        write_answers(output / "reference_data" / phase / medset.task, Answers(_question(medset, split), labels))


def write_notice(output: Path, text: str) -> None:
    """What every page of the challenge says of its data."""
    (output / NOTICE).write_text(text + "\n", encoding="utf-8")


def _question(medset: MedSet, split: str) -> Question:
    flag = medset.flag
    aliases = (flag.v2_name,) if flag.v2_name != flag.name else ()
    return Question(flag.name, medset.size, split, TaskKind(flag.task.value), flag.labels, aliases)
