"""Optical coherence tomography, cross-sections of the retina: four states that bend, lift or hollow its layers.

The retina is a band between its surface and the pigment layer, the brightest line; both bend and tilt from eye to eye.
"""

from dataclasses import dataclass

import numpy as np

from medici_training.standins.canvas import Array, Canvas, Random, bell, happens, posed, step

NEOVASCULAR, EDEMA, DRUSEN, NORMAL = range(4)


@dataclass
class Layers:
    top: Array
    """Height of the surface in every pixel's column."""
    pigment: Array
    """Height of the pigment layer there."""


def retina(random: Random, size: int, label: int) -> Array:
    canvas = posed(random, size, shift=0.1, turn=0.12, zoom=0.1, flips=True)
    layers = _layers(canvas, random)
    if label == NEOVASCULAR:
        image = _neovascular(canvas, random, layers)
    elif label == EDEMA:
        image = _edema(canvas, random, layers)
    else:
        if label == DRUSEN:
            for _ in range(random.integers(4, 8)):
                _lift(canvas, layers, random.uniform(-0.8, 0.8), random.uniform(0.08, 0.16), random.uniform(0.06, 0.11))
        image = _band(canvas, random, layers)
    image = 0.5 + (image - 0.5) * np.exp(random.normal(0, 0.15)) + random.normal(0, 0.04)
    return image * (1 + 0.18 * random.standard_normal(image.shape)) + 0.03 * random.standard_normal(image.shape)


def _layers(canvas: Canvas, random: Random) -> Layers:
    bow = random.uniform(-0.15, 0.2)
    pigment = random.normal(0.28, 0.12) + bow * canvas.x**2
    thick = random.uniform(0.45, 0.62)
    pit = random.uniform(0, 0.24) * bell(canvas.x - random.normal(0, 0.25), 0.28)
    return Layers(pigment - thick + pit, pigment)


def _lift(canvas: Canvas, layers: Layers, x: float, width: float, height: float) -> None:
    """The pigment layer bulges upwards; what lies above gives way by half."""
    bulge = height * bell(canvas.x - x, width)
    layers.pigment = layers.pigment - bulge
    layers.top = layers.top - 0.4 * bulge


def _band(canvas: Canvas, random: Random, layers: Layers) -> Array:
    """Bright and dark layers between surface and pigment, the choroid fading below, nothing above."""
    depth = (canvas.y - layers.top) / np.maximum(layers.pigment - layers.top, 0.1)
    inside = step(depth, 0.05) * step(1 - depth, 0.03)
    below = step(canvas.y - layers.pigment, 0.03)
    image = 0.08 + inside * (0.38 + 0.12 * np.cos(depth * random.uniform(15, 20)))
    image += 0.25 * bell(depth - 0.06, 0.08)
    image += 0.5 * bell(canvas.y - layers.pigment, 0.055)
    return image + below * (0.32 + 0.08 * canvas.clouds(random, 8)) * np.exp(-2.5 * (canvas.y - layers.pigment).clip(0))


def _neovascular(canvas: Canvas, random: Random, layers: Layers) -> Array:
    """One broad bulge full of bright matter, often with dark fluid above it."""
    x, width, height = random.normal(0, 0.3), random.uniform(0.25, 0.45), random.uniform(0.16, 0.3)
    base = layers.pigment
    _lift(canvas, layers, x, width, height)
    image = _band(canvas, random, layers)
    filled = step(canvas.y - layers.pigment, 0.03) * step(base - canvas.y, 0.03)
    image = image + filled * (0.15 + 0.1 * canvas.clouds(random, 6))
    if happens(random, 0.6):
        place = x + random.choice([-1, 1]) * width * random.uniform(0.5, 1.0)
        fluid = bell(canvas.x - place, 0.25) * bell(canvas.y - layers.pigment + 0.1, 0.08)
        image = image * (1 - 0.8 * fluid)
    return image


def _edema(canvas: Canvas, random: Random, layers: Layers) -> Array:
    """Thicker, with dark hollows inside."""
    swelling = random.uniform(0.05, 0.25) * bell(canvas.x - random.normal(0, 0.3), 0.5)
    layers.top = layers.top - swelling
    image = _band(canvas, random, layers)
    middle = (layers.top + layers.pigment) / 2
    for _ in range(random.integers(2, 7)):
        place, up = random.normal(0, 0.4), random.uniform(-0.12, 0.14)
        radius = random.uniform(0.06, 0.13)
        hollow = step(1 - np.hypot((canvas.y - middle - up) / (radius * 1.1), (canvas.x - place) / radius), 0.15)
        image = image * (1 - 0.75 * hollow)
    return image
