"""Segment every image that /mnt/in/images.txt names with MedicalNet of depth 10, and write /mnt/out/<case>.nii.gz."""

import os
import sys
from pathlib import Path

from network import build_network, prepare

from medici_training.devices import computing
from medici_training.volumes.checkpoints import CheckpointUnfit, load_trained
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable
from medici_training.volumes.segmentation import segment_folder

IN = Path(os.environ.get("IN", "/mnt/in"))
OUT = Path(os.environ.get("OUT", "/mnt/out"))
MODEL = Path(__file__).resolve().parents[1] / "model_output" / "model.pth"


def main() -> None:
    where = computing()
    network = build_network()
    try:
        load_trained(network, MODEL)
        count = segment_folder(where.placed(network), prepare, where, source=IN, target=OUT)
    except (CheckpointUnfit, ListUnusable, VolumeUnusable) as error:
        sys.exit(str(error))
    print(f"Segmented {count} volumes.")


if __name__ == "__main__":
    main()
