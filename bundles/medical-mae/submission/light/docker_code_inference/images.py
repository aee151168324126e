"""How a radiograph is read and shown to the network; the same for training and inference."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

MEAN, DEVIATION = 0.5056, 0.252
"""Of ChestX-ray14's grey values between 0 and 1, as Medical MAE normalises them."""

Pixels = npt.NDArray[np.float32]


def read_grey(path: Path) -> Image.Image:
    """The image in 8-bit grey. Raises ValueError with one sentence where there is none that can be read."""
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                return _stretched(np.asarray(image, dtype=np.float64))
            return image.convert("L")
    except FileNotFoundError:
        raise ValueError(f"The image {path} is not there.") from None
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no readable image: {error}.") from error


def seen_whole(image: Image.Image, size: int, crop: float = 1.0) -> Pixels:
    """Normalised values, size by size: shrunk or enlarged, then the middle; `crop` is its share of each side.

    A share of 0.875 is the published evaluation (256 pixels, the middle 224 of them).
    """
    width, height = image.size
    side = min(width, height) * crop
    left, top = (width - side) / 2, (height - side) / 2
    return normalised(image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)))


def normalised(image: Image.Image) -> Pixels:
    return (np.asarray(image, dtype=np.float32) / 255 - MEAN) / DEVIATION


def on_channels(pixels: Pixels, channels: int) -> Pixels:
    """CxHxW of HxW: the grey values once per channel."""
    return np.repeat(pixels[None], channels, axis=0)


def _stretched(values: npt.NDArray[np.float64]) -> Image.Image:
    """More than 8 bits: from the darkest to the brightest value."""
    span = values.max() - values.min()
    return Image.fromarray(np.rint((values - values.min()) / (span or 1) * 255).astype(np.uint8))
