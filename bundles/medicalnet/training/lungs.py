"""The lung challenge's public data in memory, and how well a network segments them: for the models trained on it."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from medici_scoring.segmentation import dice
from medici_training.devices import Computing
from medici_training.volumes.lists import ListUnusable, read_list
from medici_training.volumes.nifti import read_volume
from medici_training.volumes.preparation import label_map, resized
from medici_training.volumes.segmentation import Prepare, soft_maps

LABELS = (1, 2)
"""Left and right lung."""


@dataclass(frozen=True)
class Scans:
    """Cases prepared for the network, and their labels in their own sizes."""

    prepared: list[npt.NDArray[np.float32]]
    labels: list[npt.NDArray[np.generic]]

    @property
    def inputs(self) -> torch.Tensor:
        """Nx1xDxHxW."""
        return torch.from_numpy(np.stack(self.prepared))[:, None]

    @property
    def targets(self) -> torch.Tensor:
        """NxDxHxW, in the size of the inputs."""
        pairs = zip(self.labels, self.prepared, strict=True)
        return torch.from_numpy(np.stack([resized(label, image.shape).astype(np.int64) for label, image in pairs]))


def read_scans(folder: Path, list_name: str, prepare: Prepare) -> Scans:
    """The cases of `train.txt` or `val.txt`. Raises ListUnusable or VolumeUnusable, a sentence each."""
    prepared, labels = [], []
    for case in read_list(folder / list_name):
        image, label = read_volume(folder / case.image), read_volume(folder / case.label)
        if image.values.shape != label.values.shape:
            raise ListUnusable(f"{folder / list_name}: {case.image} and {case.label} have different shapes.")
        prepared.append(prepare(image.values))
        labels.append(label.values)
    return Scans(prepared, labels)


def mean_dice(scans: Scans, computing: Computing) -> Callable[[torch.nn.Module], dict[str, float]]:
    """A measure of networks: the mean over classes and cases, on the full-size volumes."""

    def measure(network: torch.nn.Module) -> dict[str, float]:
        found = []
        for image, label in zip(scans.prepared, scans.labels, strict=True):
            depth, height, width = label.shape
            labels = label_map(soft_maps(network, image, computing), (depth, height, width))
            found += [dice(label == which, labels == which) for which in LABELS]
        return {"dice": sum(found) / len(found)}

    return measure


def options(description: str, *, epochs: int, rate: float) -> argparse.Namespace:
    """The flags of a light training; each can be set by a variable too (IN, OUT, LR, EPOCHS, BATCH, SEED)."""
    setting = os.environ.get
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--input", type=Path, default=Path(setting("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(setting("OUT", "/mnt/out")))
    parser.add_argument("--lr", type=float, default=float(setting("LR", str(rate))), help="highest learning rate")
    parser.add_argument("--epochs", type=int, default=int(setting("EPOCHS", str(epochs))))
    parser.add_argument("--batch", type=int, default=int(setting("BATCH", "2")), help="volumes per step")
    parser.add_argument("--seed", type=int, default=int(setting("SEED", "0")))
    return parser.parse_args()
