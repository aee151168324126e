"""The inside of a container of the fake engine: a Python function, and what it sees."""

import errno
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from medici_worker.containers.engine import ContainerPlan, Mount, OnLog, Volume


class Killed(BaseException):  # a program's `except Exception` does not hold it, like SIGKILL
    """The container was killed."""


@dataclass
class FakeVolume:
    plan: Volume
    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        others = sum(len(data) for other, data in self.files.items() if other != name)
        if self.plan.size_bytes is not None and others + len(content) > self.plan.size_bytes:
            raise OSError(errno.ENOSPC, "No space left on device", name)
        self.files[name] = content


class Inside:
    """What a program sees: its mounts, its output, the time."""

    def __init__(self, plan: ContainerPlan, volumes: Mapping[str, FakeVolume], on_log: OnLog) -> None:
        self.plan = plan
        self.killed = threading.Event()
        self._volumes = volumes
        self._on_log = on_log

    def read(self, path: str) -> bytes:
        mount, name = self._find(path)
        try:
            return self._volumes[mount.volume].files[name]
        except KeyError:
            raise FileNotFoundError(path) from None

    def list(self, folder: str) -> list[str]:
        """Names of the files below a mounted folder."""
        mount, _ = self._find(folder)
        return sorted(self._volumes[mount.volume].files)

    def write(self, path: str, content: bytes) -> None:
        self._volumes[self._writable(path).volume].write(self._find(path)[1], content)

    def link(self, path: str, target: str) -> None:
        self._volumes[self._writable(path).volume].links[self._find(path)[1]] = target

    def print(self, text: str) -> None:
        self._on_log(text.encode())

    def sleep(self, seconds: float) -> None:
        if self.killed.wait(seconds):
            raise Killed

    def _writable(self, path: str) -> Mount:
        mount, _ = self._find(path)
        if mount.read_only:
            raise OSError(errno.EROFS, "Read-only file system", path)
        return mount

    def _find(self, path: str) -> tuple[Mount, str]:
        for mount in sorted(self.plan.mounts, key=lambda one: -len(one.path)):
            if path == mount.path or path.startswith(mount.path + "/"):
                return mount, path[len(mount.path) :].strip("/")
        raise OSError(errno.EROFS, "Read-only file system", path)


Program = Callable[[Inside], int]
