"""Soft ellipsoids: what stand-in volumes are drawn with."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Size = tuple[int, int, int]


@dataclass(frozen=True)
class Space:
    """A box from -1 to 1 along each axis (z, y, x), in voxels."""

    size: Size

    def axes(self) -> tuple[Array, Array, Array]:
        """The coordinate of every voxel's centre along each axis, ready to be broadcast."""
        lines = [(np.arange(count) + 0.5) / count * 2 - 1 for count in self.size]
        z, y, x = np.meshgrid(*lines, indexing="ij", sparse=True)
        return z, y, x

    def radius(self, centre: Triple, half_axes: Triple) -> Array:
        """How far every voxel is from the centre, 1 on the ellipsoid's surface."""
        squares = [((a - c) / h) ** 2 for a, c, h in zip(self.axes(), centre, half_axes, strict=True)]
        return np.sqrt(squares[0] + squares[1] + squares[2])


def soft(radius: Array, width: float) -> Array:
    """1 inside, 0 outside; the border is `width` half axes wide."""
    return 1 / (1 + np.exp(np.clip((radius - 1) / width, -40, 40)))
