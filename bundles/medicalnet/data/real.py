"""Prepare this bundle from real volumes: MedicalNet's `image label` lists of NIfTI files.

    python data/real.py FOLDER [--train train.txt --val val.txt --test test.txt] [--tolerance-mm 2] [--notice TEXT]

Paths of a list lie below FOLDER, and the lists too unless they are given from elsewhere. Labels are 0 background,
1 left lung, 2 right lung. Everything is checked before anything is written, and all faults are told at once. Files are
written anew: of a header, the values' place in space alone is kept, and nothing about a patient.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from layout import CLASSES, Scan, finish, write_scan

from medici_training.volumes.challenge import SPLITS, Lists, begin, compact, read_lists, real_parser, repeated
from medici_training.volumes.lists import Case, ListUnusable
from medici_training.volumes.nifti import VolumeUnusable, case_of, read_volume

BUNDLE = Path(__file__).resolve().parents[1]
TOLERANCE_MM = 2.0
GRID_TOLERANCE_MM = 0.01


def faults(root: Path, lists: Lists) -> Iterator[str]:
    """All that is wrong, a sentence each."""
    yield from repeated(lists)
    for cases in lists.values():
        for case in cases:
            yield from _case_faults(root, case)


def _case_faults(root: Path, case: Case) -> Iterator[str]:
    try:
        image, label = read_volume(root / case.image), read_volume(root / case.label)
    except VolumeUnusable as unusable:
        yield str(unusable)
        return
    if image.values.shape != label.values.shape:
        yield f"{case.label} has the shape {label.values.shape}, its image {image.values.shape}."
    elif np.abs(image.affine - label.affine).max() > GRID_TOLERANCE_MM:
        yield f"{case.label} lies elsewhere than its image: their affines differ."
    unknown = set(np.unique(label.values).tolist()) - set(range(len(CLASSES)))
    if unknown:
        told = ", ".join(f"{value:g}" for value in sorted(unknown)[:3])
        yield f"{case.label} holds {told}; labels are 0 (background), 1 (left lung) and 2 (right lung)."


def prepare(root: Path, names: dict[str, Path], output: Path, *, tolerance_mm: float, notice: str) -> dict[str, int]:
    """Check the lists and write them below `output`; cases by split. Raises ValueError naming all faults at once."""
    lists = read_lists(root, names)
    found = list(faults(root, lists))
    if found:
        raise ValueError("\n".join(found))
    begin(output)
    for split, cases in lists.items():
        for case in cases:
            write_scan(output, split, _scan(root, case))
    written = {split: [case_of(case.image) for case in cases] for split, cases in lists.items()}
    finish(output, written, tolerance_mm=tolerance_mm, notice=notice)
    return {split: len(cases) for split, cases in lists.items()}


def _scan(root: Path, case: Case) -> Scan:
    image, label = read_volume(root / case.image), read_volume(root / case.label)
    return Scan(case_of(case.image), compact(image), label.values.astype(np.uint8), image.affine)


def main() -> int:
    parser = real_parser("Prepare the lung challenge from lists of NIfTI files.", BUNDLE)
    parser.add_argument("--tolerance-mm", type=float, default=TOLERANCE_MM, help="of surface Dice (default: 2)")
    options = parser.parse_args()
    if options.tolerance_mm <= 0:
        parser.error("--tolerance-mm must be above 0")
    names = {split: getattr(options, split) for split in SPLITS}
    try:
        counts = prepare(
            options.folder, names, options.output, tolerance_mm=options.tolerance_mm, notice=options.notice
        )
    except (ListUnusable, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(", ".join(f"{split}: {count} cases" for split, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
