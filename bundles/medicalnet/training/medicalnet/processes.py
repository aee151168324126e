"""One process per GPU: torch's DistributedDataParallel, under torchrun, or started by `--gpu_id 0 1` alone."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from medici_training.devices import Computing, computing

STARTED_BY_TORCHRUN = "LOCAL_RANK"


@dataclass(frozen=True)
class Processes:
    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """The one that writes and speaks."""
        return self.rank == 0

    def spread(self, network: torch.nn.Module, where: Computing) -> torch.nn.Module:
        """Gradients are averaged over all processes; alone, the network stays as it is."""
        if self.count == 1:
            return network
        return DistributedDataParallel(network, device_ids=[where.device.index] if where.is_gpu else None)


def restart_for_each(devices: tuple[int, ...], *, no_cuda: bool) -> None:
    """With several devices and not yet under torchrun, become torchrun with one process for each of them.

    Without CUDA the processes share the CPUs.
    """
    if len(devices) < 2 or STARTED_BY_TORCHRUN in os.environ:  # noqa: PLR2004  several
        return
    if not no_cuda:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
    starter = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={len(devices)}"]
    sys.stdout.flush()
    os.execv(sys.executable, [*starter, *sys.argv])  # noqa: S606  the same program, by its own path


def device(devices: tuple[int, ...], *, no_cuda: bool, amp: bool) -> Computing:
    """The device of this process. Raises ValueError when there is no such GPU."""
    if no_cuda or not torch.cuda.is_available():
        return computing("cpu")
    under_torchrun = STARTED_BY_TORCHRUN in os.environ
    number = int(os.environ[STARTED_BY_TORCHRUN]) if under_torchrun else devices[0]
    return computing(f"cuda:{number}", amp=amp, channels_last=False)


@contextmanager
def processes(where: Computing) -> Iterator[Processes]:
    """This process among the others; alone when torchrun has not started it."""
    if STARTED_BY_TORCHRUN not in os.environ:
        yield Processes()
        return
    if where.is_gpu:
        torch.cuda.set_device(where.device)
    distributed.init_process_group("nccl" if where.is_gpu else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), int(os.environ[STARTED_BY_TORCHRUN]))
    finally:
        distributed.destroy_process_group()
