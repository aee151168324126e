"""Train the light network on every set in /mnt/in, one after the other.

Reads `{flag}{_size}.npz` (train and val, images and labels) and writes /mnt/out/{flag}{_size}.pt, the weights, and
training.json: seconds and memory. The learning rate rises and falls to zero, so that the last epoch is among the best;
to choose one by few validation images would be chance. Of large sets it takes a part of the training images, drawn at
random, so that two CPU cores do.
"""

import argparse
import math
import os
import sys
from pathlib import Path

import numpy as np
import torch
from light_model import MedSet, activation, build, find_sets, save, to_inputs

from medici_scoring.medmnist.answers import Answers, Question, TaskKind
from medici_scoring.medmnist.evaluator import Evaluation, evaluate
from medici_training.devices import Computing, computing, seed_everything
from medici_training.loops import Loss, fit, in_order, predict, shuffled
from medici_training.medmnist import npz
from medici_training.medmnist.flags import Flag, Task
from medici_training.medmnist.npz import Split
from medici_training.metering import Meter, write_cost

BATCH_VALIDATION = 256


def train_set(medset: MedSet, path: Path, options: argparse.Namespace, device: Computing) -> Evaluation:
    """Train on one set and write its model; returns the figures on its validation images."""
    flag = medset.flag
    generator = seed_everything(options.seed)
    data = npz.read(path, flag, medset.size, splits=("train", "val"))
    training = _part(data.train, options.most, options.seed)
    print(f"{medset.prefix}: {len(training)} of {len(data.train)} training images", flush=True)
    model = device.placed(build(flag))
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=options.weight_decay)
    steps = options.epochs * math.ceil(len(training) / options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=options.lr, total_steps=steps)
    validation = to_inputs(data.val.images, flag)

    def measured(network: torch.nn.Module) -> Evaluation:
        batches = in_order(validation, batch_size=BATCH_VALIDATION)
        scores = predict(network, batches, computing=device, activation=activation(flag))
        return evaluate(Answers(_question(medset), data.val.labels.astype(np.int64)), scores.astype(np.float64))

    fit(
        model,
        shuffled(
            to_inputs(training.images, flag), targets(training, flag), batch_size=options.batch, generator=generator
        ),
        loss=loss(flag),
        optimizer=optimizer,
        epochs=options.epochs,
        computing=device,
        after_batch=schedule.step,
        validate=lambda network: _figures(measured(network)),
        say=lambda line: print(f"  {line}", flush=True),
    )
    save(model, medset, options.output)
    return measured(model)


def targets(split: Split, flag: Flag) -> torch.Tensor:
    """N×L zeros and ones where several labels may apply, else N class numbers."""
    if flag.task is Task.MULTI_LABEL:
        return torch.from_numpy(split.labels).float()
    return torch.from_numpy(split.labels[:, 0]).long()


def loss(flag: Flag) -> Loss:
    return torch.nn.BCEWithLogitsLoss() if flag.task is Task.MULTI_LABEL else torch.nn.CrossEntropyLoss()


def _part(split: Split, most: int, seed: int) -> Split:
    if len(split) <= most:
        return split
    chosen = np.sort(np.random.default_rng(seed).choice(len(split), most, replace=False))
    return Split(split.images[chosen], split.labels[chosen])


def _question(medset: MedSet) -> Question:
    flag = medset.flag
    return Question(flag.name, medset.size, "val", TaskKind(flag.task.value), flag.labels)


def _figures(result: Evaluation) -> dict[str, float]:
    return {"AUC": math.nan if result.auc.mean is None else result.auc.mean, "ACC": result.acc}


def main() -> int:
    setting = os.environ.get
    parser = argparse.ArgumentParser(description="Train the light network on every set in /mnt/in.")
    parser.add_argument("--input", type=Path, default=Path(setting("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(setting("OUT", "/mnt/out")))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=32, help="images per step")
    parser.add_argument("--lr", type=float, default=4e-3, help="AdamW's highest learning rate")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--most", type=int, default=4000, metavar="IMAGES", help="training images per set")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if min(options.epochs, options.batch, options.most) < 1:
        parser.error("--epochs, --batch and --most must be 1 or more")
    meter, device, figures = Meter(), computing(), {}
    try:
        found = find_sets(options.input)
        for medset, path in found.items():
            figures[medset] = train_set(medset, path, options, device)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not figures:
        print(f"There is no npz file in {options.input}.", file=sys.stderr)
        return 1
    write_cost(options.output, meter.cost(), **{f"val_acc_{each.prefix}": one.acc for each, one in figures.items()})
    print(f"Wrote {len(figures)} model(s) to {options.output}: {meter.cost()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
