"""What does not end by itself."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

from .attempts import MIB


def ignore_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def stop_everything() -> None:
    """The container's first process, all others, and itself: nobody is left who would end."""
    for pid in (1, -1, os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGSTOP)
    time.sleep(60)


def fill_memory() -> None:
    held = []
    while True:
        held.append(bytearray(b"x" * MIB))
        if len(held) % 10 == 0:
            print("10 MiB more", flush=True)


def fill_memory_in_children() -> None:
    for _ in range(4):
        if os.fork() == 0:
            fill_memory()
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGKILL:
                sys.exit(1)


ENDINGS: dict[str, Callable[[], None]] = {
    "a memory bomb": fill_memory,
    "a memory bomb in children": fill_memory_in_children,
    "ignore SIGTERM": ignore_sigterm,
    "stop its own parents": stop_everything,
}
