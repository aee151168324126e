"""Five small volumes, two or three classes each: nodules, adrenal glands, rib fractures, brain vessels, synapses."""

from itertools import pairwise

import numpy as np

from medici_training.standins.canvas import Array, Random, bell, exposed, happens, step
from medici_training.standins.space import Point, Space, cube, moved

MALIGNANT = 1
HYPERPLASIA = 1
BUCKLE, NONDISPLACED, DISPLACED = range(3)
ANEURYSM = 1
EXCITATORY = 1
ANY_TURN = 10.0


def nodule(random: Random, size: int, label: int) -> Array:
    """A lung with vessels; benign nodules are smooth and rather small, malignant ones rather large and spiculated."""
    space = moved(random, cube(size), shift=0.08, turn=ANY_TURN, zoom=0.1)
    image = 0.12 + 0.04 * space.clouds(random, 5)
    for _ in range(random.integers(2, 6)):
        start, end = random.uniform(-1.3, 1.3, 3), random.uniform(-1.3, 1.3, 3)
        image = np.maximum(image, 0.55 * space.tube(_point(start), _point(end), random.uniform(0.05, 0.1)))
    radius = random.uniform(0.28, 0.46) if label == MALIGNANT else random.uniform(0.2, 0.4)
    radii = _point(radius * np.exp(random.normal(0, 0.12, 3)))
    body = space.oval((0, 0, 0), radii, 0.1)
    if label == MALIGNANT:
        for _ in range(random.integers(7, 12)):
            direction = random.standard_normal(3)
            tip = direction / np.linalg.norm(direction) * radius * random.uniform(1.5, 2.1)
            body = np.maximum(body, 0.9 * space.tube((0, 0, 0), _point(tip), 0.06))
    image = np.maximum(image, random.uniform(0.5, 0.75) * body)
    if label != MALIGNANT and happens(random, 0.3):
        image = np.maximum(image, 0.95 * space.oval((0, 0, 0), (0.09, 0.09, 0.09), 0.2))
    return exposed(random, image, contrast=0.15, light=0.04, grain=0.05)


def adrenal(random: Random, size: int, label: int) -> Array:
    """The shape alone, 0 or 1: two thin limbs from a body; with hyperplasia thicker limbs, often lumpy."""
    space = moved(random, cube(size), shift=0.1, turn=0.5, zoom=0.06)
    thick = random.uniform(0.14, 0.22) if label == HYPERPLASIA else random.uniform(0.08, 0.125)
    root = _point(np.add(random.normal(0, 0.08, 3), (0, -0.45, 0)))
    nearest = np.full(space.z.shape, np.inf)
    for side in (-1, 1):
        tip = (random.uniform(-0.2, 0.2), 0.55, side * random.uniform(0.2, 0.5))
        end = np.add(random.normal(0, 0.12, 3), tip)
        sheet = Space(space.z / random.uniform(3, 5), space.y, space.x)
        nearest = np.minimum(nearest, sheet.away((0, root[1], root[2]), (0, end[1], end[2])))
    nearest = np.minimum(nearest, space.away(root, (root[0] + 0.1, root[1] - 0.25, root[2])))
    if label == HYPERPLASIA and happens(random, 0.5):
        nearest = nearest * (1 - 0.35 * np.clip(space.clouds(random, 5), -0.5, 1))
    return np.asarray(nearest < thick, dtype=np.float64)


