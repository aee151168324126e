"""Blood cells under the microscope, stained: eight kinds that differ in size, cytoplasm, nucleus and granules."""

from dataclasses import dataclass

import numpy as np

from medici_training.standins.canvas import Array, Canvas, Colour, Random, exposed, painted, posed, tinted

PLASMA: Colour = (0.95, 0.87, 0.78)
RED_CELL: Colour = (0.86, 0.66, 0.64)
NUCLEUS: Colour = (0.38, 0.22, 0.56)
NO_NUCLEUS = (0, 0)


@dataclass(frozen=True)
class Kind:
    radius: float
    cytoplasm: Colour
    nucleus: float
    """Radius of one lobe."""
    lobes: tuple[int, int] = (1, 1)
    """From and to how many."""
    spread: float = 0.0
    """How far from the middle the lobes lie."""
    stretch: float = 1.0
    """A kidney-shaped nucleus is longer than it is high."""
    granules: float = 0.0
    granule: Colour = (0.1, 0.6, 0.7)
    """What granules take from red, green and blue."""


KINDS = (
    Kind(0.55, (0.66, 0.55, 0.75), 0.25, (2, 2), 0.22, granules=0.38, granule=(0.6, 0.8, 0.3)),  # basophil
    Kind(0.58, (0.92, 0.70, 0.64), 0.24, (2, 2), 0.24, granules=0.28),  # eosinophil
    Kind(0.43, (0.56, 0.52, 0.72), 0.26),  # erythroblast
    Kind(0.62, (0.75, 0.66, 0.82), 0.36, granules=0.13),  # immature granulocytes
    Kind(0.41, (0.62, 0.70, 0.90), 0.31),  # lymphocyte
    Kind(0.65, (0.72, 0.72, 0.84), 0.34, stretch=1.35, granules=0.03),  # monocyte
    Kind(0.56, (0.90, 0.78, 0.85), 0.17, (3, 5), 0.27, granules=0.08),  # neutrophil
    Kind(0.22, (0.70, 0.60, 0.78), 0.0, NO_NUCLEUS, granules=0.15),  # platelet
)


def blood(random: Random, size: int, label: int) -> Array:
    kind = KINDS[label]
    canvas = posed(random, size, shift=0.06, turn=10, zoom=0.08)
    image = np.ones((size, size, 3)) * tinted(random, PLASMA, 0.03)
    image = _red_cells(canvas, random, image)
    cell = canvas.oval(0, 0, kind.radius, kind.radius * (1 + random.normal(0, 0.07)), soft=0.06)
    image = painted(image, cell, tinted(random, kind.cytoplasm, 0.045))
    image = painted(image, _nucleus(canvas, random, kind), tinted(random, NUCLEUS, 0.05))
    grains = kind.granules * np.clip(canvas.clouds(random, 16), 0, 2) * cell
    return exposed(random, image - grains[..., None] * np.asarray(kind.granule), contrast=0.08, light=0.03)


def _red_cells(canvas: Canvas, random: Random, image: Array) -> Array:
    """Pale discs at the border of the view, lighter in their middles."""
    for _ in range(random.integers(2, 6)):
        angle, away, radius = random.uniform(0, 2 * np.pi), random.uniform(0.85, 1.15), random.uniform(0.28, 0.38)
        y, x = away * np.sin(angle), away * np.cos(angle)
        disc = canvas.oval(y, x, radius, radius, soft=0.06) - 0.5 * canvas.oval(y, x, radius / 2, radius / 2, soft=0.3)
        image = painted(image, 0.8 * np.clip(disc, 0, 1), RED_CELL)
    return image


def _nucleus(canvas: Canvas, random: Random, kind: Kind) -> Array:
    count = int(random.integers(kind.lobes[0], kind.lobes[1] + 1))
    start, nucleus = random.uniform(0, 2 * np.pi), np.zeros_like(canvas.y)
    for number in range(count):
        angle = start + 2 * np.pi * number / count
        high, long = kind.nucleus * np.exp(random.normal(0, 0.1, 2))
        y, x = kind.spread * np.sin(angle), kind.spread * np.cos(angle)
        nucleus = np.maximum(nucleus, canvas.oval(y, x, high, long * kind.stretch, angle))
    return nucleus
