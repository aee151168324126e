"""Prepare this bundle from real radiographs, in the formats in which the public sets are handed out.

    python data/real.py FOLDER [--lists LISTS] [--dataset chestxray|chexpert|covidx] [--size 256] [--output DIR]

FOLDER holds the image files (ChestX-ray14: all 112,120 PNG files in one folder), LISTS, by default the same, the lists:

    chestxray   train_official.txt val_official.txt test_official.txt   `name` and 14 labels a line
    chexpert    train.csv val.csv test.csv                              CheXpert's columns; frontal images are taken
    covidx      train.txt val.txt test.txt                              `patient file class source` a line

Images are made grey and shrunk to `--size` pixels at their shorter side, never enlarged (0: kept as they are).
`--only N` takes the first N images of each list. All lists, and that every image is there and is one, are checked
before anything is written; an image that is cut short ends the work with one sentence. `--notice` says what other
images are.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from layout import Radiographs, write
from lists import NIH, Entry, ListInvalid, positives, read_list, shared
from PIL import Image, UnidentifiedImageError
from sources import CHEXPERT, COVIDX, read_chexpert, read_covidx

BUNDLE = Path(__file__).resolve().parents[1]
SIZE = 256
MOST_NAMES = 5
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Source:
    title: str
    classes: Sequence[str]
    list_name: str
    read: Callable[[Path], list[Entry]]
    notice: str
    names_tell: bool = False
    """File names say where an image comes from, and so its class: test images get numbers instead."""


SOURCES = {
    "chestxray": Source(
        "ChestX-ray14",
        NIH,
        "{}_official.txt",
        read_list,
        "Real data: ChestX-ray14, provided by the NIH Clinical Center (Wang et al., CVPR 2017).",
    ),
    "chexpert": Source(
        "CheXpert",
        CHEXPERT,
        "{}.csv",
        read_chexpert,
        "Real data: CheXpert, Stanford ML Group (Irvin et al., AAAI 2019), under its research use agreement.",
    ),
    "covidx": Source(
        "COVIDx",
        COVIDX,
        "{}.txt",
        read_covidx,
        "Real data: COVIDx CXR (Wang, Lin and Wong, Scientific Reports 2020), gathered from several public sets.",
        names_tell=True,
    ),
}


def read_lists(source: Source, folder: Path, only: int | None = None) -> dict[str, list[Entry]]:
    """The three splits. Raises ListInvalid when a list is wrong, or an image is in more than one of them."""
    splits = {split: source.read(folder / source.list_name.format(split))[:only] for split in SPLITS}
    twice = list(shared(*splits.values()))
    if twice:
        raise ListInvalid(f"{len(twice)} images are in more than one list or come twice: {_some(twice)}.")
    return splits


def find_images(folder: Path, splits: Mapping[str, Sequence[Entry]]) -> dict[str, Path]:
    """The file of every name. Raises ListInvalid that names those that are not there or no images."""
    if not folder.is_dir():
        raise ListInvalid(f"The folder of images {folder} is not there.")
    paths = {entry.name: folder / entry.name for entries in splits.values() for entry in entries}
    absent = [name for name, path in paths.items() if not path.is_file()]
    if absent:
        raise ListInvalid(f"{folder} lacks {len(absent)} of {len(paths)} images that the lists name: {_some(absent)}.")
    unreadable = [name for name, path in paths.items() if not is_image(path)]
    if unreadable:
        raise ListInvalid(f"{folder} holds {len(unreadable)} files that are no readable images: {_some(unreadable)}.")
    return paths


def prepare(
    source: Source, images: Path, lists: Path, output: Path, *, size: int, only: int | None = None
) -> Radiographs:
    """Write the bundle's data. Raises ListInvalid or ValueError with one sentence."""
    splits = read_lists(source, lists, only)
    paths = find_images(images, splits)
    bare = {
        split: [Entry(bare_name(entry.name), entry.labels) for entry in entries] for split, entries in splits.items()
    }
    files = {bare_name(name): path for name, path in paths.items()}
    if len(files) < len(paths):
        raise ListInvalid(f"{len(paths) - len(files)} images have names that become the same without their folders.")
    if source.names_tell:
        numbers = numbered(bare["test"])
        files |= {number: files[name] for name, number in numbers.items()}
        bare["test"] = [Entry(numbers[entry.name], entry.labels) for entry in bare["test"]]
    data = Radiographs(source.classes, bare, source.notice)
    write(output, data, lambda name, path: save_grey(files[name], path, size))
    return data


def bare_name(name: str) -> str:
    """`train/patient00001/study1/view1_frontal.jpg` becomes `train_patient00001_study1_view1_frontal.png`."""
    return Path(name.replace("/", "_")).with_suffix(".png").name


def numbered(entries: Sequence[Entry]) -> dict[str, str]:
    """Name → `test_00001.png`, in an order that neither the list nor the alphabet tells."""
    names = sorted((entry.name for entry in entries), key=lambda name: hashlib.sha256(name.encode()).digest())
    return {name: f"test_{number:05d}.png" for number, name in enumerate(names, start=1)}


def is_image(path: Path) -> bool:
    """By its first bytes: a hundred thousand radiographs are decoded once, when they are written."""
    try:
        with Image.open(path):
            return True
    except (UnidentifiedImageError, OSError, ValueError):
        return False


def save_grey(source: Path, target: Path, size: int) -> None:
    """An 8-bit grey PNG, its shorter side at most `size` pixels (0: any). Raises ValueError naming the file."""
    try:
        with Image.open(source) as image:
            grey = image.convert("L")
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise ValueError(f"{source} is no readable image: {error}.") from error
    shorter = min(grey.size)
    if size and shorter > size:
        shape = tuple(round(side * size / shorter) for side in grey.size)
        grey = grey.resize((shape[0], shape[1]), Image.Resampling.BICUBIC)
    grey.save(target, "PNG")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepare this bundle from real radiographs.")
    parser.add_argument("folder", type=Path, help="holds the image files")
    parser.add_argument("--lists", type=Path, help="folder of the three lists (default: that of the images)")
    parser.add_argument("--dataset", choices=SOURCES, default="chestxray")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels of the shorter side; 0 keeps (default: 256)")
    parser.add_argument("--only", type=int, help="take the first so many images of each list")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    parser.add_argument("--notice", help="what every page says of other images (default: the set's name and source)")
    options = parser.parse_args()
    if options.size < 0 or (options.only is not None and options.only < 1):
        parser.error("--size must be 0 or more, --only 1 or more")
    source = SOURCES[options.dataset]
    source = replace(source, notice=options.notice or source.notice)
    lists = options.lists or options.folder
    try:
        data = prepare(source, options.folder, lists, options.output, size=options.size, only=options.only)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for split, entries in data.splits.items():
        counts = ", ".join(f"{name} {count}" for name, count in zip(data.classes, positives(entries), strict=True))
        print(f"{split}: {len(entries)} images; {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
