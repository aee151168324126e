"""Skin through a dermatoscope: seven kinds of lesion that differ in border, colours and what lies inside."""

from dataclasses import dataclass

import numpy as np

from medici_training.standins.canvas import (
    Array,
    Canvas,
    Colour,
    Random,
    exposed,
    happens,
    painted,
    posed,
    step,
    tinted,
)

SKIN: Colour = (0.88, 0.68, 0.62)
HAIR: Colour = (0.25, 0.16, 0.12)
WHITE: Colour = (0.92, 0.84, 0.82)
BROWN: Colour = (0.55, 0.36, 0.28)
DARK: Colour = (0.30, 0.20, 0.20)
BLUE: Colour = (0.42, 0.42, 0.52)
PINK: Colour = (0.82, 0.50, 0.48)
RED: Colour = (0.66, 0.24, 0.30)


@dataclass(frozen=True)
class Lesion:
    """One lesion on the skin: where it is, and what is needed to paint inside it."""

    canvas: Canvas
    """Its middle at 0, its mean radius 1."""
    mask: Array

    def clouds(self, random: Random, cells: int) -> Array:
        return self.canvas.clouds(random, cells)


def lesion(random: Random, size: int, label: int) -> Array:
    canvas = posed(random, size, shift=0.12, turn=10, zoom=0.05, flips=True)
    image = tinted(random, SKIN, 0.045) + 0.035 * canvas.clouds(random, 3)[..., None]
    image = LESIONS[label](canvas, random, image)
    if happens(random, 0.3):
        for _ in range(random.integers(1, 4)):
            angle, off = random.uniform(0, np.pi), random.uniform(-0.7, 0.7)
            down, right = np.cos(angle), np.sin(angle)
            start, end = (off * right - 1.5 * down, -off * down - 1.5 * right), (1.5 * down, 1.5 * right)
            image = painted(image, 0.7 * canvas.rod(start, end, 0.025, soft=0.4), HAIR)
    return exposed(random, image, contrast=0.12, light=0.05, grain=0.025)


def _outline(canvas: Canvas, random: Random, ragged: float, soft: float, radius: tuple[float, float]) -> Lesion:
    """A disc whose border goes in and out by `ragged`, stretched a little."""
    mean, stretch = random.uniform(*radius), np.exp(random.normal(0, 0.12))
    own = Canvas(canvas.y / mean * stretch, canvas.x / mean / stretch)
    waves = np.stack([random.uniform(0.3, 1, 5) * ragged, random.uniform(0, 2 * np.pi, 5)], axis=1)
    return Lesion(own, own.star(0, 0, 1, waves, soft))


def _keratosis(canvas: Canvas, random: Random, image: Array) -> Array:
    """Actinic: a faint pink patch with white scales."""
    spot = _outline(canvas, random, 0.14, 0.3, (0.4, 0.65))
    image = painted(image, 0.6 * spot.mask, tinted(random, PINK, 0.04))
    scales = step(spot.clouds(random, 7) - 0.35, 0.15)
    return painted(image, 0.75 * scales * spot.mask, WHITE)


def _basal(canvas: Canvas, random: Random, image: Array) -> Array:
    """Pink, with blue-grey nests and branching red lines."""
    spot = _outline(canvas, random, 0.1, 0.15, (0.4, 0.65))
    image = painted(image, 0.55 * spot.mask, tinted(random, PINK, 0.04))
    for _ in range(random.integers(2, 6)):
        y, x = random.uniform(-0.6, 0.6, 2)
        image = painted(image, 0.85 * spot.canvas.oval(y, x, 0.2, 0.26, random.uniform(0, 3), soft=0.2), BLUE)
    lines = step(0.1 - np.abs(spot.clouds(random, 4)), 0.04)
    return painted(image, 0.5 * lines * spot.mask, RED)


def _benign_keratosis(canvas: Canvas, random: Random, image: Array) -> Array:
    """Brown with a sharp border and many pale dots, as if stuck on."""
    spot = _outline(canvas, random, 0.08, 0.05, (0.4, 0.7))
    image = painted(
        image, 0.85 * spot.mask, tinted(random, random.choice([BROWN, PINK, DARK], p=[0.6, 0.2, 0.2]), 0.05)
    )
    for _ in range(random.integers(8, 16)):
        y, x = random.uniform(-0.75, 0.75, 2)
        image = painted(image, 0.75 * spot.canvas.oval(y, x, 0.11, 0.11, soft=0.3) * spot.mask, WHITE)
    return image


def _dermatofibroma(canvas: Canvas, random: Random, image: Array) -> Array:
    """A white scar in the middle of a faint brown ring."""
    spot = _outline(canvas, random, 0.05, 0.2, (0.35, 0.6))
    image = painted(image, 0.7 * spot.mask, tinted(random, BROWN, 0.05))
    y, x = random.normal(0, 0.1, 2)
    return painted(image, 0.85 * spot.canvas.oval(y, x, 0.5, 0.42, random.uniform(0, 3), soft=0.25), WHITE)


def _melanoma(canvas: Canvas, random: Random, image: Array) -> Array:
    """Ragged, lopsided, of several colours."""
    spot = _outline(canvas, random, 0.14, 0.08, (0.45, 0.75))
    image = painted(image, 0.9 * spot.mask, tinted(random, BROWN, 0.05))
    image = painted(image, 0.9 * step(spot.clouds(random, 2) - 0.1, 0.15) * spot.mask, tinted(random, DARK, 0.04))
    return painted(image, 0.7 * step(spot.clouds(random, 3) - 0.4, 0.15) * spot.mask, BLUE)


def _nevus(canvas: Canvas, random: Random, image: Array) -> Array:
    """Round, even, of one brown; sometimes a net, sometimes darker in the middle."""
    spot = _outline(canvas, random, 0.07, 0.12, (0.3, 0.7))
    colour = tinted(random, random.choice([BROWN, DARK, PINK], p=[0.6, 0.2, 0.2]), 0.05)
    image = painted(image, random.uniform(0.6, 0.95) * spot.mask, colour)
    if happens(random, 0.4):
        image = painted(image, 0.5 * spot.canvas.oval(0, 0, 0.5, 0.5, soft=0.3), DARK)
    net = spot.canvas.stripes(0.7, 5, 0) * spot.canvas.stripes(-0.8, 5, 0)
    return painted(image, 0.15 * np.clip(net, 0, 1) * spot.mask, DARK)


def _vascular(canvas: Canvas, random: Random, image: Array) -> Array:
    """Red to purple lakes side by side."""
    spot = _outline(canvas, random, 0.08, 0.12, (0.3, 0.65))
    image = painted(image, 0.6 * spot.mask, tinted(random, PINK, 0.05))
    for _ in range(random.integers(4, 9)):
        y, x = random.uniform(-0.65, 0.65, 2)
        lake = spot.canvas.oval(y, x, 0.3, 0.25, random.uniform(0, 3), soft=0.15) * spot.mask
        image = painted(image, 0.85 * lake, tinted(random, RED, 0.07))
    return image


LESIONS = (_keratosis, _basal, _benign_keratosis, _dermatofibroma, _melanoma, _nevus, _vascular)
