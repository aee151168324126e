"""Classify the images of the sets in /mnt/in, and write MedMNIST's result files to /mnt/out.

/mnt/in holds one task's `{flag}{_size}.npz` with `test_images` alone; the model of that set lies in
`model_output/{flag}{_size}/best_model.pth`, where training/resnet leaves it.
"""

import os
import sys
from pathlib import Path

import torch
from network import MODEL_FILE, activation, load

from medici_scoring.medmnist.results import write_results
from medici_training.devices import Computing, computing
from medici_training.loops import in_order, predict
from medici_training.medmnist import npz

MODELS = Path(__file__).resolve().parents[1] / "model_output"
BATCH = 64


def classify(path: Path, output: Path, *, models: Path, device: Computing) -> int:
    """Write one set's result file; returns the number of images. Raises ValueError or OSError with one sentence."""
    model = load(models / path.stem / MODEL_FILE)
    plan = model.plan
    images = torch.from_numpy(npz.read_images(path, plan.known, plan.size))
    batches = in_order(images, batch_size=BATCH)
    scores = predict(device.placed(model), batches, computing=device, activation=activation(plan.known))
    write_results(output / f"{plan.prefix}_test@{plan.model_flag}.csv", scores)
    return len(images)


def main() -> int:
    folder, output = Path(os.environ.get("IN", "/mnt/in")), Path(os.environ.get("OUT", "/mnt/out"))
    output.mkdir(parents=True, exist_ok=True)
    device = computing()
    found = sorted(folder.glob("*.npz"))
    try:
        for path in found:
            print(f"{path.stem}: {classify(path, output, models=MODELS, device=device)} images classified.")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not found:
        print(f"There is no npz file in {folder}.", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
