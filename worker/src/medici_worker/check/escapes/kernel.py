"""What belongs to the kernel, and so to everybody on the machine."""

import contextlib
import ctypes
import errno
import os
import socket
import struct
from pathlib import Path

from .attempts import attempt, call, libc, stopped


@attempt("see processes of the machine")
def processes() -> str:
    names = [_name_of(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    others = [name for name in names if name not in ("docker-init", "python", "python3", "")]
    if not others:
        raise stopped(f"{len(names)} processes, all its own")
    return f"{others[0]} and {len(others)} others"


def _name_of(pid: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


@attempt("reach the machine's files through /proc")
def proc_root() -> str:
    for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int)[:50]:
        with contextlib.suppress(OSError):
            if os.path.isdir(f"/proc/{pid}/root/var/lib/docker/overlay2"):
                return f"/proc/{pid}/root"
    raise stopped("no such files")


@attempt("change a kernel setting")
def kernel_setting() -> str:
    with open("/proc/sys/kernel/core_pattern", "r+"):
        return "opened for writing"


@attempt("press a magic key")
def magic_key() -> str:
    with open("/proc/sysrq-trigger", "w"):
        return "opened for writing"


@attempt("read the kernel's memory")
def kernel_memory() -> str:
    with open("/proc/kcore", "rb") as memory:
        if not memory.read(4):
            raise stopped("empty")
        return "read"


@attempt("read the kernel's log")
def kernel_log() -> str:
    libc("klogctl", 3, ctypes.create_string_buffer(100), 100)
    return "read"


@attempt("make a control group")
def control_group() -> str:
    for place in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory"):
        with contextlib.suppress(OSError):
            os.mkdir(f"{place}/probe")
            os.rmdir(f"{place}/probe")
            return "made"
    raise stopped("read-only")


@attempt("load a kernel module")
def module() -> str:
    try:
        call(175, ctypes.create_string_buffer(16), 16, b"")
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
        return f"let in, to be told that 16 zeros are no module ({error.errno})"
    return "loaded"


@attempt("load a BPF program's map")
def bpf() -> str:
    call(321, 0, ctypes.create_string_buffer(struct.pack("4I", 2, 4, 4, 1).ljust(72, b"\0")), 72)
    return "made"


@attempt("watch the processor's counters")
def perf_event() -> str:
    call(298, ctypes.create_string_buffer(struct.pack("2IQ", 1, 112, 0).ljust(112, b"\0")), 0, -1, -1, 0)
    return "opened"


@attempt("keep a key in the kernel")
def kernel_key() -> str:
    call(248, b"user", b"probe", b"x", 1, -2)
    return "kept"


@attempt("handle page faults of its own")
def page_faults() -> str:
    os.close(call(323, 0))
    return "opened"


@attempt("set the host's name")
def host_name() -> str:
    socket.sethostname("probe")
    return "set"


@attempt("run before all others")
def real_time() -> str:
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    return "allowed"


@attempt("set the clock")
def clock() -> str:
    if not _has_capability(25):
        raise stopped("no capability")
    return "could be set"


@attempt("restart the machine")
def restart() -> str:
    if not _has_capability(22):
        raise stopped("no capability")
    return "could be restarted"


def _has_capability(number: int) -> bool:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return bool(int(status["CapBnd"], 16) >> number & 1)
