"""The three training procedures of the benchmark: end to end, linear probing, and k nearest neighbours.

End to end trains everything, linear probing the last layer alone. Both use AdamW, the learning rate following half a
cosine down to zero over the epochs, cross-entropy (multi-label: its binary form on logits) and no augmentation; they
stop after some epochs without a lower validation loss and keep the epoch with the lowest. As in the paper's code, a
network being probed is still put into training mode: the frozen part's running statistics of batch normalisation
follow the data, its weights do not. kNN trains nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from medici_training.benchmark.architectures import Built, Features, build, copied
from medici_training.benchmark.configuration import Config
from medici_training.benchmark.names import KNN, LINEAR_PROBING
from medici_training.benchmark.neighbours import Bank, as_truth
from medici_training.devices import Computing, seed_everything
from medici_training.loops import History, Loss, Say, Selection, fit, in_order, predict, shuffled
from medici_training.medmnist.flags import Flag, Task
from medici_training.medmnist.npz import Split

VALIDATION_LOSS = "val_loss"
State = dict[str, torch.Tensor]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    best: State
    final: State
    history: History


def build_for(config: Config) -> tuple[Built, torch.Generator]:
    """The configuration's network, and a generator for shuffling. The same seed begins with the same weights."""
    generator = seed_everything(config.seed)
    built = build(
        config.architecture, config.flag.classes, pad_to=config.pad_to, weights=config.weights, size=config.img_size
    )
    return built, generator


def train(
    config: Config, built: Built, splits: dict[str, Split], on: Computing, generator: torch.Generator, *, say: Say
) -> Trained:
    """End to end or linear probing; the network ends with the weights of its best epoch."""
    flag, loss = config.flag, _loss(config.flag)
    for parameter in built.network.parameters():
        parameter.requires_grad = config.training_procedure != LINEAR_PROBING
    built.head.requires_grad_(True)
    whole = on.placed(built.whole)
    learning = [parameter for parameter in whole.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.epochs)
    final: list[State] = []

    def after_epoch(_: int) -> None:
        schedule.step()
        final[:] = [copied(built.network)]

    training, validation = splits["train"], splits["val"]
    expected = targets(flag, validation)

    def validated(network: torch.nn.Module) -> dict[str, float]:
        batches = in_order(torch.from_numpy(validation.images), batch_size=config.batch_size_eval)
        return {VALIDATION_LOSS: float(loss(torch.from_numpy(predict(network, batches, computing=on)), expected))}

    images = torch.from_numpy(training.images)
    history = fit(
        whole,
        shuffled(images, targets(flag, training), batch_size=config.batch_size, generator=generator),
        loss=loss,
        optimizer=optimizer,
        epochs=config.epochs,
        computing=on,
        after_epoch=after_epoch,
        validate=validated,
        selection=Selection(VALIDATION_LOSS, larger_is_better=False, patience=config.patience),
        say=say,
    )
    return Trained(copied(built.network), final[0], history)


def network_scores(config: Config, built: Built, images: npt.NDArray[np.uint8], on: Computing) -> Scores:
    """N×classes: softmax, or sigmoids of multi-label data."""
    batches = in_order(torch.from_numpy(images), batch_size=config.batch_size_eval)
    return predict(on.placed(built.whole), batches, computing=on, activation=activation(config.flag)).astype(np.float64)


def features(config: Config, built: Built, images: npt.NDArray[np.uint8], on: Computing) -> npt.NDArray[np.float32]:
    """N×features: what the last layer gets to see."""
    batches = in_order(torch.from_numpy(images), batch_size=config.batch_size_eval)
    return predict(on.placed(Features(built)), batches, computing=on)


def fill_bank(config: Config, built: Built, training: Split, on: Computing) -> Bank:
    return Bank(features(config, built, training.images, on), as_truth(training.labels, config.flag.classes))


def scores(config: Config, built: Built, images: npt.NDArray[np.uint8], on: Computing, bank: Bank | None) -> Scores:
    """By the configuration's procedure; kNN needs the bank, and its scores are shares of votes."""
    if config.training_procedure != KNN:
        return network_scores(config, built, images, on)
    if bank is None:
        raise ValueError("kNN needs the features of the training images.")
    return bank.votes(features(config, built, images, on), k=config.k)


def activation(flag: Flag) -> Callable[[torch.Tensor], torch.Tensor]:
    return torch.sigmoid if flag.task is Task.MULTI_LABEL else lambda output: output.softmax(dim=1)


def targets(flag: Flag, split: Split) -> torch.Tensor:
    """N class numbers, or N×classes zeros and ones."""
    if flag.task is Task.MULTI_LABEL:
        return torch.from_numpy(split.labels).float()
    return torch.from_numpy(split.labels[:, 0]).long()


def _loss(flag: Flag) -> Loss:
    return torch.nn.BCEWithLogitsLoss() if flag.task is Task.MULTI_LABEL else torch.nn.CrossEntropyLoss()
