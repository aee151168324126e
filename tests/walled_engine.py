"""A container engine of the tests' own beside the machine's: it maps users, and knows gVisor."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medici_worker.containers.docker_engine import DockerEngine
from tests.services import ALONE, Service, missing, running

FIRST_ID, IDS = 700_000, 65_536
USER = "medici-remap"
LEAST_FREE_BYTES = 3 * 1024**3


@contextmanager
def walled_engine(image: str) -> Iterator[tuple[DockerEngine, str]]:
    """The engine and its address, with one image of the machine's engine. It gives containers no network."""
    if os.geteuid() != 0:
        missing("A container engine of the tests' own", "it is started as root alone")
    for program in ("dockerd", "runsc", "useradd"):
        if shutil.which(program) is None:
            missing(f"A container engine of the tests' own, with {program},", "`make services` installs it")
    if shutil.disk_usage("/var/lib").free < LEAST_FREE_BYTES:
        missing("Room for a container engine of the tests' own", "it needs 3 GiB in /var/lib")
    with tempfile.TemporaryDirectory(prefix="medici-engine-", dir="/var/lib") as name, mapped_user():
        folder = Path(name)
        folder.chmod(0o711)
        with running(_service(folder)) as service:
            copy(image, service.url)
            engine = DockerEngine(service.url)
            try:
                yield engine, service.url
            finally:
                engine.close()


def copy(image: str, url: str) -> None:
    """From the machine's engine into the other one."""
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        subprocess.run(["docker", "-H", url, "load"], stdin=saving.stdout, check=True, capture_output=True, timeout=120)


@contextmanager
def mapped_user() -> Iterator[None]:
    """Whom root of a container is outside: an account that owns nothing, with numbers of its own."""
    made = (
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", USER], check=False
        ).returncode
        == 0
    )
    kept = {path: path.read_text() for path in (Path("/etc/subuid"), Path("/etc/subgid")) if path.exists()}
    for path in (Path("/etc/subuid"), Path("/etc/subgid")):
        others = [line for line in kept.get(path, "").splitlines(keepends=True) if not line.startswith(f"{USER}:")]
        path.write_text("".join([*others, f"{USER}:{FIRST_ID}:{IDS}\n"]))
    try:
        yield
    finally:
        for path in (Path("/etc/subuid"), Path("/etc/subgid")):
            path.write_text(kept.get(path, ""))
        if made:
            subprocess.run(["userdel", USER], check=False, capture_output=True)


def _service(folder: Path) -> Service:
    settings = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "userns-remap": USER,
        "runtimes": {"runsc": {"path": shutil.which("runsc"), "runtimeArgs": ["--network=none", "--platform=ptrace"]}},
    }
    (folder / "daemon.json").write_text(json.dumps(settings))
    url = f"unix://{folder}/socket"
    return Service(
        [*ALONE, "dockerd", "--config-file", str(folder / "daemon.json"), "-H", url], url, lambda: _answers(url), folder
    )


def _answers(url: str) -> bool:
    time.sleep(0.2)
    asked = subprocess.run(["docker", "-H", url, "version"], check=False, capture_output=True, timeout=30)
    return asked.returncode == 0
