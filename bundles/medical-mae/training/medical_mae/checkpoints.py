"""Checkpoints in the published form: {"model": tensors by name, "optimizer", "epoch", "args"}.

Those of Medical MAE and of MAE load here, and ours load there: the names of all tensors are theirs. Files are read
without running any code in them.
"""

import argparse
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from positions import interpolated
from torch import nn

State = dict[str, torch.Tensor]

HEAD = ("head.weight", "head.bias")
NORMS = ("fc_norm.weight", "fc_norm.bias", "norm.weight", "norm.bias")
DECODER = ("decoder_", "mask_token")
POSITIONS = ("pos_embed", "decoder_pos_embed")
MOST_NAMES = 5


class CheckpointUnfit(ValueError):
    """The checkpoint cannot be used here; one sentence saying why."""


@dataclass(frozen=True)
class Loaded:
    """What became of a checkpoint's tensors."""

    taken: int
    new: tuple[str, ...] = ()
    """Tensors of the network that stay as they were made."""
    unused: tuple[str, ...] = ()
    """Tensors of the checkpoint without a place here."""
    moved: tuple[str, ...] = ()
    """Positions that were interpolated to another grid."""

    def __str__(self) -> str:
        parts = [f"{self.taken} tensors loaded"]
        parts += [f"interpolated to another size: {_some(self.moved)}"] if self.moved else []
        parts += [f"left new: {_some(self.new)}"] if self.new else []
        parts += [f"not used: {_some(self.unused)}"] if self.unused else []
        return "; ".join(parts) + "."


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The whole checkpoint; a bare mapping of tensors becomes its `model`. Raises CheckpointUnfit."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointUnfit(f"The checkpoint {path} is not there.") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointUnfit(f"{path} is no checkpoint that can be read without running code in it.") from error
    except OSError as error:
        raise CheckpointUnfit(f"The checkpoint {path} cannot be read: {error.strerror}.") from error
    if not isinstance(found, dict):
        raise CheckpointUnfit(f"{path} holds no mapping of tensors.")
    if "model" not in found:
        found = {"model": found.get("state_dict", found)}
    model = found["model"]
    if not isinstance(model, Mapping) or not all(isinstance(value, torch.Tensor) for value in model.values()):
        raise CheckpointUnfit(f"{path} holds no tensors by name under `model`.")
    return {**found, "model": {name.removeprefix("module."): value for name, value in model.items()}}


def write_checkpoint(
    path: Path, model: nn.Module, *, optimizer: torch.optim.Optimizer | None = None, **facts: object
) -> Path:
    """Write the model's tensors, and whatever else is known. Written beside, then moved: a crash leaves the old one."""
    state = {name.removeprefix("module."): value.detach().cpu() for name, value in model.state_dict().items()}
    content: dict[str, object] = {"model": state, **facts}
    if optimizer is not None:
        content["optimizer"] = optimizer.state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    torch.save(content, beside)
    return beside.replace(path)


def load_encoder(network: nn.Module, state: State) -> Loaded:
    """Begin a classifier with a pre-trained encoder, as fine-tuning does.

    The decoder of an autoencoder is not used. The head stays new where its shape differs; with average pooling so does
    the norm before it, even if the checkpoint has one (as published). Raises CheckpointUnfit where the encoder is not
    all there, or has other shapes.
    """
    own = network.state_dict()
    renewed = {*NORMS[:2]} | {name for name in HEAD if name in state and state[name].shape != own[name].shape}
    optional = {*HEAD, *NORMS}
    expected_unused = [name for name in state if name.startswith(DECODER) or name in {*NORMS} - own.keys()]
    offered = {name: value for name, value in state.items() if name not in {*expected_unused, *renewed}}
    return _load(network, offered, may_stay_new=optional & own.keys(), named_unused=True)


def load_whole(network: nn.Module, state: State) -> Loaded:
    """All tensors of the network, from one of the same architecture, at another size if need be.

    Raises CheckpointUnfit where any is missing, left over, or of another shape.
    """
    return _load(network, dict(state), may_stay_new=set(), named_unused=False)


def _load(network: nn.Module, offered: State, *, may_stay_new: set[str], named_unused: bool) -> Loaded:
    own = network.state_dict()
    missing = [name for name in own if name not in offered and name not in may_stay_new]
    unused = [name for name in offered if name not in own]
    if missing or (unused and not named_unused):
        raise CheckpointUnfit(_unfit(missing, unused))
    moved = []
    for name in POSITIONS:
        if name in own and name in offered and offered[name].shape[1] != own[name].shape[1]:
            offered[name] = interpolated(offered[name], own[name].shape[1])
            moved.append(name)
    other = [name for name in own if name in offered and offered[name].shape != own[name].shape]
    if other:
        shapes = [f"{name} is {_shape(offered[name])}, not {_shape(own[name])}" for name in other]
        raise CheckpointUnfit(f"The checkpoint is of another network: {_some(shapes)}.")
    network.load_state_dict({name: offered[name] for name in own if name in offered}, strict=False)
    new = tuple(name for name in own if name not in offered)
    return Loaded(len(own) - len(new), new, tuple(unused), tuple(moved))


def _unfit(missing: Sequence[str], unused: Sequence[str]) -> str:
    faults = [f"lacks {_some(missing)}"] if missing else []
    faults += [f"holds {_some(unused)}, for which there is no place"] if unused else []
    return f"The checkpoint does not fit this network: it {' and '.join(faults)}."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape))
