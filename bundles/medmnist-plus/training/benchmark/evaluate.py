"""Evaluate one cell of the benchmark on the test images: `python evaluate.py --config_file ./config.yaml [--k 11]`.

Options as main.py's. Reads the best checkpoint that train.py wrote; kNN needs none.
"""

import sys
from dataclasses import replace

from arguments import ending, read_arguments
from prototyping import describe, evaluate_run, load_best, prepare, sentence, to_result

from medici_training.benchmark.configuration import RANDOM
from medici_training.benchmark.names import KNN
from medici_training.metering import Meter


def main() -> None:
    config = read_arguments("Evaluate one model on one dataset.")
    meter = Meter()
    if config.training_procedure == KNN:
        run = prepare(config)
    else:
        run = prepare(replace(config, weights=RANDOM))
        load_best(run)
    print(describe(run), flush=True)
    print(sentence(to_result(run, evaluate_run(run), meter)))


if __name__ == "__main__":
    sys.exit(ending(main))
