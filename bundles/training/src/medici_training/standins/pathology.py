"""Colon tissue, stained pink and purple: nine textures in any orientation, under any laboratory's stain."""

import numpy as np
import numpy.typing as npt

from medici_training.standins.canvas import (
    Array,
    Canvas,
    Colour,
    Random,
    exposed,
    happens,
    painted,
    step,
    tinted,
    turned,
)

WHITE: Colour = (0.91, 0.88, 0.92)
PINK: Colour = (0.86, 0.52, 0.74)
LILAC: Colour = (0.76, 0.68, 0.83)
PURPLE: Colour = (0.42, 0.22, 0.52)

IN_SIGHT = 1.9
"""Points farther out are not nearest to any pixel: a turned frame ends at 1.5, and a neighbour may lie beyond."""

Points = npt.NDArray[np.float64]


def tissue(random: Random, size: int, label: int) -> Array:
    canvas = turned(random, size)
    image = TISSUES[label](canvas, random)
    stain = 1 + 0.05 * random.standard_normal(3)
    return exposed(random, image * stain, contrast=0.15, light=0.05, grain=0.025)


def _adipose(canvas: Canvas, random: Random) -> Array:
    """Large empty cells between thin walls."""
    first, second = _two_nearest(canvas, _points(random, random.uniform(0.5, 0.8)))
    walls = step(0.07 - (second - first), 0.03)
    return painted(_plain(canvas, random, WHITE, 0.03), walls, tinted(random, PINK, 0.05))


def _background(canvas: Canvas, random: Random) -> Array:
    """Glass, with dust or a smear now and then."""
    colour = WHITE if happens(random, 0.6) else LILAC
    return _plain(canvas, random, colour, 0.05) + 0.02 * canvas.clouds(random, 6)[..., None]


def _debris(canvas: Canvas, random: Random) -> Array:
    """Grains and fragments without any order."""
    image = _plain(canvas, random, random.choice([PINK, LILAC]), 0.06)
    image = painted(image, step(canvas.clouds(random, 5) - 0.3, 0.2) * 0.5, WHITE)
    fragments = step(canvas.clouds(random, 14) - random.uniform(0.5, 0.9), 0.12)
    return painted(image, 0.8 * fragments, tinted(random, PURPLE, 0.06))


def _lymphocytes(canvas: Canvas, random: Random) -> Array:
    """Small round nuclei side by side."""
    image = _plain(canvas, random, LILAC, 0.06)
    return _nuclei(canvas, random, image, apart=random.uniform(0.2, 0.27), radius=0.095)


def _mucus(canvas: Canvas, random: Random) -> Array:
    """Pale streams."""
    turn, bend = random.uniform(0, np.pi), 2.5 * canvas.clouds(random, 3)
    image = _plain(canvas, random, random.choice([LILAC, WHITE]), 0.05)
    streams = canvas.stripes(turn, random.uniform(2, 4), random.uniform(0, 6), bend)
    image = painted(image, 0.35 * step(streams - 0.2, 0.3), tinted(random, LILAC, 0.06))
    return painted(image, 0.25 * step(-streams, 0.2), WHITE)


def _muscle(canvas: Canvas, random: Random) -> Array:
    """Straight fibres with long nuclei along them."""
    turn = random.uniform(0, np.pi)
    fibres = canvas.stripes(turn, random.uniform(4, 7), random.uniform(0, 6), 0.6 * canvas.clouds(random, 2))
    image = painted(_plain(canvas, random, PINK, 0.06), 0.25 * step(fibres, 0.4), WHITE)
    along = _stretched(canvas, turn, 4.0)
    return _nuclei(along, random, image, apart=random.uniform(0.22, 0.3), radius=0.055)


