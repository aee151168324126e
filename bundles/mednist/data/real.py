"""Prepare this bundle from real images: any folder in the layout of the MedNIST challenge.

    python data/real.py FOLDER [--output DIR] [--notice TEXT]

FOLDER holds training-data/, validation-data/ and testing-data/ (JPEG files) and training_solution.csv,
validation_solution.csv and testing_solution.csv (`file,class`). Everything is checked before anything is written.
"""

import argparse
import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from layout import CLASSES, SPLITS, begin, read_solution, write_split
from PIL import Image, UnidentifiedImageError

BUNDLE = Path(__file__).resolve().parents[1]
MOST_NAMES = 5
NOTICE = "Real data: MedNIST images by Dr. Bradley J. Erickson, Mayo Clinic (CC BY-SA 4.0)."

Split = tuple[dict[str, bytes], dict[str, str]]


def read_split(source: Path, split: str) -> Split:
    """The images and answers of one split, as they are. Raises ValueError or OSError with one sentence."""
    folder = source / f"{split}-data"
    if not folder.is_dir():
        raise ValueError(f"{folder} is not there; {source} must hold {', '.join(f'{name}-data' for name in SPLITS)}.")
    images = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    return images, read_solution(source / f"{split}_solution.csv")


def faults(split: str, images: dict[str, bytes], answers: dict[str, str]) -> Iterator[str]:
    """All that is wrong with one split, a sentence each."""
    if not images:
        yield f"{split}-data holds no files."
    yield from _named(f"{split}-data holds files without a row in {split}_solution.csv", images.keys() - answers.keys())
    yield from _named(f"{split}_solution.csv names files that {split}-data lacks", answers.keys() - images.keys())
    yield from _named(f"{split}_solution.csv holds classes that MedNIST has not", set(answers.values()) - set(CLASSES))
    yield from _named(f"{split}_solution.csv has no image of the classes", set(CLASSES) - set(answers.values()))
    yield from _named(f"{split}-data holds files that are no readable image", _unreadable(images))


def _unreadable(images: dict[str, bytes]) -> set[str]:
    return {name for name, content in images.items() if not _readable(content)}


def _readable(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (UnidentifiedImageError, OSError, ValueError):
        return False
    return True


def _named(sentence: str, names: set[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        yield f"{sentence}: {', '.join(sorted(names)[:MOST_NAMES])}{more}."


def prepare(source: Path, output: Path, notice: str = NOTICE) -> dict[str, Counter[str]]:
    """Check the three splits and write them below `output`. Raises ValueError naming all faults at once."""
    splits = {split: read_split(source, split) for split in SPLITS}
    found = [fault for split, (images, answers) in splits.items() for fault in faults(split, images, answers)]
    if found:
        raise ValueError("\n".join(found))
    begin(output, notice)
    for split, (images, answers) in splits.items():
        write_split(output, split, images, answers)
    return {split: Counter(answers.values()) for split, (_, answers) in splits.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepare the MedNIST bundle from a folder of real images.")
    parser.add_argument("folder", type=Path, help="holds training-data, validation-data, testing-data and CSVs")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    parser.add_argument("--notice", default=NOTICE, help="what to say of other images (default: %(default)s)")
    options = parser.parse_args()
    try:
        counts = prepare(options.folder, options.output, options.notice)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for split, count in counts.items():
        print(f"{split}: {count.total()} images; " + ", ".join(f"{name} {count[name]}" for name in CLASSES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
