"""What the networks see: three channels, normalised, centred in a black square (padded, not resized)."""

from collections.abc import Sequence

import torch
from torch import nn

HIGHEST = 255.0
CHANNELS = 3


class Reading(nn.Module):
    """uint8 images, N×S×S or N×S×S×3, to N×3×P×P floats.

    Grey becomes three equal channels; values are scaled to 0…1 and normalised by the network's own mean and deviation;
    then zeros are added evenly on all sides up to P pixels (an odd rest right and below). Zero is the mean colour, as
    in the paper's order of steps.
    """

    def __init__(self, mean: Sequence[float], deviation: Sequence[float], *, pad_to: int | None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, CHANNELS, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, CHANNELS, 1, 1), persistent=False)
        self.pad_to = pad_to

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        is_grey = images.ndim == 3  # noqa: PLR2004  N, S, S
        pixels = images.unsqueeze(1).expand(-1, CHANNELS, -1, -1) if is_grey else images.movedim(-1, 1)
        pixels = (pixels.to(self.mean.dtype) / HIGHEST - self.mean) / self.deviation
        if self.pad_to is None:
            return pixels.contiguous()
        room = self.pad_to - pixels.shape[-1]
        if room < 0:
            raise ValueError(f"Images of {pixels.shape[-1]} pixels do not fit into a square of {self.pad_to}.")
        before, after = room // 2, room - room // 2
        return nn.functional.pad(pixels, (before, after, before, after))
