"""Classify the images of the sets in /mnt/in, and write MedMNIST's result files to /mnt/out.

/mnt/in holds one task's `{flag}{_size}.npz` with `test_images` alone; /mnt/out takes `{flag}{_size}_test@light.csv`,
a line `index,score_0,…` per image.
"""

import os
import sys
from pathlib import Path

from light_model import MedSet, activation, find_sets, load, to_inputs

from medici_scoring.medmnist.results import write_results
from medici_training.devices import Computing, computing
from medici_training.loops import in_order, predict
from medici_training.medmnist import npz

MODELS = Path(__file__).resolve().parents[1] / "model_output"
BATCH = 256


def classify(medset: MedSet, path: Path, output: Path, *, models: Path, device: Computing) -> int:
    """Write one set's result file; returns the number of images."""
    model = device.placed(load(medset, models))
    images = npz.read_images(path, medset.flag, medset.size)
    inputs = in_order(to_inputs(images, medset.flag), batch_size=BATCH)
    scores = predict(model, inputs, computing=device, activation=activation(medset.flag))
    write_results(output / f"{medset.prefix}_test@light.csv", scores)
    return len(images)


def main() -> int:
    folder, output = Path(os.environ.get("IN", "/mnt/in")), Path(os.environ.get("OUT", "/mnt/out"))
    output.mkdir(parents=True, exist_ok=True)
    device = computing()
    try:
        found = find_sets(folder)
        for medset, path in found.items():
            count = classify(medset, path, output, models=MODELS, device=device)
            print(f"{medset.prefix}: {count} images classified.")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not found:
        print(f"There is no npz file in {folder}.", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
