"""The folders and files in which the radiographs lie, and the writing of them.

    public_data/      images/ train_list.txt val_list.txt classes.txt: what participants download, and training mounts
    input_data/       validation/ and testing/: radiographs and images.txt, their names without labels
    reference_data/   validation/ and testing/: answers.txt (names and labels) and classes.txt, for scoring alone
    data_notice.txt   a sentence that says what these data are

The answers of the test set go to reference_data alone.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lists import Entry, write_list, write_names

MADE = ("input_data", "reference_data", "public_data", "data_notice.txt")
SCORED = {"val": "validation", "test": "testing"}
"""The folders of the splits that are scored."""

Save = Callable[[str, Path], None]
"""Writes the image of an entry's name to a path."""


@dataclass(frozen=True)
class Radiographs:
    """The three splits of a challenge; names are bare and end with .png."""

    classes: Sequence[str]
    splits: Mapping[str, Sequence[Entry]]
    """train, val and test."""
    notice: str


def write(output: Path, data: Radiographs, save: Save) -> None:
    """Write all of it below `output`, in the place of what an earlier run made there."""
    _begin(output)
    public = output / "public_data"
    for split, entries in data.splits.items():
        if split in SCORED:
            _write_scored(output, SCORED[split], entries, data.classes, save)
        if split != "test":
            (public / "images").mkdir(parents=True, exist_ok=True)
            for entry in entries:
                save(entry.name, public / "images" / entry.name)
            write_list(public / f"{split}_list.txt", entries)
    write_names(public / "classes.txt", data.classes)
    (output / "data_notice.txt").write_text(data.notice + "\n", encoding="utf-8")


def _write_scored(output: Path, folder: str, entries: Sequence[Entry], classes: Sequence[str], save: Save) -> None:
    seen, answers = output / "input_data" / folder, output / "reference_data" / folder
    write_names(seen / "images.txt", sorted(entry.name for entry in entries))  # lists often go class by class
    for entry in entries:
        save(entry.name, seen / entry.name)
    write_list(answers / "answers.txt", entries)
    write_names(answers / "classes.txt", classes)


def _begin(output: Path) -> None:
    for name in MADE:
        path = output / name
        path.unlink(missing_ok=True) if path.is_file() else shutil.rmtree(path, ignore_errors=True)
