"""Six drawings that suggest the anatomy of MedNIST's classes. They are no medical images and imitate no patient.

Every drawing takes a `Canvas` (the image plane in body coordinates, y down and x right, the frame about ±1) and a
random generator, and gives an SxS array of brightness, 0 to 1. Sizes, places and optional parts vary per sample.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Canvas:
    """Coordinates of every pixel in the body's own frame: y and x are SxS arrays."""

    y: Array
    x: Array

    def oval(self, y: float, x: float, height: float, width: float, turn: float = 0.0, soft: float = 0.06) -> Array:
        """An ellipse with half axes `height` and `width`, 1 inside and 0 outside, its border `soft` radii wide."""
        cos, sin = np.cos(turn), np.sin(turn)
        down = ((self.y - y) * cos + (self.x - x) * sin) / height
        right = (-(self.y - y) * sin + (self.x - x) * cos) / width
        return step(1 - np.hypot(down, right), soft)

    def rod(self, start: tuple[float, float], end: tuple[float, float], radius: float) -> Array:
        """A thick line with round ends between two points (y, x)."""
        dy, dx = end[0] - start[0], end[1] - start[1]
        along = ((self.y - start[0]) * dy + (self.x - start[1]) * dx) / (dy * dy + dx * dx)
        along = np.clip(along, 0, 1)
        distance = np.hypot(self.y - start[0] - along * dy, self.x - start[1] - along * dx)
        return step(1 - distance / radius, 0.15)

    def ring(self, y: float, x: float, height: float, width: float, thick: float) -> Array:
        """The border of an ellipse, `thick` radii wide."""
        radius = np.hypot((self.y - y) / height, (self.x - x) / width)
        return np.exp(-(((radius - 1) / thick) ** 2))


def step(value: Array, soft: float) -> Array:
    """0 far below zero, 1 far above it."""
    return 1 / (1 + np.exp(-np.clip(value / soft, -40, 40)))


def happens(random: Random, share: float) -> bool:
    """Whether an optional part is there, in this share of the samples."""
    return bool(random.random() < share)


def _body(canvas: Canvas, random: Random) -> tuple[Array, float, float]:
    """A trunk in cross-section: its mask and half axes."""
    height, width = random.uniform(0.5, 0.72), random.uniform(0.74, 0.95)
    return canvas.oval(0, 0, height, width), height, width


def _spine(canvas: Canvas, y: float, bright: float) -> Array:
    body = canvas.oval(y, 0, 0.11, 0.12) + 0.8 * canvas.oval(y + 0.16, 0, 0.12, 0.05)
    return bright * (body - 0.6 * canvas.oval(y + 0.12, 0, 0.035, 0.035))


def abdomen_ct(canvas: Canvas, random: Random) -> Array:
    """Liver, spleen, two kidneys, spine and gas in a soft body; near the diaphragm some lung shows."""
    trunk, height, width = _body(canvas, random)
    image = 0.2 + 0.28 * trunk + 0.1 * canvas.ring(0, 0, height, width, 0.07)
    inside = canvas.oval(0, 0, height * 0.88, width * 0.9)
    image += inside * 0.17 * canvas.oval(-0.08, -0.4 * width, random.uniform(0.2, 0.42), random.uniform(0.22, 0.4), 0.5)
    image += inside * 0.14 * canvas.oval(0.05, 0.62 * width, random.uniform(0.1, 0.26), 0.13, -0.3)
    for side in (-1, 1):
        bright = random.choice([0.05, 0.25])
        image += bright * canvas.oval(0.18, side * random.uniform(0.3, 0.42), 0.13, 0.09, side * 0.4)
    for _ in range(random.integers(0, 5)):
        y, x = random.uniform(-0.35, 0.1), random.uniform(-0.45, 0.5)
        image -= 0.35 * inside * canvas.oval(y, x, random.uniform(0.03, 0.12), random.uniform(0.04, 0.13), 0.3, 0.2)
    if happens(random, 0.3):
        depth = random.uniform(0.1, 0.3)
        for side in (-1, 1):
            image -= 0.3 * canvas.oval(0.1, side * 0.55 * width, depth, depth * 0.6)
    return image + _spine(canvas, height * 0.45, 0.38)


def chest_ct(canvas: Canvas, random: Random) -> Array:
    """Two lungs with vessels around a mediastinum in a body; near the apex and the diaphragm they are small."""
    trunk, height, width = _body(canvas, random)
    image = 0.2 + 0.3 * trunk + 0.1 * canvas.ring(0, 0, height, width, 0.07)
    for side in (-1, 1):
        size = random.uniform(0.6, 1.1)
        lung = canvas.oval(0.02, side * 0.46 * width, height * 0.66 * size, width * 0.33 * size, side * -0.15)
        image -= 0.36 * lung
        for _ in range(random.integers(2, 9)):
            y, x = random.normal(0, 0.17), side * 0.46 * width + random.normal(0, 0.11)
            image += 0.25 * lung * canvas.oval(y, x, 0.03, 0.03, 0, 0.3)
    heart = random.uniform(0.1, 0.3)
    image += 0.2 * canvas.oval(-0.1, 0.12 * random.normal(1, 0.3), heart, heart * 0.95)
    image += random.uniform(0.0, 0.25) * canvas.oval(0.12, 0.12, 0.06, 0.06)
    return image + _spine(canvas, height * 0.5, 0.38)


