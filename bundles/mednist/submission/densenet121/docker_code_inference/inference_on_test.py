"""Classify every image of /mnt/in with DenseNet121 and write /mnt/out/classification_results.csv."""

import csv
import os
from pathlib import Path

import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose
from network import CLASSES, build_network, read_transforms

IN = Path(os.environ.get("IN", "/mnt/in"))
OUT = Path(os.environ.get("OUT", "/mnt/out"))
MODEL = Path(__file__).resolve().parents[1] / "model_output" / "best_metric_model.pth"
BATCH = int(os.environ.get("BATCH", "100"))
WORKERS = int(os.environ.get("WORKERS", "2"))


def classify(paths: list[Path]) -> list[str]:
    """The class of each image: the one with the highest score."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_network().to(device)
    network.load_state_dict(torch.load(MODEL, map_location=device, weights_only=True))
    network.eval()
    images = Dataset([str(path) for path in paths], Compose(read_transforms()))
    best: list[int] = []
    with torch.inference_mode():
        for batch in DataLoader(images, batch_size=BATCH, num_workers=WORKERS):
            best += network(batch.to(device)).argmax(dim=1).tolist()
    return [CLASSES[index] for index in best]


def main() -> None:
    paths = sorted(path for path in IN.glob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise SystemExit(f"{IN} holds no images.")
    with (OUT / "classification_results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "class"))
        writer.writerows(zip(map(str, paths), classify(paths), strict=True))
    print(f"Classified {len(paths)} images.")


if __name__ == "__main__":
    main()
