"""Classify every image of /mnt/in with the light model and write /mnt/out/classification_results.csv."""

import csv
import os
from pathlib import Path

import numpy as np
from features import read_features

IN = Path(os.environ.get("IN", "/mnt/in"))
OUT = Path(os.environ.get("OUT", "/mnt/out"))
MODEL = Path(__file__).resolve().parents[1] / "model_output" / "model.npz"


def classify(paths: list[Path]) -> list[str]:
    """The class of each image: the one with the highest linear score."""
    model = np.load(MODEL)
    values = (read_features(paths) - model["mean"]) / model["deviation"]
    best = np.argmax(values @ model["weights"] + model["bias"], axis=1)
    return [str(model["classes"][index]) for index in best]


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
