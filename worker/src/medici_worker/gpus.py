"""GPUs of this machine, and who has them: one lock file per GPU, so that all workers of a machine agree."""

import contextlib
import csv
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medici_worker.locks import FileLock

_QUERY = ("nvidia-smi", "--query-gpu=uuid,name,memory.total", "--format=csv,noheader")
QUERY_TIMEOUT_S = 30
COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Gpu:
    uuid: str
    model: str
    memory: str


class GpuTableInvalid(Exception):
    """The setting MEDICI_WORKER_GPUS is not a table of GPUs."""


def find_gpus(table: str | None = None) -> tuple[Gpu, ...]:
    """The GPUs that this worker may use: those of `table` when it is given ("" for none), else the machine's.

    A table has one line per GPU: `uuid, model, memory`; lines end with a line break or `;`.
    """
    if table is not None:
        return parse_table(table.replace(";", "\n"))
    if shutil.which(_QUERY[0]) is None:
        return ()
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, check=True, timeout=QUERY_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError):
        return ()  # a driver without a device answers with an error
    return parse_table(answer.stdout)


def parse_table(text: str) -> tuple[Gpu, ...]:
    rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if any(field.strip() for field in row)]
    for row in rows:
        if len(row) != COLUMNS or not row[0].strip():
            raise GpuTableInvalid(f"A GPU is written as 'uuid, model, memory', not as {', '.join(row)!r}.")
    return tuple(Gpu(*(field.strip() for field in row)) for row in rows)


@dataclass
class GpuLease:
    """Some GPUs, held until `free`, or until this process ends."""

    ids: tuple[str, ...]
    locks: list[FileLock]

    def free(self) -> None:
        for lock in self.locks:
            lock.free()
        self.locks.clear()


class GpuPool:
    def __init__(self, gpus: Sequence[Gpu], lock_folder: Path) -> None:
        self.gpus = tuple(gpus)
        self._folder = lock_folder

    def lease(self, count: int) -> GpuLease | None:
        """`count` free GPUs for one run, or None when there are not enough; never a part of them."""
        lease = self.lease_up_to(count)
        if len(lease.ids) == count:
            return lease
        lease.free()
        return None

    def lease_up_to(self, count: int) -> GpuLease:
        """As many free GPUs as there are, `count` at most."""
        ids: list[str] = []
        locks: list[FileLock] = []
        for gpu in self.gpus:
            if len(ids) == count:
                break
            lock = FileLock(self._folder / f"gpu-{gpu.uuid}.lock")
            if lock.try_take():
                ids.append(gpu.uuid)
                locks.append(lock)
        return GpuLease(tuple(ids), locks)

    def keep(self, lease: GpuLease, count: int) -> None:
        """Give back all but the first `count`."""
        for lock in lease.locks[count:]:
            lock.free()
        del lease.locks[count:]
        lease.ids = lease.ids[:count]

    @contextlib.contextmanager
    def leased(self, count: int) -> Iterator[GpuLease | None]:
        lease = self.lease(count)
        try:
            yield lease
        finally:
            if lease is not None:
                lease.free()
