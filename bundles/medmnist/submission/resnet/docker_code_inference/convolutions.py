"""2D networks made to take volumes: every convolution replaced by one of three kinds, everything else by its 3D twin.

    Conv3d    k×k×k weights
    Conv2_5d  the 2D weights as 1×k×k: every slice by itself
    ACSConv   the 2D weights on three planes, a third of the outputs for each: axial, coronal and sagittal convolutions
              (Yang et al., "Reinventing 2D Convolutions for 3D Images", IEEE JBHI 2021)

The last two have as many parameters as the 2D network.
"""

import torch
from torch import nn
from torch.nn.functional import conv3d

KINDS = ("Conv3d", "Conv2_5d", "ACSConv")


class ACSConv(nn.Module):
    """A 2D convolution's weights (outputs×inputs×k×k) applied to N×C×D×H×W, a third of the outputs in each plane."""

    def __init__(self, flat: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(flat.weight.detach().clone())
        self.bias = None if flat.bias is None else nn.Parameter(flat.bias.detach().clone())
        self.stride, self.padding = flat.stride[0], flat.padding[0]

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        planes = []
        for axis, weight in enumerate(self.weight.tensor_split(3)):
            padding = [0 if side == axis else self.padding for side in range(3)]
            planes.append(conv3d(volumes, weight.unsqueeze(2 + axis), stride=self.stride, padding=padding))
        maps = torch.cat(planes, dim=1)
        return maps if self.bias is None else maps + self.bias[:, None, None, None]


def to_3d(network: nn.Module, kind: str, *, inflated: bool = True) -> nn.Module:
    """The same network for N×C×D×H×W, changed in place.

    `inflated`: Conv3d begins with the 2D weights, repeated over the depth and divided by it (Carreira and Zisserman
    2017), else with new ones. Raises ValueError for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no convolution {kind!r}: choose one of {', '.join(KINDS)}.")
    for name, child in network.named_children():
        setattr(network, name, _replaced(child, kind, inflated=inflated))
    return network


def _replaced(module: nn.Module, kind: str, *, inflated: bool) -> nn.Module:
    if isinstance(module, nn.Conv2d):
        return _convolution(module, kind, inflated=inflated)
    if isinstance(module, nn.BatchNorm2d):
        norm = nn.BatchNorm3d(module.num_features)
        norm.load_state_dict(module.state_dict())
        return norm
    if isinstance(module, nn.MaxPool2d):
        return nn.MaxPool3d(module.kernel_size, module.stride, module.padding)
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return nn.AdaptiveAvgPool3d(1)
    return to_3d(module, kind, inflated=inflated)


def _convolution(flat: nn.Conv2d, kind: str, *, inflated: bool) -> nn.Module:
    if kind == "ACSConv":
        return ACSConv(flat)
    side, padding = flat.kernel_size[0], flat.padding[0]
    depth = side if kind == "Conv3d" else 1
    deep = nn.Conv3d(
        flat.in_channels,
        flat.out_channels,
        (depth, side, side),
        stride=flat.stride[0],
        padding=(padding if kind == "Conv3d" else 0, padding, padding),
        bias=flat.bias is not None,
    )
    if kind == "Conv2_5d" or inflated:
        with torch.no_grad():
            deep.weight.copy_(flat.weight.unsqueeze(2).expand_as(deep.weight) / depth)
    return deep
