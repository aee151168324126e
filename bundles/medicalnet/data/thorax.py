"""A thorax in Hounsfield units, drawn: body, lungs with vessels, heart, spine, gas in the bowel, consolidations.

It suggests a computed tomography, shows no patient and has no medical meaning. Axes are z downwards, y to the back and
x to the patient's left, each from -1 to 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medici_training.volumes.phantom import Array, Size, Space, Triple, soft

LEFT, RIGHT = 1, 2
"""Labels: the patient's left lung and right lung; 0 is everything else."""

Random = np.random.Generator


@dataclass
class _Lung:
    label: int
    centre: Triple
    half_axes: Triple


def draw(size: Size, random: Random) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
    """Hounsfield units and labels, both of this size."""
    space = Space(size)
    image = _with_gas(space, _body(space, random), random)
    label = np.zeros(size, dtype=np.uint8)
    for side, which in ((1, LEFT), (-1, RIGHT)):
        lung = _lung(side, which, random)
        image = _with_lung(space, image, label, lung, random)
    image = _with_heart(space, image, label, random)
    spine = soft(space.radius((0, 0.58, 0), (2.0, 0.12, 0.10)), 0.05)
    image = _blend(image, spine, 350)
    image = _with_consolidation(space, image, label, random)
    noise = random.normal(0, 45, size)
    return np.rint(np.clip(image + noise, -1024, 3071)).astype(np.int16), label


def _body(space: Space, random: Random) -> Array:
    """Air around soft tissue around fat: a tube that the volume cuts off above and below."""
    centre = (0.0, random.normal(0, 0.02), random.normal(0, 0.02))
    height, width = 0.84 + random.normal(0, 0.02), 0.94 + random.normal(0, 0.02)
    body = soft(space.radius(centre, (2.0, height, width)), 0.02)
    inside = soft(space.radius(centre, (2.0, height - 0.08, width - 0.08)), 0.02)
    return -1000 + 1040 * body - 90 * np.clip(body - inside, 0, None)


def _lung(side: int, label: int, random: Random) -> _Lung:
    centre = (random.normal(0, 0.08), 0.02 + random.normal(0, 0.04), side * (0.42 + random.normal(0, 0.03)))
    half_axes = (0.72 + random.normal(0, 0.08), 0.46 + random.normal(0, 0.04), 0.29 + random.normal(0, 0.03))
    return _Lung(label, centre, half_axes)


def _with_lung(space: Space, image: Array, label: npt.NDArray[np.uint8], lung: _Lung, random: Random) -> Array:
    """Air with a few vessels; the label is set in place."""
    radius = space.radius(lung.centre, lung.half_axes)
    inside = soft(radius, 0.05)
    label[radius < 1] = lung.label
    image = image - (860 + random.normal(0, 40)) * inside
    for _ in range(random.poisson(4)):
        z, y, x = (c + random.uniform(-0.6, 0.6) * h for c, h in zip(lung.centre, lung.half_axes, strict=True))
        size = random.uniform(0.03, 0.12)
        image = image + 700 * soft(space.radius((z, y, x), (size, size, size)), 0.2) * inside
    return image


def _with_heart(space: Space, image: Array, label: npt.NDArray[np.uint8], random: Random) -> Array:
    centre = (0.25 + random.normal(0, 0.05), -0.05 + random.normal(0, 0.04), 0.14 + random.normal(0, 0.04))
    radius = space.radius(centre, (0.42, 0.30, 0.26 + random.normal(0, 0.03)))
    label[radius < 1] = 0
    return _blend(image, soft(radius, 0.05), 45)


def _with_gas(space: Space, image: Array, random: Random) -> Array:
    """Stomach and bowel below the lungs: pockets as dark as lung, and none."""
    for _ in range(random.integers(1, 4)):
        centre = (random.uniform(0.75, 1.0), random.uniform(-0.45, 0.2), random.uniform(-0.5, 0.5))
        size = random.uniform(0.2, 0.35)
        image = _blend(image, soft(space.radius(centre, (size, size, size)), 0.1), random.uniform(-950, -800))
    return image


def _with_consolidation(space: Space, image: Array, label: npt.NDArray[np.uint8], random: Random) -> Array:
    """Lower parts filled with fluid, in three lungs of four: still lung, and as bright as other tissue."""
    for which in (LEFT, RIGHT):
        if random.random() < 0.75:  # noqa: PLR2004  their share
            level = random.uniform(-0.4, 0.4)
            image = np.where((space.axes()[0] > level) & (label == which), random.uniform(-150, 60), image)
    return image


def _blend(image: Array, share: Array, value: float) -> Array:
    return image * (1 - share) + value * share
