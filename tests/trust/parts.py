"""The parts of a platform, each of which can be killed and started again, and who kills them."""

import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.stack import Process, Stack, until
from tests.services import Service
from tests.trust.load import Load

IMAGE = "medici/python:latest"
RESTART_S = 90
LONGEST_DOWN_S = 2.0
CLOCK = (sys.executable, "-m", "medici_platform.cli", "clock")
WEB = (
    sys.executable,
    "-m",
    "uvicorn",
    "--factory",
    "medici_platform.app:create_app",
    "--http",
    "h11",
    "--log-level",
    "warning",
)


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
        """Returns once it works, or waits for the one that does."""
        log = self.folder / f"clock-{time.monotonic_ns()}.log"
        clock = self._spawn([*CLOCK], log, self.environment(PYTHONUNBUFFERED="1"))
        until(lambda: "clock_begins" in log.read_text(), "the clock works", within_s=RESTART_S)
        return clock

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
    longest_s: float = 4.0
    """Between the moment in which runs are under way and the kill."""
    stages: Counter[str] = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)
    """time.monotonic() of each kill."""
    failure: list[BaseException] = field(default_factory=list)

    def work(self) -> None:
        """Hand in until all kills are done, and wait until all that was handed in has ended."""
        thread = threading.Thread(target=self._kill_all, name="killer", daemon=True)
        thread.start()
        try:
            while thread.is_alive() or self.load.step(more=False):
                self.load.step(more=thread.is_alive())
                time.sleep(0.1)
        finally:
            self.count = 0
            thread.join(2 * RESTART_S)
        assert not self.failure, self.failure

    def _kill_all(self) -> None:
        try:
            while len(self.at) < self.count:
                self.stages[self._await_runs(self.random.uniform(0.2, self.longest_s))] += 1
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
    """PostgreSQL refuses to start while processes of its killed server still end, and Docker takes its time."""
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
