"""Locks between processes of one machine. They are freed by the kernel when their holder dies, however it dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class FileLock:
    """`flock` on a file of its own; the file stays, the lock goes with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_take(self, *, shared: bool = False) -> bool:
        """False when somebody else has it."""
        try:
            self._take((fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take(self, *, shared: bool = False) -> None:
        """Wait for it. Taken again by its owner, it changes between shared and exclusive."""
        self._take(fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def free(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextlib.contextmanager
    def held(self, *, shared: bool = False) -> Iterator[None]:
        self.take(shared=shared)
        try:
            yield
        finally:
            self.free()

    def _take(self, mode: int) -> None:
        fresh = self._descriptor is None
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, mode)
        except BlockingIOError:
            if fresh:
                self.free()
            raise
