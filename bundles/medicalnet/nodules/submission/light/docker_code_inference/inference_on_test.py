"""Classify every nodule that /mnt/in/images.txt names, and write /mnt/out/nodules.csv (`case,score`)."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import torch
from network import build_network, prepare

from medici_training.devices import computing
from medici_training.loops import in_order, predict
from medici_training.volumes.checkpoints import CheckpointUnfit, load_trained
from medici_training.volumes.lists import Case, ListUnusable, read_list
from medici_training.volumes.nifti import VolumeUnusable, case_of, read_volume

IN = Path(os.environ.get("IN", "/mnt/in"))
OUT = Path(os.environ.get("OUT", "/mnt/out"))
MODEL = Path(__file__).resolve().parents[1] / "model_output" / "model.pth"
BATCH = 16


def classify(cases: list[Case]) -> list[float]:
    """The probability of being malignant, case by case."""
    where = computing()
    network = build_network()
    load_trained(network, MODEL)
    patches = np.stack([prepare(read_volume(IN / case.image).values) for case in cases])
    batches = in_order(torch.from_numpy(patches)[:, None], batch_size=BATCH)
    shares = predict(where.placed(network), batches, computing=where, activation=lambda scores: scores.softmax(dim=1))
    return [float(share) for share in shares[:, 1]]


def main() -> None:
    try:
        cases = read_list(IN / "images.txt", labelled=False)
        scores = classify(cases)
    except (CheckpointUnfit, ListUnusable, VolumeUnusable) as error:
        sys.exit(str(error))
    with (OUT / "nodules.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("case", "score"))
        writer.writerows((case_of(case.image), f"{score:.6f}") for case, score in zip(cases, scores, strict=True))
    print(f"Classified {len(cases)} nodules.")


if __name__ == "__main__":
    main()
