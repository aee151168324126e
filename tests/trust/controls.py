"""The probe's attempts in containers without the one defence: there they succeed, which shows that they are real.

Each such container has bounds of its own around it, so that nothing reaches this machine.
"""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from medici_worker.check import probe
from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import BuildOrder
from tests.factories.worker import IMAGE

MIB = 1024**2
OUTER = {
    "mem_limit": 600 * MIB,
    "memswap_limit": 600 * MIB,
    "pids_limit": 2000,
    "nano_cpus": 2_000_000_000,
    "init": True,
}
"""Around every control, whatever it may do."""
POWERS = (
    "NET_ADMIN", "SYS_ADMIN", "SYS_MODULE", "SYS_TIME", "SYS_BOOT", "SYS_NICE", "SYSLOG", "SYS_PTRACE", "IPC_LOCK",
    "SYS_RAWIO",
)  # fmt: skip
"""On top of what the engine gives by itself. Not `privileged`: an engine in a container has not all to give."""
NOBODY, ROOT = "65534:65534", "0:0"


@dataclass(frozen=True)
class Control:
    """A container that lacks a defence, and the attempts that succeed there."""

    lacks: str
    host: dict[str, Any]
    attempts: tuple[str, ...]
    user: str = NOBODY
    binds: dict[str, str] = field(default_factory=dict)
    """Path in the container → what is mounted there: `volume`, an empty one, or a path of this machine."""


CONTROLS = (
    Control(
        "a network of its own",
        {"network_mode": "host"},
        (
            "TCP to the machine",
            "TCP over IPv6",
            "UDP to the machine",
            "a DNS question",
            "a route out",
            "a network interface",
            "an abstract socket of the machine",
        ),
    ),
    Control(
        "dropped capabilities, seccomp, read-only places",
        {"network_mode": "none", "cap_add": POWERS, "security_opt": ["seccomp=unconfined"]},
        (
            "a raw socket",
            "a packet socket",
            "mount a file system",
            "mount the root writable",
            "bind a folder over another",
            "a user namespace of its own",
            "a mount namespace of its own",
            "change the root folder",
            "make a disk's device",
            "become root",
            "give a file to root",
            "write /spoilt",
            "write /etc/passwd",
            "write /usr/bin/spoilt",
            "write /dev/spoilt",
            "change a kernel setting",
            "press a magic key",
            "read the kernel's memory",
            "read the kernel's log",
            "load a kernel module",
            "load a BPF program's map",
            "watch the processor's counters",
            "keep a key in the kernel",
            "handle page faults of its own",
            "set the host's name",
            "run before all others",
            "set the clock",
            "restart the machine",
            "lock memory",
            "fill the machine's disk",
        ),
        ROOT,
    ),
    Control(
        "no-new-privileges",
        {"network_mode": "none", "read_only": True},
        ("read as root through a setuid program",),
    ),
    Control(
        "processes of its own",
        {"network_mode": "none", "pid_mode": "host", "cap_add": POWERS},
        ("see processes of the machine", "reach the machine's files through /proc"),
        ROOT,
    ),
    Control(
        "mounts by need alone, read-only",
        {"network_mode": "none"},
        (
            "write to the test set",
            "change a file of the test set",
            "delete from the test set",
            "read the reference data",
            "read other runs' files",
            "call the container engine",
            "make a control group",
        ),
        ROOT,
        {
            "/mnt/in": "volume",
            "/app/input/ref": "volume",
            "/bench": "volume",
            "/var/run/docker.sock": "/var/run/docker.sock",
            "/sys/fs/cgroup": "/sys/fs/cgroup",
        },
    ),
    Control(
        "limits on processes, files and places in memory",
        {
            "network_mode": "none",
            "shm_size": 64 * MIB,
            "tmpfs": {"/tmp": "size=64m,mode=1777", "/mnt/out": "size=64m,mode=1777"},
        },
        (
            "a fork bomb",
            "a flood of zombies",
            "a thread bomb",
            "fill /tmp",
            "fill /dev/shm",
            "fill /mnt/out",
            "a file of a terabyte",
            "files without number",
            "open files without number",
            "raise its own limits",
            "leave a core file",
        ),
    ),
    Control("an environment that the worker sets", {"network_mode": "none"}, ("take more GPUs than were leased",)),
)
NOT_SHOWN = ("a name looked up",)
"""It would need a network with names in it."""
MAY_LACK = {
    "press a magic key": "/proc/sysrq-trigger",
    "read the kernel's memory": "/proc/kcore",
    "TCP over IPv6": "/proc/net/if_inet6",
}
"""What a kernel need not have: there the attempt could not succeed anywhere."""


