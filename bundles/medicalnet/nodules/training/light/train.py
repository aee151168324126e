"""Transfer MedicalNet of depth 10 to nodules, benign or malignant; seconds on two cores.

Reads /mnt/in (train.txt and val.txt, lines `image class`, images/) and writes /mnt/out/model.pth and training.json.
`--pretrain_path` takes a published checkpoint of MedicalNet: the trunk is taken over, the linear layer `fc` is new and
learns 100 times faster. Without one, all of it learns from scratch at the same rate.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import torch
from network import CLASSES, build_network, prepare
from torch.nn.functional import cross_entropy

from medici_training.devices import Computing, computing, seed_everything
from medici_training.loops import Selection, fit, in_order, predict, shuffled
from medici_training.metering import Meter, write_cost
from medici_training.volumes.checkpoints import CheckpointUnfit, load_pretrained
from medici_training.volumes.lists import ListUnusable, read_list
from medici_training.volumes.nifti import VolumeUnusable, read_volume
from medici_training.volumes.resnet import ClassificationNet

MODEL = "model.pth"
NEW_LAYERS_RATE = 100
MIRRORED_AXES = (2, 3, 4)

Patches = tuple[torch.Tensor, torch.Tensor]
"""Nx1xDxHxW prepared patches and N numbers of classes."""


def read_patches(folder: Path, list_name: str) -> Patches:
    """Raises ListUnusable or VolumeUnusable, a sentence each."""
    cases = read_list(folder / list_name)
    wrong = [case.label for case in cases if case.label not in map(str, range(len(CLASSES)))]
    if wrong:
        raise ListUnusable(f"{folder / list_name} holds the class {wrong[0]}; 0 is benign and 1 malignant.")
    patches = np.stack([prepare(read_volume(folder / case.image).values) for case in cases])
    return torch.from_numpy(patches)[:, None], torch.tensor([int(case.label) for case in cases])


def groups(network: ClassificationNet, rate: float, *, pretrained: bool) -> list[dict[str, object]]:
    """Pretrained layers at the rate, new ones at 100 times that; without pretraining one rate for all."""
    new = list(network.fc.parameters())
    known = {id(value) for value in new}
    old = [value for value in network.parameters() if id(value) not in known]
    return [{"params": old, "lr": rate}, {"params": new, "lr": rate * (NEW_LAYERS_RATE if pretrained else 1)}]


def mirrored(batch: torch.Tensor) -> torch.Tensor:
    """Along axes drawn for the whole batch: a nodule has no preferred side."""
    axes = [axis for axis in MIRRORED_AXES if torch.rand(()) < 0.5]  # noqa: PLR2004  one half
    return batch.flip(axes) if axes else batch


def accuracy_on(patches: Patches, where: Computing, batch: int) -> dict[str, float]:
    inputs, classes = patches

    def measure(network: torch.nn.Module) -> dict[str, float]:
        scores = predict(network, in_order(inputs, batch_size=batch), computing=where)
        return {"accuracy": float((scores.argmax(axis=1) == classes.numpy()).mean())}

    return measure


def train(chosen: argparse.Namespace) -> None:
    meter, where = Meter(), computing()
    order = seed_everything(chosen.seed)
    training, validation = read_patches(chosen.input, "train.txt"), read_patches(chosen.input, "val.txt")
    network = build_network()
    if chosen.pretrain_path:
        load_pretrained(network, chosen.pretrain_path)
    network = where.placed(network)
    optimizer = torch.optim.AdamW(groups(network, chosen.lr, pretrained=bool(chosen.pretrain_path)))
    steps = chosen.epochs * -(-len(training[1]) // chosen.batch)
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps)
    history = fit(
        network,
        shuffled(*training, batch_size=chosen.batch, generator=order, augment=mirrored),
        loss=cross_entropy,
        optimizer=optimizer,
        epochs=chosen.epochs,
        computing=where,
        after_batch=schedule.step,
        validate=accuracy_on(validation, where, chosen.batch),
        selection=Selection("accuracy"),
    )
    chosen.output.mkdir(parents=True, exist_ok=True)
    torch.save(network.cpu().state_dict(), chosen.output / MODEL)
    best, cost = history.best.figures["accuracy"], meter.cost()
    write_cost(chosen.output, cost, validation_accuracy=best)
    print(f"Wrote {chosen.output / MODEL}, validation accuracy {best:.4f}, after {cost}.")


def main() -> None:
    setting = os.environ.get
    parser = argparse.ArgumentParser(description="Train MedicalNet of depth 10 on nodules.")
    parser.add_argument("--input", type=Path, default=Path(setting("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(setting("OUT", "/mnt/out")))
    parser.add_argument("--pretrain_path", type=Path, help="a checkpoint of MedicalNet, depth 10, shortcut B")
    parser.add_argument("--lr", type=float, default=float(setting("LR", "1e-3")), help="highest learning rate")
    parser.add_argument("--epochs", type=int, default=int(setting("EPOCHS", "10")))
    parser.add_argument("--batch", type=int, default=int(setting("BATCH", "8")), help="patches per step")
    parser.add_argument("--seed", type=int, default=int(setting("SEED", "0")))
    try:
        train(parser.parse_args())
    except (CheckpointUnfit, ListUnusable, VolumeUnusable, ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
