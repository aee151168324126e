"""How MedicalNet prepares volumes, and what it makes of its output. All arrays are DxHxW.

The steps are those that the MedicalNet project publishes, with four differences that its README's users met: the crop
keeps its last slice, a case without any label is not cropped around one, noise comes from a generator that the caller
seeds, and a volume that cannot be standardised is a sentence.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float32]
Random = np.random.Generator
Size = tuple[int, int, int]


def without_background(image: Array, label: Array) -> tuple[Array, Array]:
    """Both cut to the smallest box that holds every voxel unlike the first one, which is taken for background."""
    box = _box(image != image[0, 0, 0])
    return (image, label) if box is None else (image[box], label[box])


def cropped_around_label(image: Array, label: Array, random: Random) -> tuple[Array, Array]:
    """Both cut by a random box that holds the whole label, and at most all of the volume.

    Each side lies between the volume's edge and half the label's extent outside the label.
    """
    around = _box(label > 0)
    if around is None:
        return image, label
    box = []
    for side, size in zip(around, label.shape, strict=True):
        half = (side.stop - 1 - side.start) / 2
        low = max(0, int((side.start - half) * random.random()))
        high = min(size, int(size - (size - (side.stop + half)) * random.random()))
        box.append(slice(low, max(high, side.stop)))
    return image[tuple(box)], label[tuple(box)]


def resized(volume: Array, size: Size, *, order: int = 0) -> Array:
    """Zoomed to `size`: nearest voxels, or with `order` 1 interpolated."""
    if volume.shape == size:
        return volume
    scale = [wanted / given for wanted, given in zip(size, volume.shape, strict=True)]
    return ndimage.zoom(volume, scale, order=order, mode="nearest")


def standardised(volume: Array, random: Random) -> Numbers:
    """Mean 0 and deviation 1 over the voxels above zero; voxels that are exactly zero become N(0, 1) noise.

    Made for magnetic resonance, where zero means background. Raises ValueError when no two values lie above zero.
    """
    values = volume.astype(np.float32)
    bright = values[values > 0]
    deviation = float(bright.std()) if bright.size else 0.0
    if deviation == 0:
        raise ValueError("the volume has no two different values above zero, so it cannot be standardised")
    made = (values - bright.mean()) / deviation
    noise = random.standard_normal(values.shape, dtype=np.float32)
    return np.where(values == 0, noise, made).astype(np.float32)


def windowed(volume: Array, low: float, high: float) -> Numbers:
    """Hounsfield units (or any others) from `low` to `high` as -1 to 1, what lies outside cut off."""
    values = np.clip(volume.astype(np.float32), low, high)
    return ((values - low) / (high - low) * 2 - 1).astype(np.float32)


def label_map(maps: Numbers, size: Size) -> npt.NDArray[np.uint8]:
    """From CxdxhxW soft-max maps of a network to the labels of the full-size volume: zoomed by order 1, the largest."""
    zoomed = np.stack([resized(each, size, order=1) for each in maps])
    return zoomed.argmax(axis=0).astype(np.uint8)


def _box(wanted: npt.NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box around what is wanted; None when there is nothing."""
    if not wanted.any():
        return None
    box = []
    for axis in range(wanted.ndim):
        others = tuple(other for other in range(wanted.ndim) if other != axis)
        places = np.flatnonzero(wanted.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)
