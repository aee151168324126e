"""The folders and lists in which the nodule challenge's data lie, and the writing of them.

    public_data/                 train.txt val.txt (`image class`), images/: what participants download
    input_data/validation|test/  images.txt (an image a line), images/: what inference containers mount, no classes
    reference_data/validation|test/  classes.csv (`case,class`): what scoring reads

Classes of the test set go to reference_data alone.
"""

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medici_training.volumes.lists import write_list
from medici_training.volumes.nifti import write_volume

CLASSES = ("benign", "malignant")
"""A class's place is its number."""
PUBLIC_LISTS = {"train": "train.txt", "val": "val.txt"}
SCORED = {"val": "validation", "test": "test"}
SPLITS = ("train", "val", "test")
MADE = ("input_data", "reference_data", "public_data")
NOTICE = "data_notice.txt"


@dataclass(frozen=True)
class Patch:
    name: str
    image: npt.NDArray[np.generic]
    malignant: bool
    affine: npt.NDArray[np.float64]


def begin(output: Path) -> None:
    """Remove what an earlier run made in `output`, so that no volume of other data stays behind."""
    for name in MADE:
        shutil.rmtree(output / name, ignore_errors=True)


def write_patch(output: Path, split: str, patch: Patch) -> None:
    """Write one case wherever its split belongs."""
    file = f"{patch.name}.nii.gz"
    if split in PUBLIC_LISTS:
        write_volume(output / "public_data/images" / file, patch.image, patch.affine)
    if split in SCORED:
        write_volume(output / "input_data" / SCORED[split] / "images" / file, patch.image, patch.affine)


def finish(output: Path, classes: dict[str, dict[str, bool]], *, notice: str) -> None:
    """Write the lists and answers of all splits (by name: whether malignant), and the notice of what the data are."""
    for split, list_name in PUBLIC_LISTS.items():
        lines = [f"images/{name}.nii.gz {int(value)}" for name, value in sorted(classes[split].items())]
        write_list(output / "public_data" / list_name, lines)
    for split, folder in SCORED.items():
        write_list(
            output / "input_data" / folder / "images.txt", [f"images/{n}.nii.gz" for n in sorted(classes[split])]
        )
        _write_answers(output / "reference_data" / folder / "classes.csv", classes[split])
    (output / NOTICE).write_text(notice + "\n", encoding="utf-8")


def _write_answers(path: Path, classes: dict[str, bool]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("case", "class"))
        writer.writerows((name, CLASSES[value]) for name, value in sorted(classes.items()))
