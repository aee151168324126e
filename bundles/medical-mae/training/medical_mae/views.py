"""Random views of a radiograph for training: crops, mirror images, small turns, or timm's augmentations."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from images import DEVIATION, MEAN, Pixels, normalised, on_channels, seen_whole
from PIL import Image

View = Callable[[Image.Image, np.random.Generator], Pixels]
"""From a grey image and a generator to CxSxS normalised values."""

TRIES = 10
ASPECT = (3 / 4, 4 / 3)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Whole:
    """The same view each time, for evaluation."""

    size: int
    channels: int
    crop: float = 1.0

    def __call__(self, image: Image.Image, _: np.random.Generator) -> Pixels:
        return on_channels(seen_whole(image, self.size, self.crop), self.channels)


@dataclass(frozen=True)
class RandomCrop:
    """A part of between `scale` of the area, in a shape between 3:4 and 4:3, mirrored every other time.

    As torchvision's RandomResizedCrop draws it, with bicubic interpolation; `turn` is the largest angle in degrees.
    """

    size: int
    channels: int
    scale: tuple[float, float]
    turn: float = 0.0

    def __call__(self, image: Image.Image, random: np.random.Generator) -> Pixels:
        box = crop_box(image.size, self.scale, random)
        image = image.resize((self.size, self.size), Image.Resampling.BICUBIC, box=box)
        if random.random() < 0.5:  # noqa: PLR2004  every other one
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.turn:
            image = image.rotate(random.uniform(-self.turn, self.turn), Image.Resampling.BILINEAR)
        return on_channels(normalised(image), self.channels)


def crop_box(
    size: tuple[int, int], scale: tuple[float, float], random: np.random.Generator
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a random part of an image of `size` (width, height)."""
    width, height = size
    for _ in range(TRIES):
        area = width * height * random.uniform(*scale)
        aspect = np.exp(random.uniform(*np.log(ASPECT)))
        wide, high = round(float(np.sqrt(area * aspect))), round(float(np.sqrt(area / aspect)))
        if 0 < wide <= width and 0 < high <= height:
            left = int(random.integers(0, width - wide + 1))
            top = int(random.integers(0, height - high + 1))
            return left, top, left + wide, top + high
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def timm_is_here() -> bool:
    return find_spec("timm") is not None


@dataclass(frozen=True)
class TimmView:
    """The training transform of timm's `create_transform`, such as RandAugment by `rand-m6-mstd0.5-inc1`.

    It draws from Python's and torch's generators, which are seeded from ours, so that a view can be drawn again.
    """

    size: int
    channels: int
    policy: str | None
    erase: float = 0.0
    erase_mode: str = "pixel"
    erase_count: int = 1
    jitter: float | None = None
    imagenet: bool = False

    def __call__(self, image: Image.Image, random: np.random.Generator) -> Pixels:
        import torch  # noqa: PLC0415  whoever crops plainly needs neither torch nor timm here

        _seed_all(int(random.integers(2**31)))
        values: torch.Tensor = _timm_transform(self)(image.convert("RGB"))
        return values[: self.channels].numpy()


def _seed_all(seed: int) -> None:
    import random as standard  # noqa: PLC0415

    import torch  # noqa: PLC0415

    standard.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  timm draws from the old global one
    torch.manual_seed(seed)


_made: dict[TimmView, Callable[..., object]] = {}


def _timm_transform(view: TimmView) -> Callable[..., object]:
    if view not in _made:
        from medici_training.torchvision_on_cpu import prepare  # noqa: PLC0415

        prepare()
        from timm.data import create_transform  # noqa: PLC0415

        mean, deviation = IMAGENET if view.imagenet else ((MEAN,) * 3, (DEVIATION,) * 3)
        try:
            _made[view] = create_transform(
                input_size=view.size,
                is_training=True,
                color_jitter=view.jitter,
                auto_augment=view.policy,
                interpolation="bicubic",
                re_prob=view.erase,
                re_mode=view.erase_mode,
                re_count=view.erase_count,
                mean=mean,
                std=deviation,
            )
        except (AssertionError, ValueError, IndexError) as error:
            raise ValueError(f"timm knows no augmentation `{view.policy}` (--aa): {error}.") from error
    return _made[view]
