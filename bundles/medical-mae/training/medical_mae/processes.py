"""Training in several processes, one per GPU, started by `torchrun --nproc_per_node=8 main_….py …`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from radiographs import Part
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from medici_training.devices import Computing


@dataclass(frozen=True)
class Process:
    rank: int = 0
    world: int = 1
    local: int = 0
    """Which one on its machine: the number of its GPU."""

    @property
    def is_first(self) -> bool:
        """The first one alone writes and tells."""
        return self.rank == 0

    @property
    def part(self) -> Part:
        return Part(self.rank, self.world)

    def device(self, asked: str) -> str | None:
        """The device's name for `medici_training.devices.computing`; None takes a GPU when one is there."""
        if asked == "cuda":
            return f"cuda:{self.local}" if torch.cuda.is_available() else None
        return asked


@contextmanager
def joined() -> Iterator[Process]:
    """This process among those that torchrun started; alone without it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Process()
        return
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Process(int(os.environ["RANK"]), world, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        torch.distributed.destroy_process_group()


def shared_model(model: nn.Module, process: Process, computing: Computing) -> nn.Module:
    """The model, its gradients averaged over all processes."""
    if process.world == 1:
        return model
    devices = [computing.device.index] if computing.is_gpu else None
    return DistributedDataParallel(model, device_ids=devices)
