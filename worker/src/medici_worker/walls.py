"""The walls that an operator requires of the engine: without one of them, the worker does not begin."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from medici_worker.containers.engine import EngineError, EngineInfo

SHIM = "io.containerd."
"""Newer engines start shims by these names without being told of them before."""


class Wall(StrEnum):
    SECCOMP = "seccomp"
    USERNS = "userns"
    ROOTLESS = "rootless"
    RUNTIME = "runtime"
    APPARMOR = "apparmor"
    SELINUX = "selinux"


ADVICE = {
    Wall.SECCOMP: "filters no system calls: its `seccomp-profile` is off, or its kernel has none",
    Wall.USERNS: "does not map users: set `userns-remap` in its daemon.json, or run it rootless",
    Wall.ROOTLESS: "runs as root: install it rootless, as a user of its own",
    Wall.APPARMOR: "does not use AppArmor: this machine's kernel or the engine was built without it",
    Wall.SELINUX: "does not use SELinux: set `selinux-enabled` in its daemon.json",
}
NO_RUNTIME = "MEDICI_WORKER_REQUIRE names `runtime`, but MEDICI_WORKER_RUNTIME is not set: name one, such as runsc."


class WallMissing(EngineError):
    """The engine works, but lacks what MEDICI_WORKER_REQUIRE asks of it."""


def require(info: EngineInfo, walls: Iterable[Wall], runtime: str | None) -> None:
    """Raises `WallMissing` with one sentence for each that is not there."""
    if missing := list(lacking(info, walls, runtime)):
        raise WallMissing(" ".join(missing))


def lacking(info: EngineInfo, walls: Iterable[Wall], runtime: str | None) -> Iterator[str]:
    """A sentence for each wall that the engine does not have. A runtime that is set has to be there in any case."""
    for wall in walls:
        if wall is Wall.RUNTIME:
            if runtime is None:
                yield NO_RUNTIME
        elif not _has(info, wall):
            yield f"The container engine {info.name or 'here'} {ADVICE[wall]} (MEDICI_WORKER_REQUIRE names `{wall}`)."
    if runtime is not None and runtime not in info.runtimes and not runtime.startswith(SHIM):
        known = ", ".join(sorted(info.runtimes)) or "none"
        yield (
            f"The container engine {info.name or 'here'} does not know the runtime {runtime} (MEDICI_WORKER_RUNTIME); "
            f"it knows {known}: add it to `runtimes` in its daemon.json, and restart it."
        )


def _has(info: EngineInfo, wall: Wall) -> bool:
    """An engine that is rootless maps users too."""
    return wall in info.walls or (wall is Wall.USERNS and Wall.ROOTLESS in info.walls)
