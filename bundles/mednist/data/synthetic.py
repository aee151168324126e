"""A synthetic stand-in for MedNIST: drawn images with its six classes, for trying everything out without patient data.

    python data/synthetic.py [--output DIR] [--per-split 600] [--seed 2020] [--check]

64x64 grey JPEG files, numbered so that a name tells nothing of the class. Every sample has a random generator of its
own, seeded by (seed, split, number): the same call writes the same bytes. Needs numpy and Pillow alone; `--check`
prints how hard the data are, and needs scikit-learn too.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from anatomy import DRAWINGS, Array, Canvas, Random, happens
from layout import CLASSES, SPLITS, begin, write_split
from PIL import Image

BUNDLE = Path(__file__).resolve().parents[1]
SIZE = 64
SEED = 2020
PER_SPLIT = 600
NOTICE = (
    "Synthetic stand-in for MedNIST, drawn by a program (seed {seed}): it shows no patient, and figures say nothing of "
    "the real data."
)
NUMBERING = len(SPLITS)  # beside the splits' own numbers: the generator that shuffles the names
JPEG_QUALITY = 90


def draw(name: str, random: Random, size: int = SIZE) -> Array:
    """One image of a class as sizexsize brightness values, 0 to 1, before noise is rounded away."""
    canvas = _pose(random, size)
    return _exposure(DRAWINGS[name](canvas, random), random)


def sample(seed: int, split: int, number: int) -> tuple[bytes, str]:
    """The JPEG file and the class of one sample: classes take turns, so that every split is balanced."""
    random = np.random.default_rng(np.random.SeedSequence([seed, split, number]))
    name = CLASSES[number % len(CLASSES)]
    pixels = np.clip(np.rint(draw(name, random) * 255), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue(), name


def generate(output: Path, *, seed: int = SEED, per_split: int = PER_SPLIT) -> None:
    """Write the three splits below `output`, replacing what an earlier run made there.

    Raises ValueError for a seed or a count that cannot be.
    """
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, not {seed}.")
    if per_split < len(CLASSES):
        raise ValueError(f"--per-split must be {len(CLASSES)} or more, an image of each class, not {per_split}.")
    begin(output, NOTICE.format(seed=seed))
    names = _names(seed, per_split * len(SPLITS))
    for split, title in enumerate(SPLITS):
        images, answers = {}, {}
        for number in range(per_split):
            name = names[split * per_split + number]
            images[name], answers[name] = sample(seed, split, number)
        write_split(output, title, images, answers)


def _names(seed: int, count: int) -> list[str]:
    order = np.random.default_rng(np.random.SeedSequence([seed, NUMBERING])).permutation(count)
    return [f"{number + 1:06d}.jpg" for number in order]


def _pose(random: Random, size: int) -> Canvas:
    """The image plane turned, shifted, scaled and slightly sheared against the body."""
    line = (np.arange(size) + 0.5) / size * 2 - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    y, x = y - random.normal(0, 0.12), x - random.normal(0, 0.12)
    turn, scale = random.normal(0, 0.2), random.uniform(0.74, 1.12)
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    x = x * random.choice([-1, 1])
    return Canvas(y=y * cos + x * sin, x=(x * cos - y * sin) * random.uniform(0.88, 1.12) + y * random.normal(0, 0.05))


def _exposure(image: Array, random: Random) -> Array:
    """Window, gamma, uneven field, a marker now and then, blur and noise: what differs between machines."""
    size = len(image)
    image = np.clip(image, 0, 1) ** random.uniform(0.6, 1.7)
    image = (image - 0.5) * random.uniform(0.5, 1.15) + random.uniform(0.25, 0.75)
    image = (
        image
        + random.uniform(0, 0.18) * _clouds(random, size, 3)
        + random.uniform(0.02, 0.07) * _clouds(random, size, 9)
    )
    if happens(random, 0.12):
        image = 1 - image
    if happens(random, 0.4):
        y, x = random.integers(0, size - 14, 2)
        image[y : y + random.integers(4, 14), x : x + random.integers(4, 14)] = random.uniform(0, 1)
    return image + random.uniform(0.02, 0.08) * random.standard_normal((size, size))


def _clouds(random: Random, size: int, cells: int) -> Array:
    """Smooth noise: a random field of cellsxcells, interpolated bilinearly."""
    field = random.standard_normal((cells + 1, cells + 1))
    place = np.linspace(0, cells - 1e-6, size)
    low = place.astype(int)
    part = place - low
    rows = field[low] * (1 - part)[:, None] + field[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the synthetic stand-in for MedNIST.")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    parser.add_argument("--per-split", type=int, default=PER_SPLIT, help="images per split (default: 600)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument("--check", action="store_true", help="also print how hard the data are")
    options = parser.parse_args()
    try:
        generate(options.output, seed=options.seed, per_split=options.per_split)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Synthetic stand-in for MedNIST: 3 x {options.per_split} images in {options.output} (seed {options.seed})")
    if not options.check:
        return 0
    from difficulty import check  # noqa: PLC0415  needs scikit-learn, the generator does not

    return check(options.output)


if __name__ == "__main__":
    sys.exit(main())
