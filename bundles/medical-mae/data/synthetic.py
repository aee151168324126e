"""A synthetic stand-in for ChestX-ray14: drawn radiographs with its fourteen findings, without patient data.

    python data/synthetic.py [--output DIR] [--train 1000] [--val 150] [--test 300] [--size 64] [--seed 2020]

PNG files of grey pixels and lists in NIH's format. Every sample has a random generator of its own: the same call writes
the same bytes, and the first images of a larger set are those of a smaller one. Needs NumPy and Pillow.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from layout import Radiographs, write
from lists import NIH, Entry
from PIL import Image

from medici_training.medmnist import flags
from medici_training.standins import SEED, make

BUNDLE = Path(__file__).resolve().parents[1]
FLAG = "chestmnist"  # its fourteen labels are NIH's, in NIH's order
SIZE = 64
COUNTS = {"train": 1000, "val": 150, "test": 300}
SPLITS = tuple(COUNTS)
FIRST_PATIENT = {"train": 1, "val": 100_001, "test": 200_001}
"""No number is in two splits, however large they are."""


def generate(output: Path, *, counts: dict[str, int] = COUNTS, size: int = SIZE, seed: int = SEED) -> None:
    """Write the three splits below `output`. Raises ValueError for sizes, counts or seeds that cannot be."""
    flag = flags.get(FLAG)
    flag.check_size(size)
    for split, count in counts.items():
        if not 0 < count < FIRST_PATIENT["val"] - 1:
            raise ValueError(f"{split} must have between 1 and {FIRST_PATIENT['val'] - 2} images, not {count}.")
    pixels: dict[str, np.ndarray] = {}
    splits: dict[str, list[Entry]] = {}
    for split, count in counts.items():
        images, labels = make(flag, size, split, count, seed)
        names = [f"{FIRST_PATIENT[split] + number:08d}_000.png" for number in range(count)]
        pixels.update(zip(names, images, strict=True))
        splits[split] = [Entry(name, tuple(map(int, row))) for name, row in zip(names, labels, strict=True)]
    write(output, Radiographs(NIH, splits, _notice(seed)), lambda name, path: Image.fromarray(pixels[name]).save(path))


def _notice(seed: int) -> str:
    return (
        f"Synthetic stand-in for ChestX-ray14, drawn by a program (seed {seed}); shows no patient; "
        "figures say nothing of the real data."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the synthetic stand-in for ChestX-ray14.")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    for split, count in COUNTS.items():
        parser.add_argument(f"--{split}", type=int, default=count, help=f"images (default: {count})")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels: 28, 64, 128 or 224 (default: 64)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    options = parser.parse_args()
    counts = {split: getattr(options, split) for split in SPLITS}
    try:
        generate(options.output, counts=counts, size=options.size, seed=options.seed)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    told = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"Synthetic stand-in for ChestX-ray14: {told} images of {options.size} pixels in {options.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
