"""Classify the images of the set in /mnt/in with its prototype, and write MedMNIST's result file to /mnt/out.

/mnt/in holds one task's `{flag}{_size}.npz` with `test_images` alone; model_output holds `{flag}{_size}.pt`, as
training/light writes it, of any architecture and procedure. /mnt/out takes `{flag}{_size}_test@prototype.csv`, a line
`index,score_0,…` per image.
"""

import os
import sys
from pathlib import Path

from medici_scoring.medmnist.results import write_results
from medici_training.benchmark.prototypes import SUFFIX, load
from medici_training.devices import Computing, computing
from medici_training.medmnist import npz

PROTOTYPES = Path(__file__).resolve().parents[1] / "model_output"


def classify(path: Path, output: Path, *, prototypes: Path, on: Computing) -> str:
    """Write one set's result file; returns a line for the log."""
    prototype = load(prototypes / f"{path.stem}{SUFFIX}")
    config = prototype.config
    images = npz.read_images(path, config.flag, config.img_size)
    write_results(output / f"{path.stem}_test@prototype.csv", prototype.scores(images, on))
    what = f"{config.training_procedure}, {config.architecture}, {prototype.built.weights} weights"
    return f"{path.stem}: {len(images)} images, {what}"


def main() -> int:
    folder, output = Path(os.environ.get("IN", "/mnt/in")), Path(os.environ.get("OUT", "/mnt/out"))
    output.mkdir(parents=True, exist_ok=True)
    on = computing()
    files = sorted(folder.glob("*.npz"))
    try:
        for path in files:
            print(classify(path, output, prototypes=PROTOTYPES, on=on), flush=True)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not files:
        print(f"There is no npz file in {folder}.", file=sys.stderr)
    return 0 if files else 1


if __name__ == "__main__":
    sys.exit(main())
