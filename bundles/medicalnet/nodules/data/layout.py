"""The folders and lists in which the nodule challenge's data lie, and the writing of them.

    public_data/                 train.txt val.txt (`image class`), images/: what participants download
    input_data/validation|test/  images.txt (an image a line), images/: what inference containers mount, no classes
    reference_data/validation|test/  classes.csv (`case,class`): what scoring reads

Classes of the test set go to reference_data alone.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medici_training.volumes.challenge import PUBLIC_LISTS, SCORED, write_image, write_inputs, write_notice
from medici_training.volumes.lists import write_list

CLASSES = ("benign", "malignant")
"""A class's place is its number."""


@dataclass(frozen=True)
class Patch:
    name: str
    image: npt.NDArray[np.generic]
    malignant: bool
    affine: npt.NDArray[np.float64]


def write_patch(output: Path, split: str, patch: Patch) -> None:
    """Write one case wherever its split belongs."""
    write_image(output, split, patch.name, patch.image, patch.affine)


def finish(output: Path, classes: dict[str, dict[str, bool]], *, notice: str) -> None:
    """Write the lists and answers of all splits (by name: whether malignant), and the notice of what the data are."""
    for split, list_name in PUBLIC_LISTS.items():
        lines = [f"images/{name}.nii.gz {int(value)}" for name, value in sorted(classes[split].items())]
        write_list(output / "public_data" / list_name, lines)
    for split, folder in SCORED.items():
        write_inputs(output, split, classes[split])
        _write_answers(output / "reference_data" / folder / "classes.csv", classes[split])
    write_notice(output, notice)


def _write_answers(path: Path, classes: dict[str, bool]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("case", "class"))
        writer.writerows((name, CLASSES[value]) for name, value in sorted(classes.items()))
