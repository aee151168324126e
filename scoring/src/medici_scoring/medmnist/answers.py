"""The answers of one MedMNIST task: `task.json`, what was asked, and `labels.npz`, the labels of one split.

    {"flag": "bloodmnist", "size": 28, "split": "test", "task": "multi-class",
     "classes": ["basophil", …], "aliases": []}

`labels.npz` holds one array `labels`, cases×L whole numbers; L is the number of classes for multi-label tasks, else 1.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medici_scoring.predictions import ReferenceInvalid

TASK_FILE = "task.json"
LABELS_FILE = "labels.npz"
SPLITS = ("train", "val", "test")
PLAIN_SIZE = 28
"""File names do not tell this one."""

Labels = npt.NDArray[np.int64]


class TaskKind(StrEnum):
    """The four kinds of task, spelt as MedMNIST v2 does."""

    MULTI_CLASS = "multi-class"
    BINARY = "binary-class"
    MULTI_LABEL = "multi-label, binary-class"
    ORDINAL = "ordinal-regression"


@dataclass(frozen=True)
class Question:
    """What a task asks. `classes` are in the order of the columns of scores."""

    flag: str
    size: int
    split: str
    task: TaskKind
    classes: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    """Other flags under which the same set is known: result files may begin with them."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How a result file's name may begin: `bloodmnist_64_test`; without the size where it is 28.

        A container is not told whether it sees the validation or the test images: `test` is always accepted too.
        """
        splits = dict.fromkeys((self.split, "test"))
        return tuple(f"{prefix_flag}_{split}" for split in splits for prefix_flag in self._sized_flags())

    @property
    def columns(self) -> tuple[int, ...]:
        """How many columns of scores a result may have: one per class; of a binary task the second may do alone."""
        return (2, 1) if self.task is TaskKind.BINARY else (len(self.classes),)

    def _sized_flags(self) -> tuple[str, ...]:
        size = "" if self.size == PLAIN_SIZE else f"_{self.size}"
        return tuple(f"{flag}{size}" for flag in (self.flag, *self.aliases))


@dataclass(frozen=True)
class Answers:
    question: Question
    labels: Labels
    """Cases×L."""


def write_answers(folder: Path, answers: Answers) -> None:
    """Raises ReferenceInvalid for labels that do not belong to the question."""
    _check(answers, folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TASK_FILE).write_text(json.dumps(asdict(answers.question), indent=2) + "\n", encoding="utf-8")
    np.savez_compressed(folder / LABELS_FILE, labels=answers.labels)


def read_answers(folder: Path) -> Answers:
    """Raises ReferenceInvalid with one sentence."""
    answers = Answers(_read_question(folder / TASK_FILE), _read_labels(folder / LABELS_FILE))
    _check(answers, folder)
    return answers


def _read_question(path: Path) -> Question:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _question(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceInvalid(f"{path} does not say what is asked: {_reason(error)}") from error


def _question(found: Mapping[str, object]) -> Question:
    if found["split"] not in SPLITS:
        raise ValueError(f"the split must be one of {', '.join(SPLITS)}.")
    size, classes, aliases = found["size"], found["classes"], found.get("aliases", [])
    if not isinstance(size, int) or not isinstance(classes, list) or not isinstance(aliases, list):
        raise TypeError("the size must be a number, classes and aliases lists.")
    task = TaskKind(str(found["task"]))
    return Question(str(found["flag"]), size, str(found["split"]), task, _texts(classes), _texts(aliases))


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _reason(error: Exception) -> str:
    return f"{error} is missing." if isinstance(error, KeyError) else str(error)


def _read_labels(path: Path) -> Labels:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays["labels"], dtype=np.int64)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ReferenceInvalid(f"{path} must be an npz file that holds the array `labels`: {error}.") from error


def _check(answers: Answers, folder: Path) -> None:
    question, labels = answers.question, answers.labels
    is_multi = question.task is TaskKind.MULTI_LABEL
    width = len(question.classes) if is_multi else 1
    if labels.ndim != 2 or labels.shape[1] != width or len(labels) == 0:  # noqa: PLR2004  cases and labels
        raise ReferenceInvalid(f"{folder}: the labels must be cases×{width}; their shape is {labels.shape}.")
    most = 1 if is_multi else len(question.classes) - 1
    if labels.min() < 0 or labels.max() > most:
        raise ReferenceInvalid(f"{folder}: labels must be 0 to {most}; found {labels.min()} to {labels.max()}.")
    if (labels == labels[0]).all():
        raise ReferenceInvalid(f"{folder}: all cases have the same labels, so that no AUC can be had.")
