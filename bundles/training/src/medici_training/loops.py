"""The training loop that all challenges share: batches in, the best model out.

A challenge brings its model, its batches, its loss and its figure of merit; this brings order, mixed precision,
schedules, the choice of the best epoch, early stopping and one line of log per epoch.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medici_training.devices import Computing

Batch = tuple[torch.Tensor, torch.Tensor]
"""Inputs and targets, in whatever shapes model and loss take."""
Batches = Callable[[], Iterable[Batch]]
"""Called once per epoch, so that every epoch may be shuffled and augmented anew."""
Loss = Callable[[Any, torch.Tensor], torch.Tensor]
"""From the model's output and the targets to a scalar."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Epoch:
    number: int
    """Counted from 1."""
    loss: float
    """Mean over the training samples."""
    figures: dict[str, float]
    """What validation measured."""
    seconds: float


@dataclass
class History:
    epochs: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None
    best_state: dict[str, torch.Tensor] | None = None
    """The weights of the best epoch, on the CPU."""


@dataclass(frozen=True)
class Selection:
    """Which epoch is best, by a figure of validation, and when there is no use in going on."""

    figure: str
    larger_is_better: bool = True
    patience: int | None = None
    """Stop after so many epochs without a gain; None: never."""

    def gain(self, new: float, best: float) -> bool:
        if math.isnan(new):
            return False
        return math.isnan(best) or (new > best if self.larger_is_better else new < best)


def fit(  # noqa: PLR0913  a training run is these facts
    model: torch.nn.Module,
    batches: Batches,
    *,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    computing: Computing,
    first_epoch: int = 1,
    after_batch: Callable[[], object] = lambda: None,
    after_epoch: Callable[[int], object] = lambda _: None,
    validate: Callable[[torch.nn.Module], dict[str, float]] | None = None,
    selection: Selection | None = None,
    clip_norm: float | None = None,
    to_training: Callable[[torch.nn.Module], object] = torch.nn.Module.train,
    say: Say = print,
) -> History:
    """Train for `epochs`, measuring after each; with a `selection` the model ends with the weights of its best epoch.

    `first_epoch` goes on where an earlier run stopped. Schedules are stepped by `after_batch` or by `after_epoch`,
    which gets the epoch's number. `to_training` puts the model into its training mode: probing may keep parts of it
    still. Raises ValueError when there is no epoch to train, and when the loss is no number any more, naming the epoch.
    """
    if epochs < first_epoch:
        raise ValueError(f"There is nothing to train: {epochs} epochs, of which {first_epoch - 1} are done.")
    history = History()
    scaler = torch.amp.GradScaler(enabled=computing.amp and computing.half == torch.float16)
    for number in range(first_epoch, epochs + 1):
        began = time.perf_counter()
        to_training(model)
        step = _Step(model, loss, optimizer, computing, scaler, clip_norm)
        mean = _one_epoch(step, batches(), after_batch)
        if not math.isfinite(mean):
            raise ValueError(f"The training loss is {mean} in epoch {number}: lower the learning rate.")
        after_epoch(number)
        figures = validate(model) if validate else {}
        epoch = Epoch(number, mean, figures, time.perf_counter() - began)
        history.epochs.append(epoch)
        say(_line(epoch, epochs))
        if selection and _should_stop(history, epoch, model, selection):
            break
    if history.best_state is not None:
        model.load_state_dict(history.best_state)
    return history


@dataclass
class _Step:
    model: torch.nn.Module
    loss: Loss
    optimizer: torch.optim.Optimizer
    computing: Computing
    scaler: Any
    clip_norm: float | None

    def __call__(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        with self.computing.precision():
            value = self.loss(self.model(self.computing.moved(inputs)), self.computing.moved(targets))
        self.scaler.scale(value).backward()
        if self.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return float(value.detach())


def _one_epoch(step: _Step, batches: Iterable[Batch], after_batch: Callable[[], object]) -> float:
    """The mean loss over the samples."""
    total, count = 0.0, 0
    for inputs, targets in batches:
        total += step(inputs, targets) * len(inputs)
        count += len(inputs)
        after_batch()
    if count == 0:
        raise ValueError("There is no training batch: the training set is empty or smaller than one batch.")
    return total / count


def _should_stop(history: History, epoch: Epoch, model: torch.nn.Module, selection: Selection) -> bool:
    if selection.figure not in epoch.figures:
        return False  # validation may sit out an epoch
    best = history.best.figures[selection.figure] if history.best else math.nan
    if history.best is None or selection.gain(epoch.figures[selection.figure], best):
        history.best = epoch
        history.best_state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    return selection.patience is not None and epoch.number - history.best.number >= selection.patience


def _line(epoch: Epoch, epochs: int) -> str:
    figures = "".join(f", {name} {value:.4f}" for name, value in epoch.figures.items())
    return f"epoch {epoch.number}/{epochs}: loss {epoch.loss:.4f}{figures} ({epoch.seconds:.1f} s)"


@torch.no_grad()
def predict(
    model: torch.nn.Module,
    batches: Iterable[torch.Tensor],
    *,
    computing: Computing,
    activation: Callable[[torch.Tensor], torch.Tensor] = lambda output: output,
) -> npt.NDArray[np.float32]:
    """The model's outputs for all inputs, in evaluation mode: an array whose first axis is the samples."""
    model.eval()
    parts = []
    for inputs in batches:
        with computing.precision():
            output = model(computing.moved(inputs))
        parts.append(activation(output.float()).cpu().numpy())
    if not parts:
        raise ValueError("There is nothing to predict: the set is empty.")
    return np.concatenate(parts)


def shuffled(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    batch_size: int,
    generator: torch.Generator,
    augment: Callable[[torch.Tensor], torch.Tensor] = lambda batch: batch,
    drop_last: bool = False,
) -> Batches:
    """Batches of two tensors in memory, in a new order at every call. Raises ValueError for a batch of nothing."""
    _check_batch(batch_size)

    def epoch() -> Iterator[Batch]:
        order = torch.randperm(len(inputs), generator=generator)
        for chosen in order.split(batch_size):
            if drop_last and len(chosen) < batch_size:
                return
            yield augment(inputs[chosen]), targets[chosen]

    return epoch


def in_order(inputs: torch.Tensor, *, batch_size: int) -> Iterable[torch.Tensor]:
    _check_batch(batch_size)
    return inputs.split(batch_size)


def _check_batch(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"A batch holds 1 sample or more, not {batch_size}.")
