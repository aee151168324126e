"""Train and evaluate one cell of the benchmark.

    python main.py --config_file ./config.yaml [--dataset … --img_size … --training_procedure … --architecture …
                                                --seed … --k …]

Writes the checkpoints and the cell's result, `cells/….json`, to output_path; `sweep.py table` makes a table of results.
"""

import sys

from arguments import ending, read_arguments
from prototyping import describe, evaluate_run, prepare, sentence, to_result, train_run

from medici_training.benchmark.ledger import Ledger
from medici_training.metering import Meter


def main() -> None:
    config = read_arguments("Train and evaluate one model on one dataset.")
    meter = Meter()
    run = prepare(config)
    print(describe(run), flush=True)
    train_run(run, say=print, keep=True)
    result = to_result(run, evaluate_run(run), meter)
    ledger = Ledger(config.output_path)
    ledger.record(config, result)
    print(sentence(result))
    print(f"Wrote {ledger.path(config)}.")


if __name__ == "__main__":
    sys.exit(ending(main))
