"""What a hostile program would try, one function each. Runs inside a container, alone: the standard library is all.

An attempt that gets what it wants returns it in words; one that is stopped raises an `OSError`, or is killed. Each runs
in a process of its own, so that the next one begins clean. `main` writes name → [stopped, detail] as JSON.

None does harm where it succeeds: tests show that each does, in a container without the defence.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

Attempt = Callable[[], str]
ATTEMPTS: dict[str, Attempt] = {}
PATIENCE_S = 8
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


# The network ---------------------------------------------------------------------------------------------------------


@attempt("TCP to the machine")
def tcp() -> str:
    with socket.create_connection(("127.0.0.1", HOST.get("tcp", 22)), 2) as connection:
        return f"connected to {connection.getpeername()}"


@attempt("TCP over IPv6")
def tcp6() -> str:
    with socket.create_connection(("::1", HOST.get("tcp6", 22)), 2) as connection:
        return f"connected to {connection.getpeername()}"


@attempt("UDP to the machine")
def udp() -> str:
    return _asked(b"ping")


@attempt("a DNS question")
def dns() -> str:
    question = struct.pack(">6H", 1, 256, 1, 0, 0, 0) + b"\x07example\x03org\x00" + struct.pack(">2H", 16, 1)
    return _asked(question)


def _asked(question: bytes) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2)
        asking.connect(("127.0.0.1", HOST.get("udp", 53)))
        asking.send(question)
        return f"{len(asking.recv(512))} bytes came back"


@attempt("a name looked up")
def lookup() -> str:
    with contextlib.suppress(socket.gaierror):
        return str(socket.getaddrinfo("example.org", 80))
    raise stopped("no such name")


@attempt("a route out")
def route() -> str:
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    if not routes:
        raise stopped("no route")
    return routes[0].split()[0]


@attempt("a network interface")
def interface() -> str:
    others = sorted(set(os.listdir("/sys/class/net")) - {"lo"})
    if not others:
        raise stopped("lo alone")
    return others[0]


@attempt("an abstract socket of the machine")
def abstract() -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + HOST.get("abstract", "/containerd-shim"))
        return "connected"


@attempt("a raw socket")
def raw_socket() -> str:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "opened"


@attempt("a packet socket")
def packet_socket() -> str:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3).close()
    return "opened"


# Mounts, namespaces, devices, other users ----------------------------------------------------------------------------


@attempt("mount a file system")
def mount() -> str:
    libc("mount", b"none", b"/tmp", b"tmpfs", 0, None)
    return "mounted"


@attempt("mount the root writable")
def remount() -> str:
    libc("mount", b"none", b"/", None, 0x20 | 0x1000, None)  # MS_REMOUNT | MS_BIND
    return "remounted"


@attempt("bind a folder over another")
def bind() -> str:
    libc("mount", b"/tmp", b"/mnt", None, 0x1000, None)
    return "bound"


@attempt("a user namespace of its own")
def user_namespace() -> str:
    libc("unshare", 0x10000000)
    return "made"


@attempt("a mount namespace of its own")
def mount_namespace() -> str:
    libc("unshare", 0x00020000)
    return "made"


@attempt("change the root folder")
def chroot() -> str:
    os.chroot("/tmp")
    return "changed"


@attempt("make a disk's device")
def device() -> str:
    os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0))
    return "made"


@attempt("become root")
def setuid() -> str:
    os.setuid(0)
    return "root"


@attempt("read as root through a setuid program")
def setuid_program() -> str:
    found = subprocess.run(["/probe/cat", "/probe/roots-alone"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise stopped(found.stderr.strip())
    return found.stdout.strip()


@attempt("give a file to root")
def chown() -> str:
    Path("/tmp/mine").touch()
    os.chown("/tmp/mine", 1, 1)
    return "given"


# The file system -----------------------------------------------------------------------------------------------------


def _written(path: str) -> str:
    with open(path, "a"):
        return f"{path} opened"


for _path in ("/spoilt", "/etc/passwd", "/usr/bin/spoilt", "/dev/spoilt"):
    ATTEMPTS[f"write {_path}"] = lambda path=_path: _written(path)  # type: ignore[misc]


@attempt("write to the test set")
def write_input() -> str:
    return _written("/mnt/in/spoilt")


@attempt("change a file of the test set")
def change_input() -> str:
    return _written("/mnt/in/case.txt")


@attempt("delete from the test set")
def delete_input() -> str:
    os.rename("/mnt/in/case.txt", "/mnt/in/gone.txt")
    os.rename("/mnt/in/gone.txt", "/mnt/in/case.txt")
    return "could be moved"


@attempt("read the reference data")
def reference() -> str:
    return f"{os.listdir('/app/input/ref')}"


@attempt("read other runs' files")
def other_runs() -> str:
    for place in ("/bench", "/data", "/app/input/res", "/var/lib/docker/volumes"):
        with contextlib.suppress(OSError):
            return f"{place}: {os.listdir(place)[:3]}"
    raise stopped("nothing there")


@attempt("call the container engine")
def engine_socket() -> str:
    for place in (
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
    ):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(place)
            return f"{place} answers"
    raise stopped("no socket")


# The kernel ----------------------------------------------------------------------------------------------------------


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


# Resources -----------------------------------------------------------------------------------------------------------


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


OF_ITS_KERNEL = frozenset(
    {
        "a user namespace of its own",
        "a mount namespace of its own",
        "make a disk's device",
        "read the kernel's log",
        "run before all others",
        "a fork bomb",
        "a flood of zombies",
        "a thread bomb",
    }
)
"""With a kernel of its own around the container (gVisor), these touch that kernel alone, which ends with the run."""


# What ends the container ---------------------------------------------------------------------------------------------


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


# One after the other -------------------------------------------------------------------------------------------------


def outcome(function: Attempt) -> tuple[bool, str]:
    """Whether it was stopped, and by what. Whatever it did to its own process ends with that process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setpgid(0, 0)
        _tell(writing, function)
        os._exit(0)
    os.close(writing)
    told = b""
    if select.select([reading], [], [], PATIENCE_S)[0]:
        told = os.read(reading, 4096)
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(reading)
    if not told:
        return True, f"ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
    said = json.loads(told)
    return bool(said[0]), str(said[1])


def _tell(writing: int, function: Attempt) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        said = [False, function()]
    except OSError as error:
        said = [True, error.strerror or str(error)]
    except BaseException as error:  # noqa: BLE001 - a fault of the probe is no defence: it is shown
        said = [False, f"the attempt itself failed: {type(error).__name__}: {error}"]
    os.write(writing, json.dumps(said)[:4000].encode())


def main(names: list[str], target: str) -> None:
    if names and names[0] in ENDINGS:
        return ENDINGS[names[0]]()
    for name in names or list(ATTEMPTS):
        began = time.monotonic()
        found = outcome(ATTEMPTS[name])
        print(json.dumps([name, *found, round(time.monotonic() - began, 2)]), flush=True)
        FOUND[name] = found
    if target:
        Path(target).write_text(json.dumps(FOUND))
    return None


FOUND: dict[str, tuple[bool, str]] = {}

if __name__ == "__main__":
    main(json.loads(sys.argv[2]) if len(sys.argv) > 2 else [], sys.argv[1] if len(sys.argv) > 1 else "")
