"""The image plane in body coordinates and what all drawings share: shapes, clouds, poses, grain.

A scene is described in a frame about ±1 wide (y down, x right), so that the same sample drawn at another size shows
the same scene. Drawings therefore draw all random numbers that make up the scene before those of single pixels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Random = np.random.Generator
Colour = tuple[float, float, float]

REACH = 1.6
"""Clouds are defined this far from the middle: poses turn and shift the frame's corners beyond ±1."""


@dataclass(frozen=True)
class Canvas:
    """Coordinates of every pixel in the scene's own frame: y and x are S×S arrays."""

    y: Array
    x: Array

    def oval(self, y: float, x: float, height: float, width: float, turn: float = 0.0, soft: float = 0.08) -> Array:
        """An ellipse with half axes `height` and `width`, 1 inside and 0 outside, its border `soft` radii wide."""
        down, right = self._turned(y, x, turn)
        return step(1 - np.hypot(down / height, right / width), soft)

    def ring(self, y: float, x: float, height: float, width: float, thick: float, turn: float = 0.0) -> Array:
        """The border of an ellipse, `thick` radii wide."""
        down, right = self._turned(y, x, turn)
        return bell(np.hypot(down / height, right / width) - 1, thick)

    def star(self, y: float, x: float, radius: float, waves: Array, soft: float = 0.1) -> Array:
        """A disc whose border goes in and out: `waves` holds amplitude and phase (in radians) of 2, 3, 4 … waves."""
        down, right = self.y - y, self.x - x
        angle = np.arctan2(down, right)
        border = np.ones_like(angle)
        for count, (amplitude, phase) in enumerate(waves, start=2):
            border += amplitude * np.cos(count * angle + phase)
        return step(1 - np.hypot(down, right) / (radius * np.maximum(border, 0.2)), soft)

    def rod(self, start: tuple[float, float], end: tuple[float, float], radius: float, soft: float = 0.2) -> Array:
        """A thick line with round ends between two points (y, x)."""
        dy, dx = end[0] - start[0], end[1] - start[1]
        along = np.clip(((self.y - start[0]) * dy + (self.x - start[1]) * dx) / (dy * dy + dx * dx), 0, 1)
        return step(1 - np.hypot(self.y - start[0] - along * dy, self.x - start[1] - along * dx) / radius, soft)

    def stripes(self, turn: float, waves: float, phase: float, bend: Array | float = 0.0) -> Array:
        """Waves across the frame, -1 to 1, `waves` of them per two units; `bend` shifts them, in radians."""
        across = self.y * np.cos(turn) + self.x * np.sin(turn)
        return np.cos(np.pi * waves * across + phase + bend)

    def clouds(self, random: Random, cells: int) -> Array:
        """Smooth noise of mean 0 and deviation below 1, with about `cells` bumps across the frame."""
        count = int(np.ceil(cells * REACH))
        field = random.standard_normal((count + 1, count + 1))
        low_y, part_y = _cell(self.y, count)
        low_x, part_x = _cell(self.x, count)
        upper = field[low_y, low_x] * (1 - part_x) + field[low_y, low_x + 1] * part_x
        lower = field[low_y + 1, low_x] * (1 - part_x) + field[low_y + 1, low_x + 1] * part_x
        return upper * (1 - part_y) + lower * part_y

    def _turned(self, y: float, x: float, turn: float) -> tuple[Array, Array]:
        down, right = self.y - y, self.x - x
        if turn == 0:
            return down, right
        cos, sin = np.cos(turn), np.sin(turn)
        return down * cos + right * sin, right * cos - down * sin


def _cell(place: Array, count: int) -> tuple[npt.NDArray[np.intp], Array]:
    scaled = np.clip((place / REACH + 1) / 2, 0, 1 - 1e-9) * count
    low = scaled.astype(np.intp)
    return low, scaled - low


def plane(size: int) -> Canvas:
    """The frame from -1 to 1, pixels measured at their middles."""
    line = (np.arange(size) + 0.5) / size * 2 - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    return Canvas(y, x)


def posed(
    random: Random, size: int, *, shift: float = 0.06, turn: float = 0.1, zoom: float = 0.08, flips: bool = False
) -> Canvas:
    """The frame shifted, turned (radians) and scaled by normal deviates; `flips` mirrors every other one."""
    flat = plane(size)
    down, right = flat.y - random.normal(0, shift), flat.x - random.normal(0, shift)
    angle, scale = random.normal(0, turn), np.exp(random.normal(0, zoom))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    mirror = -1 if flips and happens(random, 0.5) else 1
    return Canvas(down * cos + right * sin, mirror * (right * cos - down * sin))


def turned(random: Random, size: int) -> Canvas:
    """The frame turned by any angle and mirrored or not: for what has no up and no left, such as tissue."""
    return posed(random, size, shift=0, turn=10, zoom=0.08, flips=True)


def step(value: Array, soft: float) -> Array:
    """0 far below zero, 1 far above it."""
    return 1 / (1 + np.exp(-np.clip(value / soft, -40, 40)))


def bell(value: Array, width: float) -> Array:
    """1 at zero, nearly 0 two widths beside it."""
    return np.exp(-((value / width) ** 2))


def happens(random: Random, share: float) -> bool:
    """Whether an optional part is there, in this share of the samples."""
    return bool(random.random() < share)


def painted(image: Array, mask: Array, colour: Array | Colour) -> Array:
    """The S×S×3 image with a colour laid over it where the S×S mask says so."""
    cover = mask[..., None]
    return image * (1 - cover) + cover * np.asarray(colour)


def tinted(random: Random, colour: Colour, strength: float) -> Array:
    """The colour as another lab's stain or another camera gives it."""
    return np.asarray(colour) + strength * random.standard_normal(3)


def exposed(random: Random, image: Array, *, contrast: float = 0.1, light: float = 0.04, grain: float = 0.03) -> Array:
    """What differs between machines: contrast, brightness and the noise of single pixels."""
    contrast_here, light_here = np.exp(random.normal(0, contrast)), random.normal(0, light)
    image = (image - 0.5) * contrast_here + 0.5 + light_here
    return image + grain * random.standard_normal(image.shape)


def to_bytes(image: Array) -> Bytes:
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
