"""Learning rates: per layer, and over time. After ELECTRA and BEiT as MAE uses them (`util/lr_decay.py`)."""

import math
from typing import Any

import torch
from torch import nn

SCALE = "lr_scale"
NO_DECAY = ("pos_embed", "cls_token")


def layer_of(name: str, depth: int) -> int:
    """0 for what embeds patches, 1 to `depth` for the blocks, `depth` + 1 for the norm and the head."""
    if name in NO_DECAY or name.startswith("patch_embed"):
        return 0
    if name.startswith("blocks."):
        return int(name.split(".")[1]) + 1
    return depth + 1


def layer_groups(network: nn.Module, *, depth: int, weight_decay: float, layer_decay: float) -> list[dict[str, Any]]:
    """Parameters grouped by layer and by whether they decay; `lr_scale` is layer_decay^(layers above).

    Vectors (biases, norms), positions and the class token have no weight decay.
    """
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        layer, decays = layer_of(name, depth), parameter.ndim > 1 and name not in NO_DECAY
        group = groups.setdefault(
            (layer, decays),
            {
                SCALE: layer_decay ** (depth + 1 - layer),
                "weight_decay": weight_decay if decays else 0.0,
                "params": [],
                "names": [],
            },
        )
        group["params"].append(parameter)
        group["names"].append(name)
    return list(groups.values())


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: matrices decay, vectors do not. As timm grouped them for MAE, tokens decay here."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]


def absolute_rate(lr: float | None, base: float, effective_batch: int) -> float:
    """`lr` if it is given, else the base rate for 256 images scaled to the batch (all processes together)."""
    return base * effective_batch / 256 if lr is None else lr


class WarmupCosine:
    """The rate of every batch: straight up over the warm-up, then half a cosine down to `lowest`.

    Call it after every batch; it sets the rate of the next one. `epoch` counts from 0 and may be a fraction.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        rate: float,
        epochs: int,
        batches: int,
        warmup: float = 0.0,
        lowest: float = 0.0,
        fixed: bool = False,
        done_epochs: int = 0,
    ) -> None:
        self.optimizer, self.rate, self.epochs, self.batches = optimizer, rate, epochs, batches
        self.warmup, self.lowest, self.fixed = warmup, lowest, fixed
        self.done = done_epochs * batches
        self._set()

    def __call__(self) -> None:
        self.done += 1
        self._set()

    def at(self, epoch: float) -> float:
        if epoch < self.warmup:
            return self.rate * epoch / self.warmup
        if self.fixed:
            return self.rate
        way = (epoch - self.warmup) / max(self.epochs - self.warmup, 1e-9)
        return self.lowest + (self.rate - self.lowest) * 0.5 * (1 + math.cos(math.pi * min(way, 1)))

    def _set(self) -> None:
        rate = self.at(self.done / self.batches)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get(SCALE, 1.0)


class Lars(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling (You et al., 2017) with momentum; vectors take plain steps."""

    def __init__(
        self, parameters: Any, *, lr: float, weight_decay: float = 0.0, momentum: float = 0.9, trust: float = 0.001
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "trust": trust}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # noqa: ARG002  the base class's signature
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)

    def _move(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        change = parameter.grad
        if parameter.ndim > 1:
            change = change.add(parameter, alpha=group["weight_decay"])
            own, wanted = parameter.norm(), change.norm()
            scale = torch.where((own > 0) & (wanted > 0), group["trust"] * own / wanted, torch.ones_like(own))
            change = change * scale
        state = self.state[parameter]
        momentum = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.mul_(group["momentum"]).add_(change)
        parameter.add_(momentum, alpha=-group["lr"])
