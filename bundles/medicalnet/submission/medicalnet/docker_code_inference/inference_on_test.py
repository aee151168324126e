"""Segment every image that /mnt/in/images.txt names with a checkpoint of training/medicalnet, of any depth.

The only `.pth.tar` file of model_output is taken; it says itself which network it holds and what size volumes are
resized to. Volumes are prepared as in its training. The noise that replaces zeros is seeded by the case's place in the
list: the same volumes give the same label maps.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from medici_training.devices import computing
from medici_training.volumes.checkpoints import CheckpointUnfit, load_trained, read_settings_of
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable
from medici_training.volumes.preparation import Array, Numbers, resized, standardised
from medici_training.volumes.resnet import SegmentationNet
from medici_training.volumes.segmentation import Prepare, segment_folder

IN = Path(os.environ.get("IN", "/mnt/in"))
OUT = Path(os.environ.get("OUT", "/mnt/out"))
MODELS = Path(__file__).resolve().parents[1] / "model_output"
SEED = 1


def find_model() -> Path:
    found = sorted(MODELS.glob("*.pth.tar"))
    if len(found) != 1:
        raise CheckpointUnfit(f"{MODELS} must hold one checkpoint, *.pth.tar; it holds {len(found)}.")
    return found[0]


def described(model: Path) -> dict[str, Any]:
    """What the training wrote about the network."""
    settings = read_settings_of(model)
    if not settings:
        raise CheckpointUnfit(f"{model} does not say which network it holds: train it with training/medicalnet.")
    return settings


def preparation(size: list[int]) -> Prepare:
    """MedicalNet's, with new noise for every volume, the same in every run."""
    random = np.random.default_rng(SEED)

    def prepare(volume: Array) -> Numbers:
        return standardised(resized(volume, (size[0], size[1], size[2])), random)

    return prepare


def main() -> None:
    where = computing()
    try:
        model = find_model()
        settings = described(model)
        network = SegmentationNet(settings["model_depth"], settings["n_seg_classes"], settings["resnet_shortcut"])
        load_trained(network, model)
        prepare = preparation(settings["size"])
        count = segment_folder(where.placed(network), prepare, where, source=IN, target=OUT)
    except (CheckpointUnfit, ListUnusable, VolumeUnusable, ValueError) as error:
        sys.exit(str(error))
    print(f"Segmented {count} volumes with 3D-ResNet{settings['model_depth']}.")


if __name__ == "__main__":
    main()
