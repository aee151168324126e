"""What `medici-worker check` says."""

from collections.abc import Iterable, Iterator

from medici_worker.check.probe import Tried
from medici_worker.containers.engine import EngineInfo
from medici_worker.walls import Wall

GIB = 1024**3
MEANING = {
    Wall.SECCOMP: "system calls that no program needs are refused",
    Wall.USERNS: "root in a container is nobody on the machine",
    Wall.ROOTLESS: "the engine itself runs without root",
    Wall.APPARMOR: "AppArmor holds containers, too",
    Wall.SELINUX: "SELinux holds containers, too",
}


def offers(info: EngineInfo, runtime: str | None) -> Iterator[str]:
    """The engine, and the walls that it puts around containers."""
    machine = f"{info.cpus} CPUs, {info.memory_bytes / GIB:.1f} GiB of memory"
    yield f"Engine {info.name} {info.version}: {machine}."
    for wall, meaning in MEANING.items():
        yield f"  {wall:9} {'yes' if wall in info.walls else 'no '}  {meaning}"
    yield f"  runtimes  {', '.join(sorted(info.runtimes))}; containers use {runtime or 'the default one'}"


def told(attempts: Iterable[Tried], *, verbose: bool) -> tuple[list[str], bool]:
    """The lines, and whether every attempt was stopped."""
    tried = list(attempts)
    open_ = [one for one in tried if not one.stopped]
    lines = [f"  stopped      {one.name} ({one.detail})" for one in tried if one.stopped and verbose]
    lines += [f"  NOT STOPPED  {one.name}: {one.detail}" for one in open_]
    lines.append(f"{len(tried) - len(open_)} of {len(tried)} attempts stopped.")
    if open_:
        lines.append(
            "Don't run strangers' programs here before this is mended; platform/docs/hardening.md says what holds."
        )
    return lines, not open_
