"""Train the light model: MedicalNet of depth 10 on the lungs, from scratch. Less than a minute on two cores.

Reads /mnt/in (train.txt and val.txt, images/, labels/) and writes /mnt/out/model.pth and training.json. The epoch with
the best mean Dice on the validation cases is kept.
"""

import argparse
import sys

import torch
from lungs import mean_dice, options, read_scans
from network import CLASSES, build_network, prepare
from torch.nn.functional import cross_entropy

from medici_training.devices import computing, seed_everything
from medici_training.loops import Selection, fit, shuffled
from medici_training.metering import Meter, write_cost
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable
from medici_training.volumes.segmentation import class_shares

MODEL = "model.pth"
EPOCHS = 16
RATE = 1e-3


def loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with the shares of the classes in every output voxel."""
    return cross_entropy(scores, class_shares(labels, len(CLASSES), tuple(scores.shape[2:])))


def train(chosen: argparse.Namespace) -> float:
    """Returns the validation Dice of the model that was written."""
    meter = Meter()
    where = computing()
    order = seed_everything(chosen.seed)
    training = read_scans(chosen.input, "train.txt", prepare)
    validation = read_scans(chosen.input, "val.txt", prepare)
    network = where.placed(build_network())
    optimizer = torch.optim.AdamW(network.parameters(), chosen.lr)
    inputs, targets = training.inputs, training.targets
    steps = chosen.epochs * -(-len(inputs) // chosen.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, chosen.lr, total_steps=steps)
    history = fit(
        network,
        shuffled(inputs, targets, batch_size=chosen.batch, generator=order),
        loss=loss,
        optimizer=optimizer,
        epochs=chosen.epochs,
        computing=where,
        after_batch=schedule.step,
        validate=mean_dice(validation, where),
        selection=Selection("dice"),
    )
    chosen.output.mkdir(parents=True, exist_ok=True)
    torch.save(network.cpu().state_dict(), chosen.output / MODEL)
    best, cost = history.best.figures["dice"], meter.cost()
    write_cost(chosen.output, cost, validation_dice=best)
    print(f"Wrote {chosen.output / MODEL}, validation Dice {best:.4f}, after {cost}.")
    return best


def main() -> None:
    try:
        train(options("Train MedicalNet of depth 10 on the lungs.", epochs=EPOCHS, rate=RATE))
    except (ListUnusable, VolumeUnusable, ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
