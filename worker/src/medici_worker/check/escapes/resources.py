"""Taking more than was given."""

import contextlib
import ctypes
import errno
import mmap
import os
import resource
import signal
import threading

from .attempts import ATTEMPTS, MIB, attempt, libc, stopped


@attempt("a fork bomb")
def forks() -> str:
    children: list[int] = []
    try:
        while len(children) < 400:
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except BlockingIOError as error:
        raise stopped(f"after {len(children)}") from error
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"{len(children)} processes"


@attempt("a flood of zombies")
def zombies() -> str:
    children: list[int] = []
    try:
        while len(children) < 400:
            child = os.fork()
            if child == 0:
                os._exit(0)
            children.append(child)
    except BlockingIOError as error:
        raise stopped(f"after {len(children)}") from error
    return f"{len(children)} zombies"


@attempt("a thread bomb")
def threads() -> str:
    end = threading.Event()
    made = 0
    threading.stack_size(64 * 1024)
    try:
        while made < 400:
            threading.Thread(target=end.wait, daemon=True).start()
            made += 1
    except RuntimeError as error:
        raise stopped(f"after {made}") from error
    finally:
        end.set()
    return f"{made} threads"


def _filled(path: str, size: int) -> str:
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(size // MIB):
                if file.write(b"x" * MIB) < MIB:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
    return f"{size // MIB} MiB"


ATTEMPTS["fill /tmp"] = lambda: _filled("/tmp/big", 24 * MIB)
ATTEMPTS["fill /dev/shm"] = lambda: _filled("/dev/shm/big", 24 * MIB)
ATTEMPTS["fill /mnt/out"] = lambda: _filled("/mnt/out/big", 24 * MIB)
ATTEMPTS["fill the machine's disk"] = lambda: _filled("/var/tmp/big", 24 * MIB)


@attempt("a file of a terabyte")
def sparse() -> str:
    with open("/tmp/sparse", "wb") as file:
        file.truncate(1024**4)
    os.unlink("/tmp/sparse")
    return "made"


@attempt("files without number")
def inodes() -> str:
    made = []
    try:
        for number in range(5000):
            made.append(f"/mnt/out/probe-{number}")
            open(made[-1], "w").close()
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                os.unlink(path)
    return f"{len(made)} files"


@attempt("open files without number")
def open_files() -> str:
    opened: list[int] = []
    try:
        while len(opened) < 6000:
            opened.append(os.dup(2))
    finally:
        for file in opened:
            os.close(file)
    return f"{len(opened)} files"


@attempt("raise its own limits")
def raise_limits() -> str:
    return _raised(resource.RLIMIT_NOFILE, 8192)


@attempt("leave a core file")
def core_file() -> str:
    return _raised(resource.RLIMIT_CORE, MIB)


def _raised(limit: int, value: int) -> str:
    try:
        resource.setrlimit(limit, (value, value))
    except ValueError as error:
        raise stopped(str(error)) from error
    return "raised"


@attempt("lock memory")
def lock_memory() -> str:
    area = mmap.mmap(-1, 16 * MIB)
    libc("mlock", ctypes.byref(ctypes.c_char.from_buffer(area)), ctypes.c_size_t(16 * MIB))
    return "16 MiB locked"


@attempt("take more GPUs than were leased")
def gpus() -> str:
    nodes = [name for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit()]
    asked = os.environ.get("NVIDIA_VISIBLE_DEVICES", "")
    leased = os.environ.get("PROBE_GPUS", "")
    if len(nodes) <= len(leased.split()) and asked != "all":
        raise stopped(f"{len(nodes)} GPUs")
    return f"asked for {asked or 'none'}, has {nodes}"
