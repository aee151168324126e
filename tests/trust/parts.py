"""The parts of a platform, each of which can be killed and started again, and who kills them."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import DockerException

from tests.e2e.stack import Process, Stack, engine, until
from tests.services import Service, missing
from tests.trust.load import Load

IMAGE = "medici/python:latest"
RESTART_S = 60
LONGEST_DOWN_S = 2.0
CLOCK = (sys.executable, "-m", "medici_platform.cli", "clock")
WEB = (sys.executable, "-m", "uvicorn", "--factory", "medici_platform.app:create_app", "--log-level", "warning")


@dataclass
class Parts(Stack):
    """A platform like that of several machines: a web process and two clocks, each by itself."""

    clocks: list[Process] = field(default_factory=list)

    def start(self, *, worker: bool = True) -> None:
        assert not worker
        migrated = self.medici("admin", "migrate")
        assert migrated.code == 0, migrated.errors
        self.start_web()
        self.clocks = [self.start_clock(), self.start_clock()]

    def start_web(self) -> None:
        self.up = self._spawn([*WEB, "--port", str(self.port)], self.folder / "web.log", self.environment())
        until(self.answers, "the web process answers")

    def start_clock(self) -> Process:
        return self._spawn([*CLOCK], self.folder / "clock.log", self.environment())

    def stop(self) -> None:
        for process in self.clocks:
            process.stop()
        super().stop()


@dataclass
class Killer:
    """Kills one part at random moments while runs are under way, and starts it again a random time later."""

    load: Load
    count: int
    kill: Callable[[], None]
    start: Callable[[], None]
    random: random.Random
    stages: Counter[str] = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)
    """time.monotonic() of each kill."""
    failure: list[BaseException] = field(default_factory=list)

    def work(self) -> None:
        """Hand in until all kills are done, and wait until all that was handed in has ended."""
        thread = threading.Thread(target=self._kill_all, name="killer", daemon=True)
        thread.start()
        while thread.is_alive() or self.load.step(more=False):
            self.load.step(more=thread.is_alive())
            assert not self.failure, self.failure
            time.sleep(0.1)
        assert not self.failure, self.failure

    def _kill_all(self) -> None:
        try:
            for _ in range(self.count):
                self.stages[self._await_runs(self.random.uniform(0.2, 4.0))] += 1
                self.at.append(time.monotonic())
                self.kill()
                time.sleep(self.random.uniform(0, LONGEST_DOWN_S))
                self.start()
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self.failure.append(error)

    def _await_runs(self, longer_s: float) -> str:
        """Wait until runs are under way, and a while longer; returns the stage of one of them."""
        while True:
            until(lambda: self.load.stage() != "idle", "runs are under way", within_s=RESTART_S)
            time.sleep(longer_s)
            if (stage := self.load.stage()) != "idle":
                return stage


def start_patiently(service: Service) -> None:
    """PostgreSQL refuses to start while processes of its killed server still end."""
    began = time.monotonic()
    while True:
        try:
            service.start()
        except RuntimeError:
            assert time.monotonic() - began < RESTART_S, "the server does not start again"
            time.sleep(0.2)
        else:
            return


def kill(service: Service) -> None:
    service.stop(signal.SIGKILL)


@contextmanager
def own_engine() -> Iterator[Service]:
    """A Docker engine of the test's own, with the one image that it needs; this machine's is left alone."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        missing("An engine of the test's own", "run as root where dockerd is installed")
    folder = Path(tempfile.mkdtemp(prefix="medici-engine-", dir="/var/tmp"))
    host = f"unix://{folder}/docker.sock"
    command = [
        "dockerd", "--host", host, "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
        "--pidfile", str(folder / "pid"), "--bridge", "none", "--iptables=false", "--ip-masq=false",
    ]  # fmt: skip
    service = Service(command, host, lambda: _answers(host), folder)
    try:
        service.start()
        _bring_image(host)
        yield service
    finally:
        service.stop(signal.SIGTERM)
        for mount in reversed([line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]):
            if mount.startswith(str(folder)):
                subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(host: str) -> bool:
    with suppress(DockerException), engine(host) as client:
        return bool(client.ping())
    return False


def _bring_image(host: str) -> None:
    with engine() as ours, docker.DockerClient(base_url=host, timeout=600) as own:
        own.images.load(ours.images.get(IMAGE).save(named=True))
