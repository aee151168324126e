"""A worker that hears of nothing, whatever has become of the broker, runs what its platform says waits for it."""

import threading
import time
from dataclasses import dataclass, field

import pytest

from medici_worker import worker as worker_module
from medici_worker.client import HostUnreachable
from medici_worker.gpus import GpuPool
from medici_worker.protocol import WorkerHello, WorkerWelcome
from medici_worker.settings import WorkerSettings
from medici_worker.worker import WorkerProcess
from medici_worker.worksite import open_worksite
from tests.unit.worker.conftest import in_touch, until


@dataclass
class Platform:
    waiting: list[int] = field(default_factory=list)
    hellos: int = 0
    claims: list[int] = field(default_factory=list)
    is_silent: bool = False

    def hello(self, _: WorkerHello) -> WorkerWelcome:
        self.hellos += 1
        if self.is_silent:
            raise HostUnreachable("It does not answer.")
        return WorkerWelcome(worker_id=1, name="w1", queue="default", overlooked=tuple(self.waiting[:2]))

    def hurry(self) -> None:
        """It is quick."""

    def close(self) -> None:
        """Nothing is open."""


class Worker(WorkerProcess):
    """Executes nothing, and takes a moment for it."""

    def _claim(self, run_id):
        self._client.claims.append(run_id)
        if run_id not in self._client.waiting:
            return None
        self._client.waiting.remove(run_id)
        return object(), GpuPool((), self.settings.lock_dir).lease_up_to(0)

    def _execute(self, _claim, _lease):
        self._in_hand.add(("run", "1"))
        self.at_once = max(getattr(self, "at_once", 0), len(self._in_hand))
        time.sleep(0.02)
        self._in_hand.clear()
        self._idle_since = time.monotonic()


@pytest.fixture
def made(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "IDLE_S", 0.0)
    site = open_worksite(engine, tmp_path / "state", worker="w1", prewarm=False)
    platform = Platform()
    settings = WorkerSettings(hello_s=0.02, lock_dir=tmp_path / "locks")
    process = Worker(settings, engine=engine, client=platform, gpus=GpuPool((), tmp_path / "locks"), site=site)
    yield process, platform
    process.close()


@pytest.fixture
def at_work(made):
    process, platform = made
    with in_touch(process):
        yield process, platform


def test_it_takes_all_of_them_one_after_the_other(at_work):
    process, platform = at_work
    platform.waiting += [1, 2, 3, 4, 5]
    until(lambda: not platform.waiting)
    assert platform.claims == [1, 2, 3, 4, 5]
    assert process.at_once == 1


def test_those_that_it_cannot_have_are_asked_for_once_a_hello(made):
    process, platform = made
    process._overlooked.take_all([7])
    assert (platform.claims, platform.hellos) == ([7], 0)


def test_it_ends_when_the_platform_falls_silent(made):
    process, platform = made
    platform.waiting += [1, 2]
    platform.is_silent = True
    process._overlooked.take_all([1, 2])
    assert (platform.claims, platform.hellos) == ([1, 2], 1)


@pytest.mark.parametrize("trouble", ["_is_low_on_disk", "_is_engine_away"])
def test_a_worker_that_could_not_run_them_takes_none(made, trouble):
    process, platform = made
    platform.waiting.append(1)
    setattr(process, trouble, True)
    process._take_overlooked([1])
    process._overlooked.join(5)
    assert platform.claims == []
    setattr(process, trouble, False)
    process._take_overlooked([1])
    process._overlooked.join(5)
    assert platform.claims == [1]


def test_a_worker_that_ends_gives_it_the_grace_time(made, monkeypatch):
    process, platform = made
    platform.waiting += [1, 2]
    begun, ended = threading.Event(), threading.Event()

    def execute(_claim, _lease):
        begun.set()
        time.sleep(0.2)
        ended.set()

    monkeypatch.setattr(process, "_execute", execute)
    process._take_overlooked([1, 2])
    assert begun.wait(5)
    process.close()
    assert ended.is_set()
    assert platform.claims == [1]


def test_a_round_that_breaks_does_not_end_the_rounds(made, monkeypatch):
    process, platform = made
    monkeypatch.setattr(worker_module, "PAUSE_S", 0.01)
    broken = iter([OSError("No space left on device"), None])

    def clean():
        if error := next(broken, None):
            raise error

    process.clean = clean
    with in_touch(process):
        until(lambda: platform.hellos > 1)


def test_a_busy_worker_leaves_them_to_others(made, monkeypatch):
    process, platform = made
    process._in_hand.add(("run", "1"))
    process._take_overlooked([1])
    process._in_hand.clear()
    monkeypatch.setattr(worker_module, "IDLE_S", 60.0)  # the next hint is on its way
    process._take_overlooked([1])
    assert platform.claims == []


def test_no_more_run_at_a_time_than_there_are_slots(made):
    process, platform = made
    platform.waiting += [1, 2, 3]
    threads = [threading.Thread(target=process.take_run, args=(run,)) for run in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (sorted(platform.claims), process.at_once) == ([1, 2, 3], 1)
