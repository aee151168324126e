"""Prepare this challenge from real patches: lists of NIfTI files with a class, `image 0` or `image malignant`.

    python data/real.py FOLDER [--train train.txt --val val.txt --test test.txt] [--notice TEXT]

Paths of a list lie below FOLDER, and the lists too unless they are given from elsewhere. Classes are 0 or `benign`,
1 or `malignant`. Everything is checked before anything is written, and all faults are told at once. Files are written
anew: of a header, the values' place in space alone is kept, and nothing about a patient.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from layout import CLASSES, Patch, finish, write_patch

from medici_training.volumes.challenge import SPLITS, Lists, begin, compact, read_lists, real_parser, repeated
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable, case_of, read_volume

BUNDLE = Path(__file__).resolve().parents[1]
NUMBERS = {"0": False, "1": True, CLASSES[0]: False, CLASSES[1]: True}


def faults(root: Path, lists: Lists) -> Iterator[str]:
    """All that is wrong, a sentence each."""
    yield from repeated(lists)
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
    lists = read_lists(root, names)
    found = list(faults(root, lists))
    if found:
        raise ValueError("\n".join(found))
    begin(output)
    for split, cases in lists.items():
        for case in cases:
            image = read_volume(root / case.image)
            patch = Patch(case_of(case.image), compact(image), NUMBERS[case.label], image.affine)
            write_patch(output, split, patch)
    classes = {split: {case_of(case.image): NUMBERS[case.label] for case in cases} for split, cases in lists.items()}
    finish(output, classes, notice=notice)
    return {split: len(cases) for split, cases in lists.items()}


def main() -> int:
    parser = real_parser("Prepare the nodule challenge from lists of NIfTI files.", BUNDLE)
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