def breast_mri(canvas: Canvas, random: Random) -> Array:
    """Two bright domes above a dark chest with its wall and heart; the domes may be flat."""
    y = random.uniform(0.1, 0.3)
    tall, wide = random.uniform(0.18, 0.75), random.uniform(0.28, 0.42)
    bright = random.uniform(0.45, 0.85)
    image = 0.06 + 0.16 * canvas.oval(y + 0.5, 0, 0.62, 0.85)
    for side in (-1, 1):
        height = tall * random.normal(1, 0.08)
        dome = canvas.oval(y, side * 0.43, height, wide) * step(y + 0.08 - canvas.y, 0.04)
        gland = canvas.oval(y - height * 0.35, side * 0.43, height * 0.45, wide * 0.5, soft=0.2)
        image += bright * dome - random.uniform(0.0, 0.35) * gland * dome
    image += 0.35 * canvas.ring(y + 0.6, 0, 0.62, 0.8, 0.06) * step(canvas.y - y + 0.15, 0.05)
    heart = random.uniform(0.0, 0.45)
    return image + heart * canvas.oval(y + 0.38, random.normal(0.08, 0.08), 0.17, 0.2, 0.5, 0.2)


def chest_xray(canvas: Canvas, random: Random) -> Array:
    """Two tall dark lungs crossed by ribs, a heart shadow, a bright belly, shoulders and neck."""
    image = 0.3 + 0.35 * canvas.oval(0.2, 0, 1.25, 0.95) + 0.2 * step(canvas.y - 0.55, 0.1)
    ribs = np.cos(canvas.y * random.uniform(17, 22) + 2.5 * np.abs(canvas.x) + random.uniform(0, 6))
    for side in (-1, 1):
        size = random.uniform(0.72, 1.08)
        lung = canvas.oval(-0.05, side * 0.4, 0.66 * size, 0.28 * size, side * -0.12)
        image -= random.uniform(0.2, 0.42) * lung - 0.05 * ribs * lung
        image += 0.12 * canvas.rod((-0.8, side * 0.1), (-0.62, side * 0.75), 0.05)
    heart = random.uniform(0.16, 0.32)
    image += 0.2 * canvas.oval(0.28, 0.1, heart, heart * 0.95)
    return image + random.uniform(0.08, 0.2) * np.exp(-((canvas.x / 0.13) ** 2))


def hand(canvas: Canvas, random: Random) -> Array:
    """A palm, a wrist and five fingers, more or less spread, with brighter bones."""
    image = 0.1 + 0.35 * canvas.oval(0.25, 0, 0.32, 0.3) + 0.3 * canvas.rod((0.45, 0), (1.2, 0.02), 0.17)
    spread, length = random.uniform(0.5, 1.2), random.uniform(0.75, 1.1)
    for finger, (lean, reach) in enumerate(((-0.5, 0.78), (-0.17, 0.95), (0.1, 1.0), (0.38, 0.9))):
        root = (0.05 + 0.04 * abs(finger - 1.5), lean * 0.55)
        tip = (root[0] - 0.78 * reach * length, lean * 0.55 + lean * 0.6 * spread)
        image += 0.3 * canvas.rod(root, tip, 0.085) + 0.25 * canvas.rod(root, tip, 0.04)
        image += 0.2 * canvas.rod((0.4, lean * 0.25), root, 0.04)
    tip = (0.02 - 0.15 * spread, 0.35 + 0.3 * length * spread)
    return image + 0.35 * canvas.rod((0.35, 0.15), tip, 0.09)


def head_ct(canvas: Canvas, random: Random) -> Array:
    """A bright skull around grey brain with dark ventricles; near the vertex a small disc, below the brain cavities."""
    size = random.choice([random.uniform(0.35, 0.6), random.uniform(0.65, 0.95)], p=[0.25, 0.75])
    height, width = size, size * random.uniform(0.72, 0.9)
    image = 0.12 + 0.34 * canvas.oval(0, 0, height, width)
    image += random.uniform(0.3, 0.5) * canvas.ring(0, 0, height, width, random.uniform(0.05, 0.12))
    if happens(random, 0.3):
        for side in (-1, 1):
            image -= 0.3 * canvas.oval(-0.3 * height, side * 0.3 * width, 0.16 * height, 0.2 * width)
            image += 0.35 * canvas.oval(0.25 * height, side * 0.45 * width, 0.13 * height, 0.25 * width, side * 0.5)
        return image + 0.3 * canvas.oval(0, 0, 0.2 * height, 0.12 * width)
    for side in (-1, 1):
        image -= random.uniform(0.08, 0.25) * canvas.oval(0, side * 0.16 * width, 0.32 * height, 0.08, side * 0.25)
    return image - 0.08 * canvas.oval(0, 0, height * 0.85, 0.03)


DRAWINGS = {
    "AbdomenCT": abdomen_ct,
    "BreastMRI": breast_mri,
    "CXR": chest_xray,
    "ChestCT": chest_ct,
    "Hand": hand,
    "HeadCT": head_ct,
}
