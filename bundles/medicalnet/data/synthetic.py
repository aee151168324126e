"""A synthetic stand-in for lung segmentation: drawn thoraxes with labels, for trying everything out without patients.

    python data/synthetic.py [--output DIR] [--train 16] [--val 4] [--test 8] [--size 32 48 48] [--seed 1904]

NIfTI files of Hounsfield units (int16), numbered so that a name tells nothing. Every case has a random generator of
its own, seeded by (seed, split, number): the same call writes the same bytes. Needs NumPy, SciPy, NiBabel and
medici_training.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from layout import Scan, finish, write_scan
from thorax import Random, draw

from medici_training.volumes.challenge import SPLITS, begin, shuffled_names
from medici_training.volumes.phantom import Size

BUNDLE = Path(__file__).resolve().parents[1]
SEED = 1904
SIZE: Size = (32, 48, 48)
COUNTS = {"train": 16, "val": 4, "test": 8}
EXTENT_MM = (290.0, 310.0, 340.0)
"""Of an average thorax, along z, y and x."""
TOLERANCE_MM = 7.0
"""For surface Dice: one voxel of the default size, within a slice."""
SMALLEST = 16
NOTICE = (
    "Synthetic stand-in: thoraxes drawn by a program (seed {seed}); shows no patient; figures say nothing of real data."
)


def sample(seed: int, split: str, number: int, *, size: Size = SIZE, name: str = "case") -> Scan:
    """One case of a split."""
    random = np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split), number]))
    image, label = draw(size, random)
    return Scan(name, image, label, _affine(size, random))


def generate(
    output: Path, *, seed: int = SEED, counts: dict[str, int] = COUNTS, size: Size = SIZE
) -> dict[str, list[str]]:
    """Write the three splits below `output`, replacing what an earlier run made there; the names by split."""
    begin(output)
    numbered = shuffled_names(seed, sum(counts.values()), "case_{:03d}")
    names: dict[str, list[str]] = {}
    for split in SPLITS:
        names[split] = [numbered.pop() for _ in range(counts[split])]
        for number, name in enumerate(names[split]):
            write_scan(output, split, sample(seed, split, number, size=size, name=name))
    finish(output, names, tolerance_mm=TOLERANCE_MM, notice=NOTICE.format(seed=seed))
    return names


def _affine(size: Size, random: Random) -> npt.NDArray[np.float64]:
    """Voxel indexes run down, back and left; NIfTI's millimetres up, front and right. People differ in size."""
    scale = random.uniform(0.9, 1.1)
    depth, height, width = (round(extent * scale / count, 2) for extent, count in zip(EXTENT_MM, size, strict=True))
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = -depth, -height, -width, 1
    return affine


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the synthetic stand-in for lung segmentation.")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    for split, count in COUNTS.items():
        parser.add_argument(f"--{split}", type=int, default=count, help=f"cases of this split (default: {count})")
    told = f"voxels of a volume (default: {' '.join(map(str, SIZE))})"
    parser.add_argument("--size", type=int, nargs=3, default=SIZE, metavar=("D", "H", "W"), help=told)
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    options = parser.parse_args()
    counts = {split: getattr(options, split) for split in SPLITS}
    if min(counts.values()) < 1 or min(options.size) < SMALLEST:
        parser.error(f"every split needs a case, and a volume {SMALLEST} voxels along each axis")
    if options.seed < 0:
        parser.error("--seed must be 0 or more")
    try:
        generate(options.output, seed=options.seed, counts=counts, size=tuple(options.size))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    told = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"Synthetic stand-in for lung segmentation: {told} volumes in {options.output} (seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
