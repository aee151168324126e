"""The 3-D ResNets of MedicalNet, with its parameters' names, so that its checkpoints load.

Chen, Ma and Zheng, "Med3D: Transfer Learning for 3D Medical Image Analysis", arXiv:1904.00625. A 7x7x7 stem of stride
2, a max-pool of stride 2, four stages. The second has stride 2; the third and fourth have stride 1 and are dilated by
2 and 4 instead, so that features come at an eighth of the input's size.
"""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Shortcut = Literal["A", "B"]
"""How a stage's input meets wider features: A pads it with zero channels, B convolves it (1x1x1)."""

BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
"""Blocks of each stage, by depth."""
DEPTHS = tuple(BLOCKS)
BOTTLENECK_FROM = 50
PUBLISHED_SHORTCUTS: dict[int, Shortcut] = {18: "A", 34: "A"}
"""The published checkpoints have shortcut A at these depths, and B at all others."""
WIDTHS = (64, 128, 256, 512)
STRIDES = (1, 2, 1, 1)
DILATIONS = (1, 1, 2, 4)
HEAD_WIDTH = 32
OUTPUT_STRIDE = 4
"""Of the segmentation head: its maps have a quarter of the input's size along each axis, rounded up to even sizes."""


class PaddedShortcut(nn.Module):
    """Shortcut A: every `stride`-th voxel, and channels of zeros. It has no parameters; gradients pass through it."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.width, self.stride = width, stride

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        thinned = volumes[:, :, :: self.stride, :: self.stride, :: self.stride]
        return functional.pad(thinned, (0, 0) * 3 + (0, self.width - thinned.shape[1]))


class BasicBlock(nn.Module):
    """Two 3x3x3 convolutions, for depths 10, 18 and 34."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = _conv3(inputs, width, stride, dilation)
        self.bn1 = nn.BatchNorm3d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv3(width, width, 1, dilation)
        self.bn2 = nn.BatchNorm3d(width)
        self.downsample = shortcut

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        kept = volumes if self.downsample is None else self.downsample(volumes)
        made = self.relu(self.bn1(self.conv1(volumes)))
        return self.relu(self.bn2(self.conv2(made)) + kept)


class Bottleneck(nn.Module):
    """1x1x1, 3x3x3 and 1x1x1 convolutions, the last to four times the width, from depth 50 on."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = _conv3(width, width, stride, dilation)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        kept = volumes if self.downsample is None else self.downsample(volumes)
        made = self.relu(self.bn1(self.conv1(volumes)))
        made = self.relu(self.bn2(self.conv2(made)))
        return self.relu(self.bn3(self.conv3(made)) + kept)


class Trunk(nn.Module):
    """What all tasks share, and what pretraining is for: from Bx1xDxHxW volumes to BxFxD/8xH/8xW/8 features.

    Raises ValueError for a depth or a shortcut that MedicalNet has not.
    """

    new_layers: tuple[str, ...] = ()
    """Names of what a task adds: never taken from a checkpoint of another task."""

    def __init__(self, depth: int, shortcut: Shortcut) -> None:
        super().__init__()
        if depth not in BLOCKS or shortcut not in {"A", "B"}:
            known = ", ".join(map(str, DEPTHS))
            raise ValueError(f"MedicalNet has depths {known} and shortcuts A and B, not {depth} with {shortcut}.")
        block = Bottleneck if depth >= BOTTLENECK_FROM else BasicBlock
        self.conv1 = nn.Conv3d(1, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        inputs = WIDTHS[0]
        for number, blocks in enumerate(BLOCKS[depth]):
            setattr(self, f"layer{number + 1}", _stage(block, inputs, number, blocks, shortcut))
            inputs = WIDTHS[number] * block.expansion
        self.features_width = inputs

    def features(self, volumes: torch.Tensor) -> torch.Tensor:
        stem = self.maxpool(self.relu(self.bn1(self.conv1(volumes))))
        return self.layer4(self.layer3(self.layer2(self.layer1(stem))))


class SegmentationNet(Trunk):
    """MedicalNet with its head `conv_seg`: BxCxD/4xH/4xW/4 scores of C classes, background included."""

    new_layers = ("conv_seg",)

    def __init__(self, depth: int, classes: int, shortcut: Shortcut | None = None) -> None:
        super().__init__(depth, shortcut or PUBLISHED_SHORTCUTS.get(depth, "B"))
        self.conv_seg = nn.Sequential(
            nn.ConvTranspose3d(self.features_width, HEAD_WIDTH, 2, stride=2),
            nn.BatchNorm3d(HEAD_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv3d(HEAD_WIDTH, HEAD_WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm3d(HEAD_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv3d(HEAD_WIDTH, classes, 1, bias=False),
        )
        _begin(self)

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        return self.conv_seg(self.features(volumes))


class ClassificationNet(Trunk):
    """MedicalNet's trunk, averaged over space, and one linear layer `fc`: BxC scores."""

    new_layers = ("fc",)

    def __init__(self, depth: int, classes: int, shortcut: Shortcut | None = None) -> None:
        super().__init__(depth, shortcut or PUBLISHED_SHORTCUTS.get(depth, "B"))
        self.fc = nn.Linear(self.features_width, classes)
        _begin(self)

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        return self.fc(self.features(volumes).mean(dim=(2, 3, 4)))


def count_parameters(network: nn.Module) -> int:
    """All weights that are trained, the head's among them."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_published(network: Trunk) -> int:
    """The numbers in the trunk's checkpoint: its weights and the statistics of its batch normalisations, no head.

    In millions with two digits these are the "Parameters (M)" of MedicalNet's README, at all seven depths with the
    published shortcuts.
    """
    stored = network.state_dict()
    return sum(value.numel() for name, value in stored.items() if name.split(".")[0] not in network.new_layers)


def _conv3(inputs: int, width: int, stride: int, dilation: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)


def _stage(
    block: type[BasicBlock] | type[Bottleneck], inputs: int, number: int, blocks: int, shortcut: Shortcut
) -> nn.Sequential:
    """Only its first block changes size and width, and needs a shortcut for that."""
    width, stride, dilation = WIDTHS[number], STRIDES[number], DILATIONS[number]
    outputs = width * block.expansion
    made = [block(inputs, width, stride, dilation, _shortcut(shortcut, inputs, outputs, stride))]
    made += [block(outputs, width, 1, dilation, None) for _ in range(1, blocks)]
    return nn.Sequential(*made)


def _shortcut(kind: Shortcut, inputs: int, outputs: int, stride: int) -> nn.Module | None:
    if stride == 1 and inputs == outputs:
        return None
    if kind == "A":
        return PaddedShortcut(outputs, stride)
    return nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm3d(outputs))


def _begin(network: nn.Module) -> None:
    """He's normal initialisation of all convolutions by their outputs, as published."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
