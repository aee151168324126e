"""Prepare this challenge from real patches: lists of NIfTI files with a class, `image 0` or `image malignant`.

    python data/real.py FOLDER [--train train.txt --val val.txt --test test.txt] [--notice TEXT]

Paths of a list lie below FOLDER, and the lists too unless they are given from elsewhere. Classes are 0 or `benign`,
1 or `malignant`. Everything is checked before anything is written, and all faults are told at once. Files are written
anew: of a header, the values' place in space alone is kept, and nothing about a patient.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from layout import CLASSES, SPLITS, Patch, begin, finish, write_patch

from medici_training.volumes.lists import Case, ListUnusable, read_list
from medici_training.volumes.nifti import Volume, VolumeUnusable, case_of, read_volume

BUNDLE = Path(__file__).resolve().parents[1]
NOTICE = "Real data, prepared by the organizers from lists of NIfTI files."
NUMBERS = {"0": False, "1": True, CLASSES[0]: False, CLASSES[1]: True}
INT16 = np.iinfo(np.int16)

Lists = dict[str, list[Case]]


def faults(root: Path, lists: Lists) -> Iterator[str]:
    """All that is wrong, a sentence each."""
    named = Counter(case_of(case.image) for cases in lists.values() for case in cases)
    for name, count in named.items():
        if count > 1:
            yield f"{name} is named {count} times: a case belongs to one split, and every image needs its own name."
    for split, cases in lists.items():
        for case in cases:
            if case.label not in NUMBERS:
                yield f"{case.image} has the class {case.label}; classes are 0 (benign) and 1 (malignant)."
            try:
                read_volume(root / case.image)
            except VolumeUnusable as unusable:
                yield str(unusable)
        if len({NUMBERS.get(case.label) for case in cases}) < len(CLASSES):
            yield f"The split {split} needs cases of both classes."


def prepare(root: Path, names: dict[str, Path], output: Path, *, notice: str) -> dict[str, int]:
    """Check the lists and write them below `output`; cases by split. Raises ValueError naming all faults at once."""
    lists = {split: read_list(name if name.is_file() else root / name) for split, name in names.items()}
    found = list(faults(root, lists))
    if found:
        raise ValueError("\n".join(found))
    begin(output)
    for split, cases in lists.items():
        for case in cases:
            image = read_volume(root / case.image)
            patch = Patch(case_of(case.image), _compact(image), NUMBERS[case.label], image.affine)
            write_patch(output, split, patch)
    classes = {split: {case_of(case.image): NUMBERS[case.label] for case in cases} for split, cases in lists.items()}
    finish(output, classes, notice=notice)
    return {split: len(cases) for split, cases in lists.items()}


def _compact(image: Volume) -> npt.NDArray[np.generic]:
    """Whole numbers as int16 where they fit, all others as float32."""
    values = image.values
    fits = values.min() >= INT16.min and values.max() <= INT16.max and bool((values == np.rint(values)).all())
    return values.astype(np.int16 if fits else np.float32)


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepare the nodule challenge from lists of NIfTI files.")
    parser.add_argument("folder", type=Path, help="the paths of the lists lie below it")
    for split in SPLITS:
        parser.add_argument(f"--{split}", type=Path, default=Path(f"{split}.txt"), help=f"default: {split}.txt")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    parser.add_argument("--notice", default=NOTICE, help="what every page says of the data")
    options = parser.parse_args()
    names = {split: getattr(options, split) for split in SPLITS}
    try:
        counts = prepare(options.folder, names, options.output, notice=options.notice)
    except (ListUnusable, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(", ".join(f"{split}: {count} cases" for split, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
