"""Chest radiographs: fourteen findings, any of them together, in NIH's order; and pneumonia in children, yes or no."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medici_training.standins.canvas import Array, Bytes, Canvas, Random, bell, exposed, happens, posed, step

LUNG_X = 0.42
"""How far beside the middle a lung lies."""


@dataclass
class Thorax:
    canvas: Canvas
    left: Array
    right: Array
    side: int
    """-1 or 1: the side on which one-sided findings lie."""

    @property
    def lungs(self) -> Array:
        return np.maximum(self.left, self.right)

    @property
    def lung(self) -> Array:
        """The one on the side of the findings."""
        return self.left if self.side < 0 else self.right

    def opacity(self, random: Random, low: float, high: float, radii: tuple[float, float], soft: float) -> Array:
        """A blurred patch in the lung, its middle between the heights `low` and `high`."""
        y, x = random.uniform(low, high), self.side * LUNG_X + random.uniform(-0.1, 0.1)
        return self.canvas.oval(y, x, *radii, soft=soft) * self.lungs


Finding = Callable[[Thorax, Random], Array]


def _atelectasis(thorax: Thorax, random: Random) -> Array:
    """A thin plate across the lower lung."""
    turn, x = random.normal(0, 0.2), thorax.side * LUNG_X
    return 0.16 * thorax.canvas.oval(0.15, x, 0.035, 0.26, turn, soft=0.15) * thorax.lungs


def _cardiomegaly(thorax: Thorax, random: Random) -> Array:
    """More heart on both sides of the ordinary one."""
    wide = 0.41 * (1 + random.normal(0, 0.06))
    return 0.22 * thorax.canvas.oval(0.3, 0.1, 0.36, wide)


def _effusion(thorax: Thorax, random: Random) -> Array:
    """Fluid at the bottom, its surface nearly level."""
    level = 0.35 + random.normal(0, 0.04)
    return 0.34 * thorax.lung * step(thorax.canvas.y - level, 0.05)


def _infiltration(thorax: Thorax, random: Random) -> Array:
    return 0.14 * np.abs(thorax.canvas.clouds(random, 7)) * thorax.lungs


def _mass(thorax: Thorax, random: Random) -> Array:
    return 0.36 * thorax.opacity(random, -0.4, 0.3, (0.15, 0.15), 0.08)


def _nodule(thorax: Thorax, random: Random) -> Array:
    return 0.42 * thorax.opacity(random, -0.4, 0.3, (0.065, 0.065), 0.15)


def _pneumonia(thorax: Thorax, random: Random) -> Array:
    return 0.26 * thorax.opacity(random, 0, 0.3, (0.25, 0.22), 0.3)


def _pneumothorax(thorax: Thorax, random: Random) -> Array:
    """Air above a collapsed apex."""
    level = -0.35 + random.normal(0, 0.04)
    return -0.22 * thorax.lung * step(level - thorax.canvas.y, 0.04)


def _consolidation(thorax: Thorax, random: Random) -> Array:
    return 0.34 * thorax.opacity(random, -0.2, 0.2, (0.3, 0.2), 0.15)


def _edema(thorax: Thorax, random: Random) -> Array:
    """Brighter around the roots of both lungs."""
    return 0.2 * bell(thorax.canvas.x, 0.35 * (1 + random.normal(0, 0.08))) * thorax.lungs


def _emphysema(thorax: Thorax, random: Random) -> Array:
    return -0.12 * (1 + random.normal(0, 0.1)) * thorax.lungs


def _fibrosis(thorax: Thorax, random: Random) -> Array:
    """A fine net."""
    canvas = thorax.canvas
    net = np.sin(40 * canvas.y + 3 * canvas.clouds(random, 4)) * np.sin(40 * canvas.x)
    return 0.13 * net * thorax.lungs


def _pleural(thorax: Thorax, random: Random) -> Array:
    """Brighter borders of both lungs."""
    return (0.75 + random.normal(0, 0.08)) * thorax.lungs * (1 - thorax.lungs)


def _hernia(thorax: Thorax, random: Random) -> Array:
    """Gas behind the heart."""
    return -0.3 * thorax.canvas.oval(0.45, random.normal(0, 0.03), 0.14, 0.16)


FINDINGS: tuple[Finding, ...] = (
    _atelectasis,
    _cardiomegaly,
    _effusion,
    _infiltration,
    _mass,
    _nodule,
    _pneumonia,
    _pneumothorax,
    _consolidation,
    _edema,
    _emphysema,
    _fibrosis,
    _pleural,
    _hernia,
)


def chest(random: Random, size: int, label: Bytes) -> Array:
    """A radiograph with the findings whose label is 1; `label` holds fourteen."""
    thorax, image = _thorax(random, posed(random, size, shift=0.05, turn=0.03, zoom=0.05), 0.27)
    for finding, there in zip(FINDINGS, label, strict=True):
        if there:
            image = image + finding(thorax, random)
    return exposed(random, image, grain=0.05)


def pneumonia(random: Random, size: int, label: int) -> Array:
    """A child's chest, clear or with patches that blur into one or both lungs; clear ones may be hazy all over."""
    canvas = posed(random, size, shift=0.08, turn=0.08, zoom=0.1)
    thorax, image = _thorax(random, canvas, 0.32)
    image = image + random.uniform(0, 0.16) * thorax.lungs + 0.05 * canvas.clouds(random, 3)
    if label:
        for _ in range(random.integers(1, 4)):
            radius = random.uniform(0.16, 0.3)
            image = image + random.uniform(0.13, 0.26) * thorax.opacity(random, -0.4, 0.4, (radius, radius * 0.8), 0.25)
            if happens(random, 0.4):
                thorax.side = -thorax.side
        image = image + 0.08 * np.abs(canvas.clouds(random, 9)) * thorax.lung
    return exposed(random, image, contrast=0.2, light=0.07, grain=0.05)


def _thorax(random: Random, canvas: Canvas, heart: float) -> tuple[Thorax, Array]:
    """Two dark lungs crossed by ribs, and a heart of about this half width."""
    left, right = (canvas.oval(0, side * LUNG_X, 0.72, 0.3, random.normal(0, 0.06)) for side in (-1, 1))
    thorax = Thorax(canvas, left, right, int(random.choice([-1, 1])))
    body = canvas.oval(0.6, 0, 1.75, 1.05, soft=0.03)
    image = 0.12 + 0.5 * body - 0.38 * thorax.lungs
    image += 0.05 * np.cos(18 * canvas.y + random.uniform(0, 6)) * thorax.lungs
    image += 0.3 * canvas.oval(0.3, 0.1, 0.33, heart * (1 + random.normal(0, 0.08)))
    image += 0.12 * bell(canvas.x, 0.12)
    return thorax, image
