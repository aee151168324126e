"""Breast ultrasound: malignant, or benign and normal taken together.

Malignant lesions are ragged, rather tall than wide, and throw a shadow; benign ones are smooth, wide ovals with a
brighter field below; normal tissue has layers and no lesion. Speckle multiplies everything.
"""

import numpy as np

from medici_training.standins.canvas import Array, Canvas, Random, happens, posed, step

MALIGNANT = 0
WITHOUT_LESION = 0.25
"""Share of normal tissue among what is not malignant."""


def breast(random: Random, size: int, label: int) -> Array:
    canvas = posed(random, size, shift=0.1, turn=0.12, zoom=0.15, flips=True)
    image = _tissue(canvas, random)
    if label == MALIGNANT:
        image = _malignant(canvas, random, image)
    elif not happens(random, WITHOUT_LESION):
        image = _benign(canvas, random, image)
    image = image * np.exp(random.normal(0, 0.2)) + random.normal(0, 0.03)
    speckle = 1 + 0.25 * canvas.clouds(random, 20)
    return image * speckle + 0.03 * random.standard_normal(image.shape)


def _tissue(canvas: Canvas, random: Random) -> Array:
    """Skin, fat, glands and muscle in wavy layers, darker with depth."""
    waves = 0.6 * canvas.clouds(random, 2)
    layers = np.cos(canvas.y * random.uniform(4, 9) + waves * 2 + random.uniform(0, 6))
    return 0.48 + 0.12 * layers + 0.08 * canvas.clouds(random, 5) - 0.12 * canvas.y


def _malignant(canvas: Canvas, random: Random, image: Array) -> Array:
    y, x = random.normal(-0.1, 0.18), random.normal(0, 0.22)
    radius = random.uniform(0.22, 0.42)
    waves = np.stack([random.uniform(0.02, 0.13, 6), random.uniform(0, 2 * np.pi, 6)], axis=1)
    squeezed = Canvas((canvas.y - y) / random.uniform(0.8, 1.25), canvas.x - x)
    lesion = squeezed.star(0, 0, radius, waves, soft=0.12)
    image = image * (1 - lesion) + lesion * (random.uniform(0.1, 0.22) + 0.06 * canvas.clouds(random, 10))
    return image * (1 - random.uniform(0.0, 0.45) * _below(canvas, y, x, radius))


def _benign(canvas: Canvas, random: Random, image: Array) -> Array:
    y, x = random.normal(-0.1, 0.18), random.normal(0, 0.22)
    height, width = random.uniform(0.18, 0.38), random.uniform(0.26, 0.48)
    turn = random.normal(0, 0.25)
    lesion = canvas.oval(y, x, height, width, turn, soft=0.06)
    image = image * (1 - lesion) + lesion * (random.uniform(0.1, 0.22) + 0.04 * canvas.clouds(random, 10))
    return image * (1 + random.uniform(-0.25, 0.3) * _below(canvas, y, x, width))


def _below(canvas: Canvas, y: float, x: float, radius: float) -> Array:
    """The field that a lesion shades or brightens."""
    return step(canvas.y - y - 0.8 * radius, 0.05) * step(0.8 * radius - np.abs(canvas.x - x), 0.06)