def _mucosa(canvas: Canvas, random: Random) -> Array:
    """Round glands in even distances, each a wreath of nuclei around a pale middle."""
    image = _plain(canvas, random, LILAC, 0.06)
    apart = random.uniform(0.75, 1.0)
    middle, _ = _two_nearest(canvas, _points(random, apart, unrest=0.12))
    image = painted(image, 0.7 * step(0.36 * apart - middle, 0.05), tinted(random, WHITE, 0.03))
    wreath = step(0.08 - np.abs(middle - 0.38 * apart), 0.03) * (0.75 + 0.25 * canvas.clouds(random, 12))
    image = painted(image, np.clip(wreath, 0, 1), tinted(random, PURPLE, 0.05))
    return _nuclei(canvas, random, image, apart=0.5, radius=0.06, where=step(middle - 0.48 * apart, 0.03))


def _stroma(canvas: Canvas, random: Random) -> Array:
    """Loose, wavy fibres with gaps and few nuclei."""
    turn, bend = random.uniform(0, np.pi), random.uniform(2, 3.5) * canvas.clouds(random, 3)
    fibres = canvas.stripes(turn, random.uniform(3, 5), random.uniform(0, 6), bend)
    image = painted(_plain(canvas, random, PINK, 0.06), 0.55 * step(fibres - 0.3, 0.2), WHITE)
    along = _stretched(canvas, turn, 2.0)
    return _nuclei(along, random, image, apart=random.uniform(0.35, 0.5), radius=0.075)


def _tumour(canvas: Canvas, random: Random) -> Array:
    """Large, uneven, crowded nuclei around ragged openings."""
    image = _plain(canvas, random, random.choice([PINK, LILAC]), 0.06)
    opening = step(canvas.clouds(random, 2) - random.uniform(0.5, 1.0), 0.1)
    image = painted(image, 0.8 * opening, WHITE)
    apart = random.uniform(0.32, 0.4)
    return _nuclei(canvas, random, image, apart=apart, radius=0.14, unrest=0.4, where=1 - opening)


TISSUES = (_adipose, _background, _debris, _lymphocytes, _mucus, _muscle, _mucosa, _stroma, _tumour)


def _plain(canvas: Canvas, random: Random, colour: Colour, strength: float) -> Array:
    return tinted(random, colour, strength) + 0.03 * canvas.clouds(random, 4)[..., None]


def _stretched(canvas: Canvas, turn: float, times: float) -> Canvas:
    """The frame squeezed along stripes of this turn: round things drawn there lie along them."""
    across = canvas.y * np.cos(turn) + canvas.x * np.sin(turn)
    along = canvas.x * np.cos(turn) - canvas.y * np.sin(turn)
    return Canvas(across, along / times)


def _points(random: Random, apart: float, unrest: float = 0.3) -> Points:
    """Rows of points (y, x), every other row shifted, each point moved by `unrest` distances."""
    count = int(np.ceil(1.5 / apart))
    rows, columns = np.meshgrid(np.arange(-count, count + 1), np.arange(-count, count + 1), indexing="ij")
    places = np.stack([rows.ravel() * 0.87, (columns + 0.5 * (rows % 2)).ravel()], axis=1)
    return apart * (places + random.uniform(-0.5, 0.5, 2) + unrest * random.standard_normal(places.shape))


def _two_nearest(canvas: Canvas, points: Points) -> tuple[Array, Array]:
    """The distances of every pixel to the nearest and the second nearest point."""
    seen = points[(np.abs(points) < IN_SIGHT).all(axis=1)]
    first, second = np.full(canvas.y.shape, np.inf), np.full(canvas.y.shape, np.inf)
    for y, x in seen:
        distance = np.hypot(canvas.y - y, canvas.x - x)
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    return first, second


def _nuclei(
    canvas: Canvas,
    random: Random,
    image: Array,
    *,
    apart: float,
    radius: float,
    unrest: float = 0.25,
    where: Array | float = 1.0,
) -> Array:
    """Dark dots in uneven distances."""
    distance, _ = _two_nearest(canvas, _points(random, apart, unrest))
    uneven = radius * (1 + 0.2 * canvas.clouds(random, 6))
    return painted(image, 0.85 * step(uneven - distance, 0.02) * where, tinted(random, PURPLE, 0.05))