def fracture(random: Random, size: int, label: int) -> Array:
    """A curved rib with marrow: buckled to a bulge, crossed by a thin crack, or broken with its ends apart."""
    space = moved(random, cube(size), shift=0.1, turn=0.45, zoom=0.1)
    place, bow = random.normal(0, 0.15), random.uniform(-0.35, 0.35)
    along = space.z - place
    back, right = space.y - bow * space.z**2, space.x - random.uniform(-0.2, 0.2) * space.z**2
    thick = random.uniform(0.26, 0.36)
    radius = np.full(space.z.shape, thick)
    if label == BUCKLE:
        bulge = bell(along, 0.16)
        radius, back = thick * (1 + random.uniform(0.3, 0.5) * bulge), back - random.uniform(0.08, 0.2) * bulge
    elif label == DISPLACED:
        turn, offset = random.uniform(0, 2 * np.pi), random.uniform(0.22, 0.42)
        below = step(along, 0.02)
        back, right = back + offset * np.sin(turn) * below, right + offset * np.cos(turn) * below
    distance = np.hypot(back / 1.15, right * 1.15) / radius
    image = 0.35 + 0.05 * space.clouds(random, 4)
    image = image + step(1 - distance, 0.08) * (0.2 + 0.35 * bell(distance - 0.85, 0.22))
    if label == NONDISPLACED:
        tilt = random.uniform(-0.5, 0.5, 2)
        crack = bell(along + tilt[0] * back + tilt[1] * right, 0.06) * step(1.1 - distance, 0.1)
        image = image - random.uniform(0.3, 0.5) * crack
    image = image - 0.28 * step(space.x - random.uniform(0.6, 1.0), 0.05)
    return exposed(random, image, contrast=0.15, light=0.05, grain=0.05)


def vessel(random: Random, size: int, label: int) -> Array:
    """The shape alone, 0 or 1: a winding vessel with branches; an aneurysm is a sac at its side."""
    space = moved(random, cube(size), shift=0.06, turn=0.6, zoom=0.08)
    radius = random.uniform(0.12, 0.18)
    points = np.stack([np.linspace(-1.2, 1.2, 5), *random.normal(0, 0.18, (2, 5))], axis=1)
    inside = np.zeros(space.z.shape, dtype=bool)
    for start, end in pairwise(points):
        inside |= space.away(_point(start), _point(end)) < radius
    for _ in range(random.integers(1, 4)):
        start = points[random.integers(1, 4)]
        end = start + random.normal(0, 0.7, 3)
        inside |= space.away(_point(start), _point(end)) < radius * random.uniform(0.5, 0.8)
    if label == ANEURYSM:
        start, direction = points[random.integers(1, 4)], random.normal(0, 1, 3) * (0.2, 1, 1)
        sac = radius * random.uniform(1.6, 2.3)
        middle = start + direction / np.linalg.norm(direction) * (radius + 0.6 * sac)
        inside |= space.oval(_point(middle), _point(sac * np.exp(random.normal(0, 0.1, 3)))) > 0.5  # noqa: PLR2004
    return inside.astype(np.float64)


def synapse(random: Random, size: int, label: int) -> Array:
    """Two membranes face to face under the electron microscope, vesicles on one side.

    Excitatory ones have one thick dark layer behind the cleft and round vesicles, inhibitory ones two thin layers and
    flat vesicles.
    """
    space = moved(random, cube(size), shift=0.1, turn=ANY_TURN, zoom=0.1)
    across = space.y - 0.15 * space.clouds(random, 2)
    patch = step(random.uniform(0.45, 0.65) - np.hypot(space.z, space.x), 0.05)
    image = 0.62 + 0.06 * space.clouds(random, 6)
    for side in (-1, 1):
        image = image - 0.25 * bell(across - side * 0.09, 0.04)
    depth = random.uniform(0.25, 0.4)
    if label == EXCITATORY:
        image = image - depth * patch * bell(across - 0.2, 0.11)
    else:
        image = image - depth * patch * (bell(across - 0.14, 0.055) + bell(across + 0.14, 0.055))
    flat = 1.0 if label == EXCITATORY else random.uniform(0.45, 0.65)
    for _ in range(random.integers(8, 15)):
        z, y, x = random.uniform(-0.55, 0.55), random.uniform(-0.8, -0.3), random.uniform(-0.55, 0.55)
        image = image - 0.2 * space.shell((z, y, x), (0.11 * flat, 0.11, 0.11 / flat), 0.4)
    for _ in range(random.integers(0, 3)):
        start, end = random.uniform(-1.3, 1.3, 3), random.uniform(-1.3, 1.3, 3)
        image = image - 0.2 * space.tube(_point(start), _point(end), 0.06)
    return exposed(random, image, contrast=0.2, light=0.06, grain=0.08)


def _point(values: Array) -> Point:
    z, y, x = (float(value) for value in values)
    return z, y, x
