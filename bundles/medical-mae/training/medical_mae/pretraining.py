"""Pre-training of the masked autoencoder: AdamW, warm-up and half a cosine, checkpoints to go on from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from autoencoder import MaskedAutoencoder
from checkpoints import CheckpointUnfit, load_whole, read_checkpoint, write_checkpoint
from processes import Process, shared_model
from radiographs import Joined, batches_per_epoch, shuffled_batches
from rates import WarmupCosine, decay_groups

from medici_training.devices import Computing
from medici_training.loops import Say, fit

BETAS = (0.9, 0.95)


@dataclass(frozen=True)
class Pretraining:
    """The published recipe; rates are those of the whole run, `batch_size` is per process."""

    epochs: int = 800
    batch_size: int = 256
    rate: float = 1.5e-4
    """The absolute one: `rates.absolute_rate` makes it of the base rate."""
    lowest: float = 0.0
    warmup: float = 40
    weight_decay: float = 0.05
    fixed: bool = False
    workers: int = 0
    keep_every: int = 20
    """Epochs between checkpoints; the last one is always kept."""


def pretrain(  # noqa: PLR0913  a training run is these facts
    model: MaskedAutoencoder,
    images: Joined,
    recipe: Pretraining,
    *,
    computing: Computing,
    process: Process,
    output: Path | None = None,
    resume: Path | None = None,
    facts: dict[str, object] | None = None,
    say: Say = print,
) -> float:
    """Train in place; returns the mean loss of the last epoch. Writes checkpoint-<epoch>.pth to `output`.

    Raises ValueError with one sentence when a checkpoint does not fit, or the loss is no number any more.
    """
    model = computing.placed(model)
    optimizer = torch.optim.AdamW(decay_groups(model, recipe.weight_decay), lr=recipe.rate, betas=BETAS)
    done = _resumed(model, optimizer, resume) if resume else 0
    if done >= recipe.epochs:
        raise ValueError(f"{resume} has trained for {done} epochs already: ask for more than {done} with --epochs.")
    batches = batches_per_epoch(len(images), recipe.batch_size, process.world)
    schedule = WarmupCosine(
        optimizer,
        rate=recipe.rate,
        epochs=recipe.epochs,
        batches=batches,
        warmup=recipe.warmup,
        lowest=recipe.lowest,
        fixed=recipe.fixed,
        done_epochs=done,
    )
    history = fit(
        shared_model(model, process, computing),
        shuffled_batches(
            images,
            batch_size=recipe.batch_size,
            first_epoch=done + 1,
            part=process.part,
            workers=recipe.workers,
            pinned=computing.is_gpu,
        ),
        loss=lambda output, _: output[0],
        optimizer=optimizer,
        epochs=recipe.epochs,
        first_epoch=done + 1,
        computing=computing,
        after_batch=schedule,
        after_epoch=_keeping(model, optimizer, recipe, output if process.is_first else None, facts or {}),
        say=say if process.is_first else _silent,
    )
    return history.epochs[-1].loss


def _resumed(model: MaskedAutoencoder, optimizer: torch.optim.Optimizer, path: Path) -> int:
    """How many epochs the checkpoint has behind it."""
    found = read_checkpoint(path)
    load_whole(model, found["model"])
    if "optimizer" not in found or "epoch" not in found:
        raise CheckpointUnfit(f"{path} cannot be resumed: it holds no state of an optimizer and no epoch.")
    try:
        optimizer.load_state_dict(found["optimizer"])
    except ValueError as error:
        raise CheckpointUnfit(f"{path} cannot be resumed: its optimizer has other parameters ({error}).") from error
    return int(found["epoch"]) + 1


def _keeping(
    model: MaskedAutoencoder,
    optimizer: torch.optim.Optimizer,
    recipe: Pretraining,
    output: Path | None,
    facts: dict[str, object],
) -> Callable[[int], object]:
    def keep(number: int) -> None:
        last = number == recipe.epochs
        if output and (last or (recipe.keep_every and (number - 1) % recipe.keep_every == 0)):
            path = output / f"checkpoint-{number - 1}.pth"  # counted from 0, as the published ones are
            write_checkpoint(path, model, optimizer=optimizer, epoch=number - 1, **facts)

    return keep


def _silent(_: str) -> None:
    pass
