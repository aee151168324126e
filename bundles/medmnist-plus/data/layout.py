"""Which sets this challenge has, and the folders and files in which they lie.

    public_data/          {flag}{_size}.npz, train and val with labels: what participants download and train on
    input_data/           validation/FLAG-SIZE/ and test/FLAG-SIZE/ hold {flag}{_size}.npz, with `test_images` alone
    reference_data/       validation/FLAG-SIZE/ and test/FLAG-SIZE/ hold the answers that scoring reads
    data_notice.txt       whether real data are shown, or a stand-in

The labels of the test split go to reference_data alone. `sets.json` names the sets; the tasks of competition.yaml are
called FLAG-SIZE likewise.
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

BUNDLE = Path(__file__).resolve().parents[1]
MADE = ("input_data", "reference_data", "public_data")
NOTICE = "data_notice.txt"
SCORED = {"validation": "val", "test": "test"}
"""Phases' folders and the splits in them."""


@dataclass(frozen=True)
class MedSet:
    flag: Flag
    size: int

    @property
    def file_name(self) -> str:
        return npz.file_name(self.flag, self.size)

    @property
    def task(self) -> str:
        """The name of its task, which MEDICI_TASK says."""
        return f"{self.flag.name}-{self.size}"


@dataclass(frozen=True)
class Sets:
    """What `sets.json` says: the sets, and how large a stand-in is by default."""

    sets: tuple[MedSet, ...]
    counts: dict[str, int]
    seed: int


def read_sets(folder: Path = BUNDLE / "data") -> Sets:
    found = json.loads((folder / "sets.json").read_text(encoding="utf-8"))
    sets = tuple(MedSet(flags.get(name), size) for name, size in found["sets"])
    counts = {split: found["stand_in"][split] for split in npz.SPLITS}
    return Sets(sets, counts, found["stand_in"]["seed"])


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
    (output / NOTICE).write_text(text + "\n", encoding="utf-8")


def _question(medset: MedSet, split: str) -> Question:
    flag = medset.flag
    return Question(flag.name, medset.size, split, TaskKind(flag.task.value), flag.labels)
