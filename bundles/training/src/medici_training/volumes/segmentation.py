"""Segmenting with a network whose maps are smaller than the volume."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from medici_training.devices import Computing
from medici_training.volumes.lists import read_list
from medici_training.volumes.nifti import case_of, read_volume, write_volume
from medici_training.volumes.preparation import Array, Numbers, Size, label_map

IMAGES_LIST = "images.txt"

Prepare = Callable[[Array], Numbers]
"""From a volume as it lies in the file to what the network takes, both DxHxW, of any size."""


def class_shares(labels: torch.Tensor, classes: int, size: Size) -> torch.Tensor:
    """From BxDxHxW labels to BxCxdxhxw: how much of each output voxel belongs to each class.

    A target for cross-entropy that keeps what the nearest voxel alone would lose when labels are shrunk.
    """
    masks = functional.one_hot(labels.long(), classes).movedim(-1, 1).float()
    return functional.adaptive_avg_pool3d(masks, size)


@torch.no_grad()
def soft_maps(network: torch.nn.Module, prepared: Numbers, computing: Computing) -> Numbers:
    """The network's CxDxHxW soft-max maps of one prepared DxHxW volume."""
    network.eval()
    batch = computing.moved(torch.from_numpy(np.ascontiguousarray(prepared))[None, None])
    with computing.precision():
        scores = network(batch)
    return scores.float().softmax(dim=1)[0].cpu().numpy()


def segment(network: torch.nn.Module, volume: Array, prepare: Prepare, computing: Computing) -> npt.NDArray[np.uint8]:
    """The labels of a volume, in its own size."""
    depth, height, width = volume.shape
    return label_map(soft_maps(network, prepare(volume), computing), (depth, height, width))


def segment_folder(
    network: torch.nn.Module, prepare: Prepare, computing: Computing, *, source: Path, target: Path
) -> int:
    """Write `target/<case>.nii.gz` for every image of `source/images.txt`, in the image's grid; how many.

    Raises ListUnusable or VolumeUnusable.
    """
    cases = read_list(source / IMAGES_LIST, labelled=False)
    for case in cases:
        volume = read_volume(source / case.image)
        labels = segment(network, volume.values, prepare, computing)
        write_volume(target / f"{case_of(case.image)}.nii.gz", labels, volume.affine)
    return len(cases)