@contextmanager
def services() -> Iterator[dict[str, Any]]:
    """What there is on this machine to be reached: TCP, UDP and an abstract socket, for loopback alone."""
    name = f"medici-probe-{uuid.uuid4().hex[:8]}"
    listening = [socket.create_server(("127.0.0.1", 0))]
    told: dict[str, Any] = {"tcp": listening[0].getsockname()[1], "abstract": name}
    try:
        listening.append(socket.create_server(("::1", 0), family=socket.AF_INET6))
        told["tcp6"] = listening[-1].getsockname()[1]
    except OSError:
        told["tcp6"] = 22
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0" + name)
    abstract.listen()
    answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answering.bind(("127.0.0.1", 0))
    answering.settimeout(0.2)
    told["udp"] = answering.getsockname()[1]
    ended = threading.Event()
    thread = threading.Thread(target=_answer, args=(answering, ended), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        ended.set()
        thread.join()
        for one in (*listening, abstract, answering):
            one.close()


def _answer(answering: socket.socket, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            question, sender = answering.recvfrom(512)
        except TimeoutError:
            continue
        answering.sendto(question, sender)


@contextmanager
def probe_image(engine: DockerEngine) -> Iterator[str]:
    """The probe's image with a name of its own, for the controls."""
    name = f"medici/test-probe:{uuid.uuid4().hex[:8]}"
    context = [chunk for path, text in probe.files(IMAGE, []).items() for chunk in tar_file(path, text.encode())]
    engine.build([*context, tar_end()], BuildOrder(name, 60, 512 * MIB, 2), bytearray().extend)
    try:
        yield name
    finally:
        engine.remove_image(name)


def tried(engine: DockerEngine, image: str, control: Control, reachable: dict[str, Any]) -> dict[str, tuple[bool, str]]:
    """Each of the control's attempts → whether it was stopped, and what it said."""
    program = f'python -B -m escapes "" {json.dumps(json.dumps(list(control.attempts)))}'
    command = ["sh", "-c", f"[ ! -d /mnt/in ] || touch /mnt/in/case.txt; exec {program}"]
    said = run(engine, image, control, command, {"PROBE_HOST": json.dumps(reachable)})
    found = [json.loads(line) for line in said.splitlines() if line.startswith("[")]
    return {name: (stopped, detail) for name, stopped, detail, _ in found}


def run(
    engine: DockerEngine, image: str, control: Control, command: list[str], environment: dict[str, str] | None = None
) -> str:
    """What a control's container printed, at its end."""
    api = engine.api
    volumes = {path: f"medici-test-{uuid.uuid4().hex[:12]}" for path, what in control.binds.items() if what == "volume"}
    binds = [f"{volumes.get(path, what)}:{path}:rw" for path, what in control.binds.items()]
    host = api.create_host_config(**{**OUTER, **control.host}, binds=binds)
    if "cap_add" in control.host:
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}
    made = api.create_container(image, command, user=control.user, environment=environment or {}, host_config=host)
    try:
        api.start(made["Id"])
        api.wait(made["Id"], timeout=90)
        return str(api.logs(made["Id"]).decode())
    finally:
        api.remove_container(made["Id"], force=True, v=True)
        for volume in volumes.values():
            engine.remove_volume(volume)
