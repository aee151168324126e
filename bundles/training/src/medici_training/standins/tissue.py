"""Cells of the kidney, their nuclei lit on black: eight types, told by the nucleus in the middle and its neighbours."""

from dataclasses import dataclass

import numpy as np

from medici_training.standins.canvas import Array, Canvas, Random, turned


@dataclass(frozen=True)
class Type:
    radius: float
    stretch: float
    """How much longer than wide the nucleus is."""
    rim: float
    """How much brighter its border is than its middle."""
    spots: float
    """How strongly it is speckled."""
    neighbours: tuple[int, int]
    """From and to how many."""
    away: float
    """How far from the middle they lie."""
    haze: float
    """Light of the tissue between the nuclei."""


TYPES = (
    Type(0.30, 1.1, 0.1, 0.1, (4, 6), 0.75, 0.10),  # collecting duct, connecting tubule
    Type(0.30, 1.2, 0.5, 0.3, (2, 4), 0.70, 0.05),  # distal convoluted tubule
    Type(0.20, 1.8, 0.1, 0.3, (6, 9), 0.55, 0.16),  # glomerular endothelial
    Type(0.15, 2.9, 0.0, 0.1, (1, 4), 0.75, 0.06),  # interstitial endothelial
    Type(0.22, 1.0, 0.0, 0.7, (2, 6), 0.45, 0.04),  # leukocytes
    Type(0.33, 1.4, 0.2, 0.6, (4, 8), 0.70, 0.16),  # podocytes
    Type(0.34, 1.0, 0.7, 0.1, (0, 3), 0.85, 0.14),  # proximal tubule segments
    Type(0.25, 1.1, 0.4, 0.1, (2, 5), 0.60, 0.02),  # thick ascending limb
)


def cell(random: Random, size: int, label: int) -> Array:
    kind = TYPES[label]
    canvas = turned(random, size)
    light = np.exp(random.normal(-0.5, 0.3))
    image = kind.haze * np.exp(random.normal(0, 0.3)) * (1 + 0.6 * canvas.clouds(random, 3))
    middle = random.normal(0, 0.05, 2)
    image = np.maximum(image, light * _nucleus(canvas, random, kind, middle[0], middle[1]))
    start, count = random.uniform(0, 2 * np.pi), int(random.integers(kind.neighbours[0], kind.neighbours[1] + 1))
    for number in range(count):
        angle = start + 2 * np.pi * (number + random.normal(0, 0.2)) / count
        away = kind.away * np.exp(random.normal(0, 0.15))
        other = _nucleus(canvas, random, kind, away * np.sin(angle), away * np.cos(angle))
        image = np.maximum(image, light * random.uniform(0.4, 1.0) * other)
    return image + 0.05 * random.standard_normal(image.shape) * (0.5 + image)


def _nucleus(canvas: Canvas, random: Random, kind: Type, y: float, x: float) -> Array:
    radius, stretch = kind.radius * np.exp(random.normal(0, 0.18)), kind.stretch * np.exp(random.normal(0, 0.15))
    high, long, turn = radius / np.sqrt(stretch), radius * np.sqrt(stretch), random.uniform(0, np.pi)
    disc = canvas.oval(y, x, high, long, turn, soft=0.12)
    rim = canvas.ring(y, x, 0.8 * high, 0.8 * long, 0.25, turn)
    return disc * (0.6 - 0.35 * kind.rim + 0.45 * kind.rim * rim + 0.35 * kind.spots * canvas.clouds(random, 14))
