"""The back of the eye: five grades of diabetic retinopathy, which differ in how many lesions there are.

Grades overlap, as they do between readers: small dark spots and bright exudates are counted by chance around a mean
that grows with the grade; the last grade adds a net of new vessels.
"""

import numpy as np

from medici_training.standins.canvas import Array, Canvas, Random, bell, exposed, plane

SPOTS = (0.3, 3.0, 7.0, 13.0, 15.0)
"""Mean number of small dark spots per grade."""
EXUDATES = (0.0, 0.5, 3.0, 7.0, 9.0)
"""Mean number of bright exudates per grade."""
WITH_NEW_VESSELS = 4


def fundus(random: Random, size: int, label: int) -> Array:
    canvas = plane(size)
    base = 0.42 + 0.06 * canvas.clouds(random, 3)
    disc = canvas.oval(random.normal(0, 0.06), random.choice([-1, 1]) * 0.5, 0.15, 0.13, soft=0.1)
    vessels = _vessels(canvas, random)
    dark = _spots(canvas, random, SPOTS[label], (0.02, 0.05))
    bright = _spots(canvas, random, EXUDATES[label], (0.03, 0.07))
    net = _net(canvas, random) if label == WITH_NEW_VESSELS else 0.0
    red = base + 0.25 + 0.4 * disc + 0.35 * bright - 0.12 * vessels - 0.2 * dark - 0.15 * net
    green = 0.6 * base + 0.35 * disc + 0.4 * bright - 0.2 * vessels - 0.25 * dark - 0.3 * net
    blue = 0.25 * base + 0.2 * disc + 0.1 * bright - 0.05 * vessels
    eye = canvas.oval(0, 0, 0.93, 0.93, soft=0.02)[..., None]
    image = np.stack([red, green, blue], axis=-1) * eye * (1 + random.normal(0, 0.12))
    return exposed(random, image, contrast=0.02, light=0.01)


def _vessels(canvas: Canvas, random: Random) -> Array:
    """Six slightly winding dark lines through the middle."""
    vessels = np.zeros_like(canvas.y)
    for angle in random.uniform(0, 2 * np.pi, 6):
        across = canvas.y * np.cos(angle) + canvas.x * np.sin(angle) + 0.12 * np.sin(4 * canvas.x + angle)
        vessels += bell(across, 0.025)
    return vessels


def _spots(canvas: Canvas, random: Random, mean: float, radii: tuple[float, float]) -> Array:
    spots = np.zeros_like(canvas.y)
    for _ in range(random.poisson(mean)):
        y, x = random.uniform(-0.65, 0.65, 2)
        high, wide = random.uniform(*radii, 2)
        spots += canvas.oval(y, x, high, wide, random.uniform(0, 3), soft=0.25)
    return spots


def _net(canvas: Canvas, random: Random) -> Array:
    y, x = random.uniform(-0.3, 0.3, 2)
    return np.abs(canvas.clouds(random, 9)) * canvas.oval(y, x, 0.36, 0.36, soft=0.3)
