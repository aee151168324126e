"""How hard the stand-ins are: guessing, nearest neighbours on raw pixels, and the light network, by flag.

    python -m medici_training.standins.table [--flags bloodmnist …] [--size 28] [--seed 2020]

Prints a table for a README. None is trivial when guessing and neighbours stay clearly below the network. Needs torch
and scikit-learn, as `medici/monai` has them.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score

from medici_training.devices import Computing, computing, seed_everything
from medici_training.loops import fit, in_order, predict, shuffled
from medici_training.medmnist.flags import FLAGS, Flag, Task, get
from medici_training.medmnist.npz import Split
from medici_training.nets import light_cnn
from medici_training.standins.samples import SEED, make_splits

Scores = npt.NDArray[np.float64]

EPOCHS = 12
BATCH = 32
LEARNING_RATE = 3e-3
COUNTS_2D = {"train": 800, "test": 400}
COUNTS_MULTI_LABEL = {"train": 1500, "test": 400}
COUNTS_3D = {"train": 500, "test": 250}
FEW, MANY = 1, 11
"""Neighbours asked."""


@dataclass(frozen=True)
class Difficulty:
    """Accuracies; for several labels at once mean AUC instead, as nearly every label is absent there."""

    flag: Flag
    majority: float
    nearest: float
    neighbours: float
    """Eleven of them."""
    network: float
    network_auc: float
    seconds: float
    """To train the network."""

    @property
    def margin(self) -> float:
        """By how much the network is better than the best of the others."""
        return self.network - max(self.majority, self.nearest, self.neighbours)


def counts_for(flag: Flag) -> dict[str, int]:
    if flag.is_3d:
        return COUNTS_3D
    return COUNTS_MULTI_LABEL if flag.task is Task.MULTI_LABEL else COUNTS_2D


def measure(flag: Flag, size: int, seed: int, on: Computing) -> Difficulty:
    """Draw the flag's samples, guess, ask neighbours and train the light network (12 epochs, Adam, one-cycle rate)."""
    splits = make_splits(flag, size, counts_for(flag), seed)
    train, test = splits["train"], splits["test"]
    began = time.perf_counter()
    scores = trained_scores(flag, train, test, seed=seed, on=on)
    seconds = time.perf_counter() - began
    return Difficulty(
        flag,
        majority=_merit(flag, np.tile(_shares(flag, train), (len(test), 1)), test),
        nearest=_merit(flag, _neighbour_scores(flag, train, test, FEW), test),
        neighbours=_merit(flag, _neighbour_scores(flag, train, test, MANY), test),
        network=_merit(flag, scores, test),
        network_auc=mean_auc(flag, scores, test),
        seconds=seconds,
    )


def trained_scores(flag: Flag, train: Split, test: Split, *, seed: int, on: Computing, epochs: int = EPOCHS) -> Scores:
    """The light network's scores, N×classes, for the test images after training on the others."""
    generator = seed_everything(seed)
    inputs, targets = as_inputs(flag, train), torch.from_numpy(_targets(flag, train))
    model = on.placed(light_cnn(flag.channels, flag.classes, is_3d=flag.is_3d))
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, weight_decay=1e-4)
    steps = epochs * len(inputs.split(BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    several = flag.task is Task.MULTI_LABEL
    fit(
        model,
        shuffled(inputs, targets, batch_size=BATCH, generator=generator),
        loss=torch.nn.functional.binary_cross_entropy_with_logits if several else torch.nn.functional.cross_entropy,
        optimizer=optimizer,
        epochs=epochs,
        computing=on,
        after_batch=schedule.step,
        say=lambda _: None,
    )
    activation = torch.sigmoid if several else lambda output: output.softmax(dim=1)
    batches = in_order(as_inputs(flag, test), batch_size=128)
    return predict(model, batches, computing=on, activation=activation).astype(np.float64)


def as_inputs(flag: Flag, split: Split) -> torch.Tensor:
    """Images as N×C×S×S (3D: N×1×S×S×S) floats from -1 to 1."""
    images = torch.from_numpy(split.images).float().div_(127.5).sub_(1)
    return images.movedim(-1, 1).contiguous() if flag.channels > 1 else images[:, None]


def mean_auc(flag: Flag, scores: Scores, split: Split) -> float:
    """Over the classes (labels) of which the split holds both kinds, one against the rest."""
    truth = _truth(flag, split)
    there = [column for column in range(flag.classes) if 0 < truth[:, column].sum() < len(truth)]
    return float(np.mean([roc_auc_score(truth[:, column], scores[:, column]) for column in there]))


def _merit(flag: Flag, scores: Scores, split: Split) -> float:
    if flag.task is Task.MULTI_LABEL:
        return mean_auc(flag, scores, split)
    return float((scores.argmax(axis=1) == split.labels[:, 0]).mean())


def _truth(flag: Flag, split: Split) -> Scores:
    """N×classes, 0 or 1."""
    labels = split.labels if flag.task is Task.MULTI_LABEL else np.eye(flag.classes)[split.labels[:, 0]]
    return np.asarray(labels, dtype=np.float64)


def _targets(flag: Flag, split: Split) -> npt.NDArray[np.generic]:
    several = flag.task is Task.MULTI_LABEL
    return split.labels.astype(np.float32) if several else split.labels[:, 0].astype(np.int64)


def _shares(flag: Flag, split: Split) -> Scores:
    return np.asarray(_truth(flag, split).mean(axis=0))


def _neighbour_scores(flag: Flag, train: Split, test: Split, count: int) -> Scores:
    """The mean truth of the training images that are nearest by Euclidean distance of their pixels."""
    known, asked = (split.images.reshape(len(split), -1).astype(np.float32) for split in (train, test))
    distances = (known**2).sum(axis=1) - 2 * asked @ known.T
    nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
    return np.asarray(_truth(flag, train)[nearest].mean(axis=1))


def line(found: Difficulty) -> str:
    several = found.flag.task is Task.MULTI_LABEL
    counts = counts_for(found.flag)
    cells = (
        found.flag.name,
        f"{counts['train']} / {counts['test']}",
        "mAUC" if several else "ACC",
        f"{found.majority:.3f}",
        f"{found.nearest:.3f}",
        f"{found.neighbours:.3f}",
        f"**{found.network:.3f}**",
        f"{found.network_auc:.3f}",
        f"{found.seconds:.0f}",
    )
    return f"| {' | '.join(cells)} |"


HEADER = """\
| flag | train / test | figure | majority | 1 neighbour | 11 neighbours | light network | its AUC | seconds |
|---|---|---|---|---|---|---|---|---|"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m medici_training.standins.table", description="How hard they are.")
    parser.add_argument("--flags", nargs="+", default=list(FLAGS), metavar="FLAG", help="default: all 18")
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--device", help="default: a GPU where there is one")
    options = parser.parse_args(arguments)
    try:
        chosen = [get(name) for name in options.flags]
        for flag in chosen:
            flag.check_size(options.size)
        on = computing(options.device)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(HEADER)
    for flag in chosen:
        print(line(measure(flag, options.size, options.seed, on)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
