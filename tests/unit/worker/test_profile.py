"""The container profile, line by line."""

import pytest
from docker.types import HostConfig

from medici_worker.containers.profile import NOBODY, container_user, hardened
from medici_worker.protocol import Limits

LIMITS = Limits(
    memory_bytes=1000 * 1024**2,
    cpus=2,
    pids=100,
    output_bytes=10 * 1024**2,
    shm_bytes=20 * 1024**2,
    tmp_bytes=30 * 1024**2,
)
MEMORY_BYTES = (1000 + 10 + 1 + 20 + 30) * 1024**2


def test_the_whole_profile():
    profile = hardened(LIMITS, engine_cpus=8)
    assert profile.user == "65534:65534"
    assert profile.environment == {
        "HOME": "/tmp",
        "NVIDIA_VISIBLE_DEVICES": "void",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    }
    assert profile.host == {
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": "size=31457280,nosuid,nodev,mode=1777"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": 100,
        "mem_limit": MEMORY_BYTES,
        "memswap_limit": MEMORY_BYTES,
        "nano_cpus": 2_000_000_000,
        "shm_size": 20 * 1024**2,
        "ulimits": [
            {"Name": "nofile", "Soft": 4096, "Hard": 4096},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": 32 * 1024**2, "Hard": 32 * 1024**2},
        ],
        "init": True,
        "ipc_mode": "private",
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "1"}},
    }


def test_nothing_of_an_image_is_loaded_into_what_prepares_its_gpus():
    assert hardened(LIMITS, engine_cpus=8, gpu_ids=("GPU-a",)).environment == {
        "HOME": "/tmp",
        "NVIDIA_VISIBLE_DEVICES": "GPU-a",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "LD_PRELOAD": "",
        "NVIDIA_GDS": "disabled",
        "NVIDIA_MOFED": "disabled",
        "NVIDIA_NVSWITCH": "disabled",
        "NVIDIA_GDRCOPY": "disabled",
    }


def test_cpus_are_clipped_to_what_the_engine_has():
    assert hardened(LIMITS, engine_cpus=1).host["nano_cpus"] == 1_000_000_000


def test_a_runtime_is_named_when_it_is_set():
    assert hardened(LIMITS, engine_cpus=8, runtime="runsc").host["runtime"] == "runsc"


def test_the_engine_is_asked_for_the_leased_gpus_and_no_others():
    profile = hardened(LIMITS, engine_cpus=8, gpu_ids=("GPU-a", "GPU-b"))
    assert HostConfig(version="1.41", **profile.host)["DeviceRequests"] == [
        {"Driver": "", "Count": 0, "DeviceIDs": ["GPU-a", "GPU-b"], "Capabilities": [["gpu"]], "Options": {}}
    ]


def test_without_gpus_nothing_is_requested():
    assert "DeviceRequests" not in HostConfig(version="1.41", **hardened(LIMITS, engine_cpus=8).host)


@pytest.mark.parametrize(
    ("image_user", "looked_up", "expected"),
    [
        ("", None, NOBODY),
        ("0", None, NOBODY),
        ("00", None, NOBODY),
        ("0:1000", None, NOBODY),
        ("root", None, NOBODY),
        ("root", 0, NOBODY),
        ("toor", 0, NOBODY),
        ("unknown", None, NOBODY),
        ("1000", None, "1000:1000"),
        ("1000:100", None, "1000:100"),
        ("app", 1000, "1000:1000"),
        ("app:staff", 1000, "1000:1000"),
        ("2147483647", None, "2147483647:2147483647"),
        ("2147483648", None, NOBODY),
        ("4294967296", None, NOBODY),
        ("app", 4294967296, NOBODY),
        ("1000:4294967296", None, "1000:1000"),
    ],
)
def test_nobody_unless_the_image_names_a_user_that_is_provably_not_root(image_user, looked_up, expected):
    assert container_user(image_user, looked_up) == expected
