"""Three dimensions in body coordinates: volumes, and slices through them.

z grows downwards (towards the feet), y to the back, x to the right of the image, the frame about ±1. A space may be a
whole volume (S×S×S) or one slice of it (S×S): the same drawing serves both.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medici_training.standins.canvas import REACH, Array, Random, step

Point = tuple[float, float, float]
"""z, y, x."""


@dataclass(frozen=True)
class Space:
    """Coordinates of every voxel; all three have the same shape."""

    z: Array
    y: Array
    x: Array

    def oval(self, middle: Point, radii: Point, soft: float = 0.08) -> Array:
        """An ellipsoid, 1 inside and 0 outside, its border `soft` radii wide."""
        return step(1 - self._radius(middle, radii), soft)

    def shell(self, middle: Point, radii: Point, thick: float) -> Array:
        """The border of an ellipsoid, `thick` radii wide."""
        return np.exp(-(((self._radius(middle, radii) - 1) / thick) ** 2))

    def away(self, start: Point, end: Point) -> Array:
        """The distance of every voxel from the line between two points."""
        direction = np.subtract(end, start)
        offsets = (self.z - start[0], self.y - start[1], self.x - start[2])
        along = sum(offset * part for offset, part in zip(offsets, direction, strict=True))
        along = np.clip(along / float(direction @ direction), 0, 1)
        squares = sum((offset - along * part) ** 2 for offset, part in zip(offsets, direction, strict=True))
        return np.asarray(np.sqrt(squares))

    def tube(self, start: Point, end: Point, radius: float, soft: float = 0.2) -> Array:
        """A thick line with round ends."""
        return step(1 - self.away(start, end) / radius, soft)

    def clouds(self, random: Random, cells: int) -> Array:
        """Smooth noise of mean 0 and deviation below 1, with about `cells` bumps across the frame."""
        count = int(np.ceil(cells * REACH))
        field = random.standard_normal((count + 1,) * 3)
        (low_z, part_z), (low_y, part_y), (low_x, part_x) = (_cell(axis, count) for axis in (self.z, self.y, self.x))
        planes = []
        for plane in (0, 1):
            rows = []
            for row in (0, 1):
                before = field[low_z + plane, low_y + row, low_x]
                after = field[low_z + plane, low_y + row, low_x + 1]
                rows.append(before + (after - before) * part_x)
            planes.append(rows[0] + (rows[1] - rows[0]) * part_y)
        return planes[0] + (planes[1] - planes[0]) * part_z

    def _radius(self, middle: Point, radii: Point) -> Array:
        down, back, right = self.z - middle[0], self.y - middle[1], self.x - middle[2]
        return np.sqrt((down / radii[0]) ** 2 + (back / radii[1]) ** 2 + (right / radii[2]) ** 2)


def _cell(place: Array, count: int) -> tuple[npt.NDArray[np.intp], Array]:
    scaled = np.clip((place / REACH + 1) / 2, 0, 1 - 1e-9) * count
    low = scaled.astype(np.intp)
    return low, scaled - low


def cube(size: int) -> Space:
    """A whole volume, its axes z, y, x."""
    line = (np.arange(size) + 0.5) / size * 2 - 1
    z, y, x = np.meshgrid(line, line, line, indexing="ij")
    return Space(z, y, x)


def slice_at(size: int, axis: str, place: float) -> Space:
    """A slice where z (axial), y (coronal) or x (sagittal) is `place`.

    Its rows go from front to back in axial slices, from head to feet in the others; its columns from left to right,
    in sagittal slices from front to back.
    """
    line = (np.arange(size) + 0.5) / size * 2 - 1
    rows, columns = np.meshgrid(line, line, indexing="ij")
    there = np.full_like(rows, place)
    return {"z": Space(there, rows, columns), "y": Space(rows, there, columns), "x": Space(rows, columns, there)}[axis]


def moved(random: Random, space: Space, *, shift: float, turn: float, zoom: float) -> Space:
    """The space shifted, turned about its three axes (radians) and scaled by normal deviates."""
    scale = np.exp(random.normal(0, zoom))
    places = [axis - random.normal(0, shift) for axis in (space.z, space.y, space.x)]
    turning = _rotation(random.normal(0, turn, 3)) / scale
    z, y, x = (sum(factor * place for factor, place in zip(row, places, strict=True)) for row in turning)
    return Space(np.asarray(z), np.asarray(y), np.asarray(x))


def _rotation(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    turning = np.eye(3)
    for angle, (first, second) in zip(angles, ((1, 2), (0, 2), (0, 1)), strict=True):
        one = np.eye(3)
        one[first, first] = one[second, second] = np.cos(angle)
        one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
        turning = turning @ one
    return turning
