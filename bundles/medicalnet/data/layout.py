"""The folders and lists in which the lung challenge's data lie, and the writing of them.

    public_data/                 train.txt val.txt (`image label`), images/ labels/: what participants download
    input_data/validation|test/  images.txt (an image a line), images/: what inference containers mount, no labels
    reference_data/validation|test/  <case>.nii.gz label maps and scoring.json: what scoring reads

Labels of the test set go to reference_data alone.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medici_training.volumes.challenge import PUBLIC_LISTS, SCORED, write_image, write_inputs, write_notice
from medici_training.volumes.lists import write_list
from medici_training.volumes.nifti import write_volume

CLASSES = ("background", "left lung", "right lung")


@dataclass(frozen=True)
class Scan:
    name: str
    image: npt.NDArray[np.generic]
    label: npt.NDArray[np.uint8]
    affine: npt.NDArray[np.float64]


def write_scan(output: Path, split: str, scan: Scan) -> None:
    """Write one case wherever its split belongs."""
    file = f"{scan.name}.nii.gz"
    write_image(output, split, scan.name, scan.image, scan.affine)
    if split in PUBLIC_LISTS:
        write_volume(output / "public_data/labels" / file, scan.label, scan.affine)
    if split in SCORED:
        write_volume(output / "reference_data" / SCORED[split] / file, scan.label, scan.affine)


def finish(output: Path, names: dict[str, list[str]], *, tolerance_mm: float, notice: str) -> None:
    """Write the lists, the tolerance of surface Dice, and the notice of what the data are."""
    for split, list_name in PUBLIC_LISTS.items():
        lines = [f"images/{name}.nii.gz labels/{name}.nii.gz" for name in sorted(names[split])]
        write_list(output / "public_data" / list_name, lines)
    for split, folder in SCORED.items():
        write_inputs(output, split, names[split])
        settings = json.dumps({"surface_tolerance_mm": tolerance_mm})
        (output / "reference_data" / folder / "scoring.json").write_text(settings + "\n", encoding="utf-8")
    write_notice(output, notice)
