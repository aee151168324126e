"""The one place that says what a container may do. Everything that strangers wrote runs inside this profile.

The reasons, line by line, are in platform/docs (hardening); the attacks that it stops are tried in
tests/integration/worker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medici_worker.protocol import Limits

NOBODY = "65534:65534"
LARGEST_USER_ID = 2**31 - 1
"""The engine refuses larger ones."""
LOG_MAX_SIZE = "10m"
OPEN_FILES = 4096
OUTPUT_SLACK_BYTES = 1024**2
"""A volume for outputs is this much larger than its limit: what is over the limit is seen, not guessed."""
MIN_MEMORY_BYTES = 6 * 1024**2  # the engine refuses less
FURTHER_DEVICES = ("NVIDIA_GDS", "NVIDIA_MOFED", "NVIDIA_NVSWITCH", "NVIDIA_GDRCOPY")
"""By these variables an image asks NVIDIA's runtime for devices of the host that are no GPUs."""
OWN_KERNELS = ("runsc", "kata")
"""In the names of runtimes that run a kernel of their own around a container."""
OWN_KERNEL_PIDS = 256
"""Threads of such a kernel, for the engine processes of the container like all others."""
OWN_KERNEL_BYTES = 256 * 1024**2
"""Memory of such a kernel, for the engine the container's like all other."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`user`, `environment` of the container, and the arguments of the engine's host configuration."""

    user: str
    environment: Mapping[str, str]
    host: Mapping[str, Any]


def hardened(
    limits: Limits,
    *,
    user: str = NOBODY,
    gpu_ids: Sequence[str] = (),
    engine_cpus: int,
    runtime: str | None = None,
) -> Profile:
    """The profile of every container that runs a participant's or an organizer's program.

    `user` comes from `container_user`; `gpu_ids` are the leased ones and no others. A CPU limit above what the
    engine's machine has is clipped, because the engine would refuse it.
    """
    memory_bytes = memory_limit_bytes(limits) + (OWN_KERNEL_BYTES if has_own_kernel(runtime) else 0)
    host: dict[str, Any] = {
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": f"size={limits.tmp_bytes},nosuid,nodev,mode=1777"},  # noqa: S108 - inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": limits.pids + (OWN_KERNEL_PIDS if has_own_kernel(runtime) else 0),
        "mem_limit": memory_bytes,
        "memswap_limit": memory_bytes,
        "nano_cpus": int(min(limits.cpus, engine_cpus) * 1e9),
        "shm_size": limits.shm_bytes,
        "ulimits": ulimits(limits),
        "init": True,
        "ipc_mode": "private",
        "log_config": {"Type": "json-file", "Config": {"max-size": LOG_MAX_SIZE, "max-file": "1"}},
    }
    if gpu_ids:
        host["device_requests"] = [{"Driver": "", "DeviceIDs": list(gpu_ids), "Capabilities": [["gpu"]]}]
    if runtime:
        host["runtime"] = runtime
    return Profile(user=user, environment=environment(gpu_ids), host=host)


def environment(gpu_ids: Sequence[str]) -> dict[str, str]:
    """What no image may say for itself. NVIDIA's runtime gives a container the GPUs that its environment names, which
    an image could set to `all`, and old CUDA images get all of them when it names none: "void" is none.

    What NVIDIA's toolkit does at the start of a container with GPUs, it does as root of the host, and versions before
    1.17.8 do it with this environment (CVE-2025-23266): nothing of the image's is loaded into it.
    """
    held = {"LD_PRELOAD": "", **dict.fromkeys(FURTHER_DEVICES, "disabled")} if gpu_ids else {}
    return held | {
        "HOME": "/tmp",  # noqa: S108 - inside the container
        "NVIDIA_VISIBLE_DEVICES": ",".join(gpu_ids) or "void",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    }


def has_own_kernel(runtime: str | None) -> bool:
    return any(name in (runtime or "") for name in OWN_KERNELS)


def keeper(*, engine_cpus: int) -> Profile:
    """The profile of our own container that keeps volumes mounted: it sleeps, and needs nothing."""
    small = Limits(memory_bytes=32 * 1024**2, cpus=1, pids=8, output_bytes=1, shm_bytes=1024**2, tmp_bytes=1024**2)
    return hardened(small, engine_cpus=engine_cpus)


def relay(*, engine_cpus: int, network: str = "none") -> Profile:
    """The profile of our own containers between a build and its package index. Of the two, one has a network: it runs
    nothing but our proxy.
    """
    small = Limits(memory_bytes=96 * 1024**2, cpus=1, pids=32, output_bytes=1, shm_bytes=1024**2, tmp_bytes=1024**2)
    profile = hardened(small, engine_cpus=engine_cpus)
    return replace(profile, host={**profile.host, "network_mode": network})


def memory_limit_bytes(limits: Limits) -> int:
    """What lies in /mnt/out, /tmp and /dev/shm is memory too, for the engine; the phase's memory comes on top."""
    in_memory_files = limits.output_bytes + OUTPUT_SLACK_BYTES + limits.tmp_bytes + limits.shm_bytes
    return max(limits.memory_bytes + in_memory_files, MIN_MEMORY_BYTES)


def ulimits(limits: Limits) -> list[dict[str, Any]]:
    """No core files; one file is never larger than the largest place that it could lie in."""
    file_bytes = max(limits.output_bytes, limits.tmp_bytes, limits.shm_bytes) + 2 * OUTPUT_SLACK_BYTES
    return [
        {"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES},
        {"Name": "core", "Soft": 0, "Hard": 0},
        {"Name": "fsize", "Soft": file_bytes, "Hard": file_bytes},
    ]


def container_user(image_user: str, user_id: int | None = None) -> str:
    """Whom a container runs as: the image's own user when that is provably not root, else nobody.

    `user_id` is what the image's /etc/passwd says of a user that is named, not numbered: a name alone proves nothing.
    """
    name, _, group = image_user.partition(":")
    number = int(name) if name.isascii() and name.isdigit() else user_id
    if not number or number > LARGEST_USER_ID:
        return NOBODY
    group_number = int(group) if group.isascii() and group.isdigit() else number
    group_number = group_number if group_number <= LARGEST_USER_ID else number
    return f"{number}:{group_number}"
