"""Fine-tuning and linear probing of a classifier, the best epoch chosen on the validation images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from network import VisionTransformer
from processes import Process, shared_model
from radiographs import Joined, Radiographs, batches_per_epoch, shuffled_batches, views_in_order
from rates import Lars, WarmupCosine, layer_groups
from torch import nn
from torch.nn import functional

from medici_scoring.auc import auc_report
from medici_training.devices import Computing
from medici_training.loops import Say, Selection, fit, predict

Scores = npt.NDArray[np.float32]
PROBE_EPSILON = 1e-6


@dataclass(frozen=True)
class Finetuning:
    """The published recipe for ChestX-ray14; `batch_size` is per process."""

    epochs: int = 75
    batch_size: int = 128
    rate: float = 1.25e-4
    """The absolute one."""
    lowest: float = 1e-5
    warmup: float = 5
    weight_decay: float = 0.05
    layer_decay: float = 0.55
    clip_norm: float | None = None
    fixed: bool = False
    every: int = 10
    """Validate after the first and then after every so many epochs, and after the last one."""
    workers: int = 0
    single_label: bool = False
    """One class is true (cross-entropy, accuracy) instead of any number of them (binary, mean AUC)."""

    @property
    def figure(self) -> str:
        return "ACC" if self.single_label else "mAUC"


def finetune(
    network: VisionTransformer,
    training: Radiographs,
    validation: Radiographs,
    recipe: Finetuning,
    *,
    computing: Computing,
    process: Process,
    say: Say = print,
) -> float:
    """Train in place, ending with the weights of the best validated epoch; returns its figure, 0 to 1."""
    depth = network.shape.depth
    groups = layer_groups(network, depth=depth, weight_decay=recipe.weight_decay, layer_decay=recipe.layer_decay)
    for group in groups:
        del group["names"]  # an optimizer of torch takes names in a form of its own
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate)
    return _fit(network, optimizer, training, validation, recipe, computing=computing, process=process, say=say)


def probe(
    network: VisionTransformer,
    training: Radiographs,
    validation: Radiographs,
    recipe: Finetuning,
    *,
    computing: Computing,
    process: Process,
    say: Say = print,
) -> float:
    """Train the head alone, behind a batch norm without parameters; afterwards the norm is part of the head.

    LARS, no layer-wise rates. Published so for MAE (`main_linprobe.py`).
    """
    for parameter in network.parameters():
        parameter.requires_grad = False
    width = network.shape.width
    head = nn.Linear(width, network.head.out_features)
    nn.init.trunc_normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    network.head = nn.Sequential(nn.BatchNorm1d(width, eps=PROBE_EPSILON, affine=False), head)
    optimizer = Lars(network.head.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    best = _fit(network, optimizer, training, validation, recipe, computing=computing, process=process, say=say)
    network.head = folded(network.head)
    return best


def folded(head: nn.Sequential) -> nn.Linear:
    """One linear map that does what a batch norm and the linear map behind it do in evaluation."""
    norm, linear = head
    scale = (norm.running_var + norm.eps).rsqrt()
    one = nn.Linear(linear.in_features, linear.out_features, device=linear.weight.device)
    with torch.no_grad():
        one.weight.copy_(linear.weight * scale)
        one.bias.copy_(linear.bias - one.weight @ norm.running_mean)
    return one


def _fit(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    training: Radiographs,
    validation: Radiographs,
    recipe: Finetuning,
    *,
    computing: Computing,
    process: Process,
    say: Say,
) -> float:
    network = computing.placed(network)
    images = Joined([training], labelled=True)
    schedule = WarmupCosine(
        optimizer,
        rate=recipe.rate,
        epochs=recipe.epochs,
        batches=batches_per_epoch(len(images), recipe.batch_size, process.world),
        warmup=recipe.warmup,
        lowest=recipe.lowest,
        fixed=recipe.fixed,
    )
    history = fit(
        shared_model(network, process, computing),
        shuffled_batches(
            images,
            batch_size=recipe.batch_size,
            part=process.part,
            workers=recipe.workers,
            pinned=computing.is_gpu,
        ),
        loss=_one_of_many if recipe.single_label else functional.binary_cross_entropy_with_logits,
        optimizer=optimizer,
        epochs=recipe.epochs,
        computing=computing,
        after_batch=schedule,
        validate=_validating(validation, recipe, computing),
        selection=Selection(recipe.figure),
        clip_norm=recipe.clip_norm,
        say=say if process.is_first else _silent,
    )
    if history.best is None:
        raise ValueError("No epoch was validated: there is nothing to choose the best one by.")
    say(f"Best on the validation images: {recipe.figure} {history.best.figures[recipe.figure]:.4f}, "
        f"epoch {history.best.number}.")  # fmt: skip
    return history.best.figures[recipe.figure]


def scored(network: nn.Module, images: Radiographs, recipe: Finetuning, computing: Computing) -> Scores:
    """NxC probabilities, in the order of the images."""
    activation = _softmax if recipe.single_label else torch.sigmoid
    batches = views_in_order(images, batch_size=recipe.batch_size, workers=recipe.workers)
    return predict(network, batches, computing=computing, activation=activation)


def figure_of(truth: npt.NDArray[np.uint8], scores: Scores, *, single_label: bool) -> float:
    """Mean AUC over the classes that have one, or accuracy. NaN where no class has one."""
    if single_label:
        return float((truth.argmax(axis=1) == scores.argmax(axis=1)).mean())
    report = auc_report(truth, scores, names=[str(number) for number in range(truth.shape[1])])
    return float("nan") if report.mean is None else report.mean


def _validating(
    images: Radiographs, recipe: Finetuning, computing: Computing
) -> Callable[[nn.Module], dict[str, float]]:
    number = 0

    def validate(network: nn.Module) -> dict[str, float]:
        nonlocal number
        number += 1
        if (number - 1) % recipe.every and number != recipe.epochs:
            return {}
        scores = scored(network, images, recipe, computing)
        return {recipe.figure: figure_of(images.truth, scores, single_label=recipe.single_label)}

    return validate


def _one_of_many(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(output, targets.argmax(dim=1))


def _softmax(output: torch.Tensor) -> torch.Tensor:
    return output.softmax(dim=1)


def _silent(_: str) -> None:
    pass
