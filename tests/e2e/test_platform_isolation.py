"""What a submission's container can reach. What it may tell of it: tests/trust/test_canaries.py."""

import io
import json
import zipfile

import pytest

from tests.e2e.programs import CANARY_INPUT, CANARY_TRUTH, running

pytestmark = pytest.mark.slow

PROBE = f"""
import ctypes, json, os, pathlib, socket, subprocess, time

def refused(action):
    try:
        action()
    except OSError as error:
        return True
    return False

def mount():
    if ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")

def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")

def holds(path):
    try:
        return {CANARY_TRUTH[:14]!r}.encode() + {CANARY_TRUTH[14:]!r}.encode() in path.read_bytes()
    except OSError:
        return False

def files():
    for folder, names, found in os.walk("/"):
        names[:] = [name for name in names if os.path.join(folder, name) not in ("/proc", "/sys", "/dev", "/usr/lib")]
        for name in found:
            path = pathlib.Path(folder, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1024**2:
                yield path

def environments():
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/*") if path.name in ("environ", "cmdline", "mounts")]

found = {{
    "tcp": refused(lambda: socket.create_connection(("1.1.1.1", 53), 2)),
    "tcp6": refused(lambda: socket.create_connection(("2606:4700:4700::1111", 53), 2)),
    "gateway": refused(lambda: socket.create_connection(("172.17.0.1", 80), 2)),
    "dns": refused(lambda: socket.getaddrinfo("example.org", 80)),
    "udp": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53))),
    "raw": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "reference folder": refused(lambda: os.listdir("/app/input/ref")),
    "write /": refused(lambda: open("/spoilt", "w")),
    "write /usr": refused(lambda: open("/usr/spoilt", "w")),
    "write /mnt/in": refused(lambda: open("/mnt/in/spoilt", "w")),
    "change /mnt/in": refused(lambda: open("/mnt/in/case.txt", "a")),
    "remove from /mnt/in": refused(lambda: os.unlink("/mnt/in/case.txt")),
    "become root": refused(lambda: os.setuid(0)),
    "mount": refused(mount),
    "user namespace": refused(unshare),
    "docker socket": refused(lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")),
    "device": refused(lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0))),
    "kernel": refused(lambda: open("/proc/sys/kernel/core_pattern", "w")),
}}
looked_at = list(files())
answers = [str(path) for path in [*looked_at, *environments()] if holds(path)]
see = {{
    "refused": found,
    "uid": os.getuid(),
    "answers": answers,
    "looked at enough": len(looked_at) > 300,
    "input": open("/mnt/in/case.txt").read(),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]) < 5,
}}
open("/mnt/out/found.json", "w").write(json.dumps(see))
open("/mnt/out/answer.txt", "w").write("0.5")
"""


def test_a_submission_reaches_nothing_but_its_input(platform):
    submission = platform.run_files(running(PROBE))
    assert submission["failure"] is None, submission
    (run,) = platform.runs(submission["id"])
    with (
        platform.client("olga") as client,
        zipfile.ZipFile(io.BytesIO(client.get(f"/runs/{run['id']}/outputs").content)) as outputs,
    ):
        assert sorted(outputs.namelist()) == ["answer.txt", "found.json"]
        found = json.loads(outputs.read("found.json"))
    assert [attempt for attempt, refused in found["refused"].items() if not refused] == []
    assert len(found.pop("refused")) == 18
    assert found == {
        "uid": 65534,
        "answers": [],
        "looked at enough": True,
        "input": CANARY_INPUT,
        "processes": True,
    }
