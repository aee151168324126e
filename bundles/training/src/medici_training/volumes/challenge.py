"""Where a challenge on NIfTI volumes keeps its data, and how they are read from lists and written.

public_data/                 train.txt val.txt, images/ …: what participants download
input_data/validation|test/  images.txt (an image a line), images/: what inference containers mount
reference_data/validation|test/  the answers, of whatever kind
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medici_training.volumes.lists import Case, read_list, write_list
from medici_training.volumes.nifti import Volume, case_of, write_volume

SPLITS = ("train", "val", "test")
PUBLIC_LISTS = {"train": "train.txt", "val": "val.txt"}
SCORED = {"val": "validation", "test": "test"}
REAL_NOTICE = "Real data, prepared by the organizers from lists of NIfTI files."
MADE = ("input_data", "reference_data", "public_data")
NOTICE = "data_notice.txt"
NUMBERING = len(SPLITS)  # beside the splits' own numbers: the generator that shuffles the names
INT16 = np.iinfo(np.int16)

Lists = dict[str, list[Case]]


def begin(output: Path) -> None:
    """Remove what an earlier run made in `output`, so that no volume of other data stays behind."""
    for name in MADE:
        shutil.rmtree(output / name, ignore_errors=True)


def write_image(
    output: Path, split: str, name: str, image: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]
) -> None:
    """Write one image wherever its split belongs."""
    file = f"{name}.nii.gz"
    if split in PUBLIC_LISTS:
        write_volume(output / "public_data/images" / file, image, affine)
    if split in SCORED:
        write_volume(output / "input_data" / SCORED[split] / "images" / file, image, affine)


def write_inputs(output: Path, split: str, names: Iterable[str]) -> None:
    """`images.txt`, in the order of the names, which tells nothing."""
    lines = [f"images/{name}.nii.gz" for name in sorted(names)]
    write_list(output / "input_data" / SCORED[split] / "images.txt", lines)


def write_notice(output: Path, notice: str) -> None:
    (output / NOTICE).write_text(notice + "\n", encoding="utf-8")


def shuffled_names(seed: int, count: int, form: str) -> list[str]:
    """`form` (`case_{:03d}`) filled with 1 to `count`, in an order that tells neither split nor class."""
    order = np.random.default_rng(np.random.SeedSequence([seed, NUMBERING])).permutation(count)
    return [form.format(number + 1) for number in order]


def read_lists(root: Path, names: dict[str, Path]) -> Lists:
    """The cases of each split; a list lies where it is named, or below `root`. Raises ListUnusable."""
    return {split: read_list(name if name.is_file() else root / name) for split, name in names.items()}


def repeated(lists: Lists) -> Iterator[str]:
    """A sentence for every case that is named more than once."""
    named = Counter(case_of(case.image) for cases in lists.values() for case in cases)
    for name, count in named.items():
        if count > 1:
            yield f"{name} is named {count} times: a case belongs to one split, and every image needs its own name."


def compact(image: Volume) -> npt.NDArray[np.generic]:
    """Whole numbers as int16 where they fit, all others as float32."""
    values = image.values
    fits = values.min() >= INT16.min and values.max() <= INT16.max and bool((values == np.rint(values)).all())
    return values.astype(np.int16 if fits else np.float32)


def real_parser(description: str, output: Path) -> argparse.ArgumentParser:
    """The options that every `data/real.py` of volumes has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="the paths of the lists lie below it")
    for split in SPLITS:
        parser.add_argument(f"--{split}", type=Path, default=Path(f"{split}.txt"), help=f"default: {split}.txt")
    parser.add_argument("--output", type=Path, default=output, help="where to write (default: this bundle)")
    parser.add_argument("--notice", default=REAL_NOTICE, help="what every page says of the data")
    return parser
