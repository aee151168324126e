"""Checkpoints: MedicalNet's published ones as a start, and our own to go on from."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medici_training.volumes.resnet import Trunk

PARALLEL_PREFIX = "module."
HEADS = ("conv_seg", "fc")
COUNTER = "num_batches_tracked"
"""Of batch normalisation; older versions of torch did not store it, and nothing here needs it."""
MOST_NAMES = 4

State = Mapping[str, torch.Tensor]


class CheckpointUnfit(Exception):
    """A checkpoint cannot be used; one sentence naming the file and what does not fit."""


@dataclass
class Run:
    """What is trained: everything that a run needs to go on as if it had never stopped."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint by name, without the prefix of parallel training. Raises CheckpointUnfit.

    Nothing but tensors and plain values is read: a checkpoint runs no code.
    """
    held = _read(path)
    state = held.get("state_dict", held) if isinstance(held, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointUnfit(f"{path} holds no weights: a checkpoint has a `state_dict` of tensors.")
    return {str(name).removeprefix(PARALLEL_PREFIX): value for name, value in state.items()}


def load_pretrained(network: Trunk, path: Path) -> int:
    """Take the trunk's weights from a checkpoint of MedicalNet; the task's new layers stay as they are.

    Returns how many arrays were taken. Raises CheckpointUnfit when the trunks differ, naming the arrays.
    """
    state = {name: value for name, value in read_state(path).items() if name.split(".")[0] not in HEADS}
    wanted = {name: value for name, value in network.state_dict().items() if name.split(".")[0] not in HEADS}
    _require_fit(path, wanted, state)
    network.load_state_dict(state, strict=False)
    return len(state)


def load_trained(network: nn.Module, path: Path) -> None:
    """Take all weights, the head's too. Raises CheckpointUnfit when they are another network's."""
    state = read_state(path)
    _require_fit(path, network.state_dict(), state)
    network.load_state_dict(state, strict=False)


def save(path: Path, run: Run, *, epoch: int, settings: Mapping[str, object] | None = None) -> None:
    """Write a run's state after `epoch` epochs, and what describes its network: a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    held = {
        "epoch": epoch,
        "batch_id": 0,
        "settings": dict(settings or {}),
        "state_dict": plain(run.network).state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
    }
    torch.save(held, unfinished)
    unfinished.replace(path)


def read_settings_of(path: Path) -> dict[str, Any]:
    """What `save` was told of the network; empty for checkpoints of other programs. Raises CheckpointUnfit."""
    held = _read(path)
    return dict(held.get("settings") or {}) if isinstance(held, Mapping) else {}


def resume(path: Path, run: Run) -> int:
    """Put a run into the state that `save` wrote, and return the number of its epochs. Raises CheckpointUnfit."""
    held = _read(path)
    if not isinstance(held, Mapping) or not {"epoch", "state_dict", "optimizer", "schedule"} <= set(held):
        raise CheckpointUnfit(f"{path} is no checkpoint to go on from; give weights alone with --pretrain_path.")
    load_trained(plain(run.network), path)
    try:
        run.optimizer.load_state_dict(held["optimizer"])
    except ValueError as error:
        raise CheckpointUnfit(f"{path} was trained with other groups of layers: {error}.") from error
    run.schedule.load_state_dict(held["schedule"])
    return int(held["epoch"])


def plain(network: nn.Module) -> nn.Module:
    """The network itself, without what distributes its training."""
    inner = getattr(network, "module", network)
    return inner if isinstance(inner, nn.Module) else network


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointUnfit(f"There is no checkpoint {path}.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CheckpointUnfit(f"{path} is no checkpoint of tensors that torch can read.") from error


def _require_fit(path: Path, wanted: State, state: State) -> None:
    missing = [name for name in wanted if name not in state and not name.endswith(COUNTER)]
    unknown = [name for name in state if name not in wanted]
    shapes = [
        f"{name} ({_shape(state[name])} for {_shape(value)})"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    faults = [
        f"{title}: {_some(names)}"
        for title, names in (("it lacks", missing), ("it has besides", unknown), ("of other shapes are", shapes))
        if names
    ]
    if faults:
        raise CheckpointUnfit(f"{path} is of another network; check depth, shortcut and classes ({'; '.join(faults)}).")


def _shape(value: torch.Tensor) -> str:
    return "x".join(map(str, value.shape)) or "one number"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
