"""Train MONAI's DenseNet121 on MedNIST.

Reads /mnt/in (training-data/, validation-data/, training_solution.csv, validation_solution.csv) and writes
/mnt/out/best_metric_model.pth: the weights of the epoch with the highest validation accuracy. The learning rate falls
to zero along a cosine, because with so few epochs the last steps would otherwise decide by chance. Every option is a
flag or an environment variable (LR, EPOCHS, BATCH, WORKERS, SEED).
"""

import argparse
import csv
import math
import os
import sys
import time
from pathlib import Path

import torch
from monai.data import DataLoader, Dataset
from monai.networks.nets import DenseNet121
from monai.transforms import Compose, RandFlip, RandRotate, RandZoom
from monai.utils import set_determinism
from network import CLASSES, build_network, read_transforms
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LRScheduler

MODEL = "best_metric_model.pth"


class LabelledImages(Dataset):
    """Pairs of an image, 1x64x64, and the index of its class. Raises ValueError or OSError with one sentence."""

    def __init__(self, folder: Path, split: str, transforms: list[object]) -> None:
        solution = folder / f"{split}_solution.csv"
        with solution.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or any(row.get("class") not in CLASSES or not row.get("file") for row in rows):
            raise ValueError(f"{solution} must hold the line `file,class` and a row for every image, of known classes.")
        super().__init__([str(folder / f"{split}-data" / Path(row["file"]).name) for row in rows], Compose(transforms))
        self.indices = [CLASSES.index(row["class"]) for row in rows]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return super().__getitem__(index), self.indices[index]


def augmentations() -> list[object]:
    """Each with probability one half: turn by up to 15°, flip upside down, zoom by up to 10 %."""
    turn = RandRotate(range_x=math.radians(15), prob=0.5, keep_size=True)
    return [turn, RandFlip(spatial_axis=0, prob=0.5), RandZoom(min_zoom=0.9, max_zoom=1.1, prob=0.5)]


def train(options: argparse.Namespace) -> None:
    set_determinism(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training = _loader(LabelledImages(options.input, "training", [*read_transforms(), *augmentations()]), options, True)
    validation = _loader(LabelledImages(options.input, "validation", read_transforms()), options, False)
    network = build_network().to(device)
    optimizer = torch.optim.Adam(network.parameters(), options.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * len(training))
    options.output.mkdir(parents=True, exist_ok=True)
    best, began = -1.0, time.monotonic()
    for epoch in range(1, options.epochs + 1):
        loss = _train_epoch(network, training, schedule, device)
        accuracy = _accuracy(network, validation, device)
        print(f"epoch {epoch}/{options.epochs}: loss {loss:.4f}, validation accuracy {accuracy:.4f}", flush=True)
        if accuracy > best:
            best = accuracy
            torch.save(network.state_dict(), options.output / MODEL)
    print(f"Wrote {options.output / MODEL}, accuracy {best:.4f}, after {time.monotonic() - began:.0f} s.")


def _loader(images: LabelledImages, options: argparse.Namespace, shuffle: bool) -> DataLoader:  # noqa: FBT001
    return DataLoader(images, batch_size=options.batch, shuffle=shuffle, num_workers=options.workers)


def _train_epoch(network: DenseNet121, images: DataLoader, schedule: LRScheduler, device: torch.device) -> float:
    """One pass over the training images; the mean loss of its batches."""
    network.train()
    losses = []
    for batch, classes in images:
        network.zero_grad()
        loss = cross_entropy(network(batch.to(device)), classes.to(device))
        loss.backward()
        schedule.optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def _accuracy(network: DenseNet121, images: DataLoader, device: torch.device) -> float:
    network.eval()
    hits = total = 0
    with torch.inference_mode():
        for batch, classes in images:
            hits += int((network(batch.to(device)).argmax(dim=1).cpu() == classes).sum())
            total += len(classes)
    return hits / total


def main() -> None:
    setting = os.environ.get
    parser = argparse.ArgumentParser(description="Train DenseNet121 on MedNIST.")
    parser.add_argument("--input", type=Path, default=Path(setting("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(setting("OUT", "/mnt/out")))
    parser.add_argument(
        "--lr", type=float, default=float(setting("LR", "1e-3")), help="Adam's learning rate at the start"
    )
    parser.add_argument("--epochs", type=int, default=int(setting("EPOCHS", "5")))
    parser.add_argument("--batch", type=int, default=int(setting("BATCH", "15")), help="images per step")
    parser.add_argument("--workers", type=int, default=int(setting("WORKERS", "2")), help="processes that read images")
    parser.add_argument("--seed", type=int, default=int(setting("SEED", "0")))
    options = parser.parse_args()
    if options.epochs < 1 or options.batch < 1 or options.workers < 0:
        parser.error("--epochs and --batch must be 1 or more, --workers 0 or more")
    try:
        train(options)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
