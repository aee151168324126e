"""Train one cell of the benchmark and write its checkpoints: `python train.py --config_file ./config.yaml`.

Options as main.py's. kNN trains nothing: evaluate.py does all of it.
"""

import sys

from arguments import ending, read_arguments
from prototyping import checkpoint, describe, prepare, train_run

from medici_training.benchmark.names import KNN
from medici_training.metering import Meter


def main() -> None:
    config = read_arguments("Train one model on one dataset.")
    if config.training_procedure == KNN:
        print("kNN trains nothing: run evaluate.py.")
        return
    meter = Meter()
    run = prepare(config, splits=("train", "val"))
    print(describe(run), flush=True)
    train_run(run, say=print, keep=True)
    print(f"Wrote {checkpoint(config, 'best')} and {checkpoint(config, 'final').name}: {meter.cost()}.")


if __name__ == "__main__":
    sys.exit(ending(main))
