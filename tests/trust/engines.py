"""A Docker engine of the test's own, which may be killed; this machine's is left alone."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docker.errors import DockerException
from requests import RequestException

from tests.e2e.stack import engine
from tests.services import ALONE, Service, missing

IMAGE = "medici/python:latest"


@contextmanager
def own_engine() -> Iterator[Service]:
    """A Docker engine of the test's own, with the one image that it needs; this machine's is left alone."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        missing("An engine of the test's own", "run as root where dockerd is installed")
    folder = Path(tempfile.mkdtemp(prefix="medici-engine-", dir="/var/tmp"))
    host = f"unix://{folder}/docker.sock"
    command = [
        *ALONE, "dockerd", "--host", host, "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
        "--pidfile", str(folder / "pid"), "--bridge", "none", "--iptables=false", "--ip-masq=false",
    ]  # fmt: skip
    service = Service(command, host, lambda: answers(host), folder)
    try:
        service.start()
        _bring_image(host)
        yield service
    finally:
        service.stop(signal.SIGTERM)
        _end_what_is_left(folder)
        for mount in reversed([line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]):
            if mount.startswith(str(folder)):
                subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _end_what_is_left(folder: Path) -> None:
    """Processes that a killed engine left and its next life did not take over: they are known by its folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder).encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def answers(host: str) -> bool:
    """Asked with a socket of our own first: the SDK leaves one open whenever it is refused."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(host.removeprefix("unix://")):
            return False
    with suppress(DockerException, RequestException), engine(host) as client:
        return bool(client.ping())
    return False


def _bring_image(host: str) -> None:
    with engine() as ours, engine(host) as own:
        own.images.load(ours.images.get(IMAGE).save(named=True))
