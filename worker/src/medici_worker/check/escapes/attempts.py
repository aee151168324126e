"""How an attempt is written down, and what each may need."""

import ctypes
import errno
import json
import os
from collections.abc import Callable

Attempt = Callable[[], str]
ATTEMPTS: dict[str, Attempt] = {}
MIB = 1024**2
HOST = json.loads(os.environ.get("PROBE_HOST", "{}"))
"""What there is on the machine to be reached: `tcp`, `tcp6`, `udp` ports, an `abstract` socket's name."""
LIBC = ctypes.CDLL(None, use_errno=True)


def attempt(name: str) -> Callable[[Attempt], Attempt]:
    def enter(function: Attempt) -> Attempt:
        ATTEMPTS[name] = function
        return function

    return enter


def call(number: int, *arguments: object) -> int:
    """A system call by its number (x86-64). Raises OSError."""
    result = int(LIBC.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def libc(name: str, *arguments: object) -> int:
    result = int(getattr(LIBC, name)(*arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def stopped(why: str) -> OSError:
    return OSError(errno.EPERM, why)
