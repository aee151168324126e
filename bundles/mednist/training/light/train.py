"""Train the light model: edge histograms and a logistic regression. A few seconds for 600 images.

Reads /mnt/in (training-data/, validation-data/, training_solution.csv, validation_solution.csv) and writes
/mnt/out/model.npz. The model is a few arrays, no pickle: reading it runs no code and needs no particular library.
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from features import read_features
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report

STRENGTH = 0.003

Split = tuple[npt.NDArray[np.float64], list[str]]


def read_split(folder: Path, split: str) -> Split:
    """Nx576 features and N classes of `training` or `validation`. Raises ValueError or OSError with one sentence."""
    solution = folder / f"{split}_solution.csv"
    with solution.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not all(row.get("file") and row.get("class") for row in rows):
        raise ValueError(f"{solution} must hold the line `file,class` and a row for every image.")
    paths = [folder / f"{split}-data" / Path(row["file"]).name for row in rows]
    return read_features(paths), [row["class"] for row in rows]


def train(folder: Path, output: Path, *, strength: float) -> None:
    """Fit on the training images, report on the validation images, and save the model."""
    began = time.monotonic()
    values, classes = read_split(folder, "training")
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    model = LogisticRegression(C=strength, max_iter=2000).fit((values - mean) / deviation, classes)
    validation, truth = read_split(folder, "validation")
    print(classification_report(truth, model.predict((validation - mean) / deviation), digits=4, zero_division=0))
    output.mkdir(parents=True, exist_ok=True)
    arrays = {"weights": model.coef_.T, "bias": model.intercept_, "classes": np.array(model.classes_, dtype=str)}
    np.savez(output / "model.npz", mean=mean, deviation=deviation, **arrays)
    print(f"Wrote {output / 'model.npz'} after {time.monotonic() - began:.1f} s.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the light MedNIST model.")
    parser.add_argument("--input", type=Path, default=Path(os.environ.get("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(os.environ.get("OUT", "/mnt/out")))
    parser.add_argument("--strength", type=float, default=STRENGTH, help="inverse regularisation of the regression")
    options = parser.parse_args()
    try:
        train(options.input, options.output, strength=options.strength)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
