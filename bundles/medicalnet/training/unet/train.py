"""Train a small U-Net on the lungs: a yardstick for MedicalNet. Seconds on two cores.

Reads /mnt/in (train.txt and val.txt, images/, labels/) and writes /mnt/out/model.pth and training.json. The epoch with
the best mean Dice on the validation cases is kept.
"""

import argparse
import sys

import torch
from lungs import mean_dice, options, read_scans
from monai.losses import DiceCELoss
from network import build_network, prepare

from medici_training.devices import computing, seed_everything
from medici_training.loops import Selection, fit, shuffled
from medici_training.metering import Meter, write_cost
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable

MODEL = "model.pth"
EPOCHS = 15
RATE = 3e-3


def train(chosen: argparse.Namespace) -> float:
    """Returns the validation Dice of the model that was written."""
    meter = Meter()
    where = computing()
    order = seed_everything(chosen.seed)
    training = read_scans(chosen.input, "train.txt", prepare)
    validation = read_scans(chosen.input, "val.txt", prepare)
    network = where.placed(build_network())
    history = fit(
        network,
        shuffled(training.inputs, training.targets[:, None], batch_size=chosen.batch, generator=order),
        loss=DiceCELoss(to_onehot_y=True, softmax=True),
        optimizer=torch.optim.Adam(network.parameters(), chosen.lr),
        epochs=chosen.epochs,
        computing=where,
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
        train(options("Train a small U-Net on the lungs.", epochs=EPOCHS, rate=RATE))
    except (ListUnusable, VolumeUnusable, ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
