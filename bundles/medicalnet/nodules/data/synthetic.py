"""A synthetic stand-in for nodule classification: drawn patches of lung with a nodule, benign or malignant.

    python data/synthetic.py [--output DIR] [--train 96] [--val 32] [--test 64] [--size 24] [--seed 1904]

Malignant nodules are larger, lobed and spiculated more often; benign ones are rounder, and some are calcified. The two
overlap, as do real ones, of which these are no images. NIfTI files of Hounsfield units (int16), numbered so that a name
tells nothing; a random generator per case, seeded by (seed, split, number): the same call writes the same bytes.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from layout import Patch, finish, write_patch

from medici_training.volumes.challenge import SPLITS, begin, shuffled_names
from medici_training.volumes.phantom import Array, Space, Triple, soft

BUNDLE = Path(__file__).resolve().parents[1]
SEED = 1904
SIZE = 24
COUNTS = {"train": 96, "val": 32, "test": 64}
SPACING_MM = 1.5
SMALLEST = 16
NOTICE = (
    "Synthetic stand-in: lung nodules drawn by a program (seed {seed}); shows no patient; figures say nothing of real "
    "data."
)

Random = np.random.Generator


def draw(malignant: bool, random: Random, size: int = SIZE) -> npt.NDArray[np.int16]:  # noqa: FBT001
    """A cube of Hounsfield units with a nodule near its middle."""
    space = Space((size, size, size))
    image = np.full((size, size, size), -860.0) + random.normal(0, 30)
    for _ in range(random.integers(2, 6)):
        image = np.maximum(image, _vessel(space, random))
    centre = (random.normal(0, 0.08), random.normal(0, 0.08), random.normal(0, 0.08))
    radius = random.normal(0.47 if malignant else 0.31, 0.07)
    nodule = _nodule(space, centre, max(radius, 0.15), malignant, random)
    bright = random.normal(20, 50)
    if not malignant and random.random() < 0.35:  # noqa: PLR2004  the share of calcified ones
        core = soft(space.radius(centre, (0.12, 0.12, 0.12)), 0.2)
        bright = bright + 450 * core
    image = image * (1 - nodule) + bright * nodule
    noise = random.normal(0, 60, image.shape)
    return np.rint(np.clip(image + noise, -1024, 3071)).astype(np.int16)


def sample(seed: int, split: str, number: int, *, size: int = SIZE, name: str = "nodule") -> Patch:
    """One case of a split: the two classes take turns."""
    random = np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split), number]))
    malignant = number % 2 == 1
    affine = np.diag([-SPACING_MM, -SPACING_MM, -SPACING_MM, 1.0])[[2, 1, 0, 3]]
    return Patch(name, draw(malignant, random, size), malignant, affine)


def generate(output: Path, *, seed: int = SEED, counts: dict[str, int] = COUNTS, size: int = SIZE) -> None:
    """Write the three splits below `output`, replacing what an earlier run made there."""
    begin(output)
    names = shuffled_names(seed, sum(counts.values()), "nodule_{:04d}")
    classes: dict[str, dict[str, bool]] = {split: {} for split in SPLITS}
    for split in SPLITS:
        for number in range(counts[split]):
            patch = sample(seed, split, number, size=size, name=names.pop())
            classes[split][patch.name] = patch.malignant
            write_patch(output, split, patch)
    finish(output, classes, notice=NOTICE.format(seed=seed))


def _nodule(space: Space, centre: Triple, radius: float, malignant: bool, random: Random) -> Array:  # noqa: FBT001
    """A ball with lobes, and with spikes around it; malignant ones have more of both."""
    shape = soft(space.radius(centre, (radius, radius * random.uniform(0.85, 1.1), radius)), 0.12)
    for _ in range(random.poisson(2.2 if malignant else 0.5)):
        away = _direction(random) * radius * 0.75
        lobe = radius * random.uniform(0.35, 0.6)
        shape = np.maximum(shape, soft(space.radius(_moved(centre, away), (lobe, lobe, lobe)), 0.15))
    for _ in range(random.poisson(6 if malignant else 1.2)):
        shape = np.maximum(shape, _spike(space, centre, _direction(random), radius * random.uniform(1.3, 1.9)))
    return shape


def _spike(space: Space, centre: Triple, direction: Array, length: float) -> Array:
    """A thin thread outwards, fading."""
    z, y, x = (axis - c for axis, c in zip(space.axes(), centre, strict=True))
    along = z * direction[0] + y * direction[1] + x * direction[2]
    off = np.sqrt(np.clip(z**2 + y**2 + x**2 - along**2, 0, None))
    return 0.7 * np.exp(-((off / 0.06) ** 2)) * ((along > 0) & (along < length))


def _vessel(space: Space, random: Random) -> Array:
    """A tube through the patch, somewhere."""
    direction, place = _direction(random), random.uniform(-0.8, 0.8, 3)
    z, y, x = (axis - c for axis, c in zip(space.axes(), place, strict=True))
    along = z * direction[0] + y * direction[1] + x * direction[2]
    off = np.sqrt(np.clip(z**2 + y**2 + x**2 - along**2, 0, None))
    return -860 + 800 * np.exp(-((off / random.uniform(0.04, 0.1)) ** 2))


def _direction(random: Random) -> Array:
    vector = random.normal(size=3)
    return vector / np.linalg.norm(vector)


def _moved(centre: Triple, away: Array) -> Triple:
    z, y, x = (c + float(a) for c, a in zip(centre, away, strict=True))
    return z, y, x


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the synthetic stand-in for nodule classification.")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    for split, count in COUNTS.items():
        parser.add_argument(f"--{split}", type=int, default=count, help=f"cases of this split (default: {count})")
    parser.add_argument("--size", type=int, default=SIZE, help=f"voxels along each side (default: {SIZE})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    options = parser.parse_args()
    counts = {split: getattr(options, split) for split in SPLITS}
    if min(counts.values()) < len(("benign", "malignant")) or options.size < SMALLEST:
        parser.error(f"every split needs a case of both classes, and a patch {SMALLEST} voxels along each side")
    if options.seed < 0:
        parser.error("--seed must be 0 or more")
    try:
        generate(options.output, seed=options.seed, counts=counts, size=options.size)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    told = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"Synthetic stand-in for nodule classification: {told} patches in {options.output} (seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
