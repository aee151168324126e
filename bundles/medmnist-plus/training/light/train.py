"""Train a prototype for every set in /mnt/in: by default the light network, end to end, in seconds on two CPU cores.

Reads `{flag}{_size}.npz` (train and val, images and labels) and writes to /mnt/out: `{flag}{_size}.pt` for each, what
the fact sheet asks (`fact_sheet.yaml`), and training.json, seconds and memory. Any architecture and procedure of the
benchmark may be chosen; the paper's are `--training_procedure`, `--architecture`, `--epochs 100`,
`--learning_rate 1e-4`, `--batch_size 64` and `--pad_to 224`.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import yaml

from medici_scoring.medmnist.answers import Answers, Question, TaskKind
from medici_scoring.medmnist.evaluator import Evaluation, evaluate
from medici_training.benchmark.configuration import AUTO, Config, make_config
from medici_training.benchmark.names import DATASETS, KNN, PROCEDURES, SEEDS, SIZES
from medici_training.benchmark.procedures import build_for, fill_bank, train
from medici_training.benchmark.prototypes import SUFFIX, Prototype
from medici_training.devices import Computing, computing
from medici_training.medmnist import flags, npz
from medici_training.medmnist.npz import Split
from medici_training.metering import Meter, write_cost


def train_set(config: Config, path: Path, on: Computing) -> tuple[Prototype, Evaluation]:
    """Train on one set; returns the prototype and its figures on the validation images."""
    data = npz.read(path, config.flag, config.img_size, splits=("train", "val"))
    built, generator = build_for(config)
    print(f"{path.stem}: {len(data.train)} training images, {built.weights} weights ({built.weights_from})", flush=True)
    prototype = Prototype(config, built)
    if config.training_procedure == KNN:
        prototype.bank = fill_bank(config, built, data.train, on)
    else:
        train(config, built, data.splits, on, generator, say=lambda line: print(f"  {line}", flush=True))
    return prototype, _measured(prototype, data.val, on)


def found_sets(folder: Path) -> dict[Path, dict[str, object]]:
    """Dataset and size of the files in `folder`. Raises ValueError when there is none."""
    named = {npz.file_name(flags.get(name), size): (name, size) for name in DATASETS for size in SIZES}
    found = {path: named[path.name] for path in sorted(folder.glob("*.npz")) if path.name in named}
    if not found:
        raise ValueError(f"There is no npz file of the benchmark in {folder}, such as bloodmnist_64.npz.")
    return {path: {"dataset": name, "img_size": size} for path, (name, size) in found.items()}


def _measured(prototype: Prototype, split: Split, on: Computing) -> Evaluation:
    flag, config = prototype.config.flag, prototype.config
    question = Question(flag.name, config.img_size, "val", TaskKind(flag.task.value), flag.labels)
    return evaluate(Answers(question, split.labels.astype(np.int64)), prototype.scores(split.images, on))


def _options() -> argparse.Namespace:
    setting = os.environ.get
    parser = argparse.ArgumentParser(description="Train a prototype for every set in /mnt/in.")
    parser.add_argument("--input", type=Path, default=Path(setting("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(setting("OUT", "/mnt/out")))
    parser.add_argument("--training_procedure", choices=PROCEDURES, default=PROCEDURES[0])
    parser.add_argument("--architecture", default="light_cnn", help="default: %(default)s")
    parser.add_argument("--weights", default=AUTO, help="a folder of weights, auto (the default) or random")
    parser.add_argument("--pad_to", type=int, default=0, help="224 is the paper's; 0, the default, adds nothing")
    parser.add_argument("--epochs", type=int, default=12, help="at most; default: %(default)s")
    parser.add_argument("--learning_rate", type=float, default=4e-3, help="default: %(default)s")
    parser.add_argument("--batch_size", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--patience", type=int, default=6, help="epochs without a lower validation loss")
    parser.add_argument("--k", type=int, default=11, help="neighbours of kNN (default: 11)")
    parser.add_argument("--seed", type=int, default=SEEDS[0])
    return parser.parse_args()


def main() -> int:
    options = _options()
    meter, on, figures = Meter(), computing(), {}
    chosen = {key: value for key, value in vars(options).items() if key not in {"input", "output"}}
    chosen |= {"pad_to": options.pad_to or None, "data_path": options.input, "output_path": options.output}
    sheet: dict[str, str] = {}
    try:
        for path, cell in found_sets(options.input).items():
            config = make_config({**chosen, **cell}, where="The command line")
            prototype, evaluation = train_set(config, path, on)
            prototype.save(options.output / f"{path.stem}{SUFFIX}")
            figures[f"val_acc_{path.stem}"] = evaluation.acc
            print(f"  val: ACC {evaluation.acc:.4f}, AUC {evaluation.auc.mean or 0:.4f}", flush=True)
            sheet = {"weights": prototype.built.weights, "procedure": config.training_procedure}
            sheet["architecture"] = config.architecture
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    (options.output / "fact_sheet.yaml").write_text(yaml.safe_dump(sheet, sort_keys=False), encoding="utf-8")
    write_cost(options.output, meter.cost(), **figures)
    print(f"Wrote {len(figures)} prototype(s) to {options.output}: {meter.cost()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
