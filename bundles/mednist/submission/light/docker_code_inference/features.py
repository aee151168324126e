"""What the light model sees of an image: where its edges lie and how they run.

Used by the training program and by the inference program, so that both see the same.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = 64
CELLS = 8
DIRECTIONS = 8
COARSE = 8

Array = npt.NDArray[np.float64]


def read_image(path: Path) -> Array:
    """A 64x64 array of mean 0 and deviation 1, whatever the image's size and mode."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L").resize((SIZE, SIZE)), dtype=float)
    return (pixels - pixels.mean()) / (pixels.std() + 1e-6)


def features(pixels: Array) -> Array:
    """Histograms of edge directions in 8x8 cells, normalised per cell and per image, and a coarse picture: 576 values.

    Directions count modulo 180°, so that an inverted image has the same edges.
    """
    down, right = np.gradient(pixels)
    strength = np.hypot(down, right)
    sector = np.floor(np.arctan2(down, right) / np.pi * DIRECTIONS).astype(int) % DIRECTIONS
    edges = np.stack([_cells(strength * (sector == direction), CELLS) for direction in range(DIRECTIONS)], axis=-1)
    edges /= np.linalg.norm(edges, axis=-1, keepdims=True) + edges.mean() + 1e-6
    return np.concatenate([edges.ravel(), _cells(pixels, COARSE).ravel()])


def read_features(paths: list[Path]) -> Array:
    """Nx576 values for N images."""
    return np.stack([features(read_image(path)) for path in paths])


def _cells(values: Array, cells: int) -> Array:
    """The mean of each of cellsxcells equal squares."""
    side = SIZE // cells
    return values.reshape(cells, side, cells, side).mean(axis=(1, 3))
