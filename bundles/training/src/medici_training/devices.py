"""Where and how training computes: device, threads, seeds, mixed precision, memory layout."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

CPUS_LIMIT = 16


@dataclass(frozen=True)
class Computing:
    """The device and the two settings that make GPUs fast; on a CPU both are off, whatever was asked."""

    device: torch.device
    amp: bool = False
    """Mixed precision: bfloat16 where the GPU has it, else float16 with a scaled loss."""
    channels_last: bool = False

    @property
    def is_gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def half(self) -> torch.dtype:
        return torch.bfloat16 if self.is_gpu and torch.cuda.is_bf16_supported() else torch.float16

    def placed(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model on the device, in the memory layout that convolutions there prefer."""
        model = model.to(self.device)
        return model.to(memory_format=torch.channels_last) if self.channels_last else model

    def moved(self, batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(self.device, non_blocking=True)
        images_2d = 4  # N, C, H, W
        if self.channels_last and batch.ndim == images_2d:
            return batch.contiguous(memory_format=torch.channels_last)
        return batch

    @contextmanager
    def precision(self) -> Iterator[None]:
        with torch.autocast(self.device.type, dtype=self.half, enabled=self.amp):
            yield


def computing(device: str | None = None, *, amp: bool = True, channels_last: bool = True) -> Computing:
    """`device` in torch's words (`cpu`, `cuda:0`); None takes a GPU when one is there.

    Raises ValueError with one sentence when there is no such device, or it is not there.
    """
    try:
        chosen = torch.device(device or ("cuda:0" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise ValueError(f"There is no device {device!r}: choose `cpu` or, for the first GPU, `cuda:0`.") from None
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"There is no GPU {chosen.index or 0} here: choose `cpu`, or leave the device out.")
    is_gpu = chosen.type == "cuda"
    if not is_gpu:
        torch.set_num_threads(usable_cpus())
    return Computing(chosen, amp=amp and is_gpu, channels_last=channels_last and is_gpu)


def usable_cpus() -> int:
    """CPUs that this process may use: OMP_NUM_THREADS, or the quota of its container, or those of the machine."""
    if named := os.environ.get("OMP_NUM_THREADS", ""):
        return max(1, int(named)) if named.isdigit() else 1
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, _container_quota() or available, CPUS_LIMIT))


def _container_quota() -> int | None:
    """Whole CPUs that the container's control group grants (version 2, then 1); None: no limit, or none to be read."""
    for quota_file, period_file in (("cpu.max", None), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, *rest = _cgroup(quota_file).split()
            period = _cgroup(period_file) if period_file else rest[0]
            if quota not in {"max", "-1"}:
                return max(1, round(int(quota) / int(period)))
        except (OSError, ValueError, IndexError):
            continue
    return None


def _cgroup(name: str) -> str:
    with open(f"/sys/fs/cgroup/{name}", encoding="ascii") as file:  # noqa: PTH123  one line of the kernel
        return file.read().strip()


def seed_everything(seed: int) -> torch.Generator:
    """Seed Python's, NumPy's and torch's generators; returns one of its own for shuffling."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  libraries draw from the old global one
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)
