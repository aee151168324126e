"""Give every radiograph of /mnt/in a probability per class and write /mnt/out/predictions.csv.

/mnt/in holds PNG files and images.txt, which names them. The model says itself what network it is and what its classes
are, so the same program serves the tiny, the small and the base one.
"""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from images import on_channels, read_grey, seen_whole
from network import VisionTransformer, shape_named

from medici_training.devices import computing
from medici_training.loops import predict

IN = Path(os.environ.get("IN", "/mnt/in"))
OUT = Path(os.environ.get("OUT", "/mnt/out"))
MODEL = Path(__file__).resolve().parents[1] / "model_output" / "model.pth"
BATCH = 64


def names() -> list[str]:
    listed = IN / "images.txt"
    if listed.is_file():
        return [line.strip() for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
    return sorted(path.name for path in IN.iterdir() if path.suffix.lower() == ".png")


def views(images: list[str], *, size: int, channels: int, crop: float) -> Iterator[torch.Tensor]:
    for start in range(0, len(images), BATCH):
        read = (read_grey(IN / name) for name in images[start : start + BATCH])
        yield torch.from_numpy(np.stack([on_channels(seen_whole(image, size, crop), channels) for image in read]))


def load() -> tuple[VisionTransformer, dict[str, Any]]:
    if not MODEL.is_file():
        raise ValueError(f"{MODEL.parent} holds no {MODEL.name}: train the model first.")
    found = torch.load(MODEL, map_location="cpu", weights_only=True)
    pooled = "fc_norm.weight" in found["model"]
    network = VisionTransformer(shape_named(found["network"]), len(found["classes"]), size=found["size"], pooled=pooled)
    network.load_state_dict(found["model"])
    return network, found


def main() -> int:
    try:
        images = names()
        network, found = load()
        where = computing()
        batches = views(images, size=found["size"], channels=network.shape.channels, crop=found["crop"])
        activation = torch.sigmoid if not found.get("single_label") else lambda output: output.softmax(dim=1)
        scores = predict(where.placed(network), batches, computing=where, activation=activation)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    with (OUT / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image", *found["classes"]))
        writer.writerows((name, *map(float, row)) for name, row in zip(images, scores, strict=True))
    print(f"{len(images)} images, {len(found['classes'])} classes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
