"""The light network of the baselines: small enough for two CPU cores, good enough to show that a task can be learnt."""

import torch
from torch import nn


class LightCnn(nn.Module):
    """Six 3×3 convolutions with batch norm in three pairs, halving the size after each pair.

    N×C×S×S (or N×C×S×S×S) of any size to N×classes scores. In volumes the first convolution takes every other voxel,
    which makes them eight times as fast. Means and maxima over the image are both kept: textures
    show in the one, single small things in the other.
    """

    def __init__(self, channels: int, classes: int, *, is_3d: bool = False, width: int = 16) -> None:
        super().__init__()
        convolution, norm, pool = (
            (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d) if is_3d else (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d)
        )
        layers: list[nn.Module] = []
        before = channels
        for after in (width, 2 * width, 4 * width):
            for inputs in (before, after):
                stride = 2 if is_3d and not layers else 1
                layers += [
                    convolution(inputs, after, 3, stride=stride, padding=1, bias=False),
                    norm(after),
                    nn.ReLU(inplace=True),
                ]
            layers.append(pool(2))
            before = after
        self.features = nn.Sequential(*layers[:-1])
        self.head = nn.Linear(2 * before, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.features(images).flatten(2)
        return self.head(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))


def light_cnn(channels: int, classes: int, *, is_3d: bool = False) -> LightCnn:
    """2D: 16, 32 and 64 channels; 3D: 12, 24 and 48."""
    return LightCnn(channels, classes, is_3d=is_3d, width=12 if is_3d else 16)
