"""A worker whose disk is nearly full claims nothing, says so at once, and goes on by itself."""

import os
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from medici_worker import worker as worker_module
from medici_worker.client import ClaimRefused
from medici_worker.containers.disk import Disk
from medici_worker.containers.engine import EngineError
from medici_worker.containers.fake_engine import finished
from medici_worker.gpus import GpuPool
from medici_worker.hints import Taken
from medici_worker.protocol import FailureKind, Refusal, WorkerHello, WorkerWelcome
from medici_worker.run import execute
from medici_worker.settings import WorkerSettings
from medici_worker.worker import WorkerProcess
from medici_worker.worksite import open_worksite
from tests.unit.worker.conftest import SCORE, container, in_touch, until

GIB = 1024**3


@pytest.fixture
def free(monkeypatch) -> list[int]:
    """Bytes that are free on every disk; a test changes them."""
    bytes_now = [10 * GIB]
    monkeypatch.setattr(Disk, "free_bytes", property(lambda _: bytes_now[0]))
    return bytes_now


@dataclass
class Platform:
    hellos: list[WorkerHello] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)

    def hello(self, hello: WorkerHello) -> WorkerWelcome:
        self.hellos.append(hello)
        return WorkerWelcome(worker_id=1, name="w1", queue="default")

    def claim(self, request):
        self.claims.append(request.run_id)
        raise ClaimRefused(Refusal(code="not_queued", message="It is not waiting."))

    def close(self) -> None:
        """Nothing is open."""


def heard(platform: Platform) -> list[bool]:
    return [hello.is_low_on_disk for hello in platform.hellos]


@pytest.fixture
def at_work(engine, tmp_path, free, monkeypatch):
    monkeypatch.setattr(worker_module, "DISK_LOOK_S", 0.01)
    site = open_worksite(engine, tmp_path / "state", worker="w1", prewarm=False, disk=Disk(tmp_path, 5 * GIB))
    platform = Platform()
    process = WorkerProcess(
        WorkerSettings(hello_s=1000), engine=engine, client=platform, gpus=GpuPool((), tmp_path / "locks"), site=site
    )
    process.hello()
    with in_touch(process):
        yield process, platform


def test_a_full_disk_is_told_at_once_and_so_is_room(at_work, free):
    process, platform = at_work
    assert process.take_run(1) is Taken.NOT_HAD
    free[0] = GIB
    until(lambda: heard(platform) == [False, True])
    assert process.take_run(2) is Taken.NOT_HAD
    free[0] = 6 * GIB
    until(lambda: heard(platform) == [False, True, False])
    assert process.take_run(3) is Taken.NOT_HAD
    assert platform.claims == [1, 3]


def test_a_dataset_that_does_not_fit_is_not_laid_out(engine, make, tmp_path, free):
    site = open_worksite(engine, tmp_path / "state", worker="w2", prewarm=False, disk=Disk(tmp_path, 5 * GIB))
    spec = container(make)
    execute(spec, make.host(SCORE), site)
    assert finished(engine)
    free[0] = 5 * GIB + 5
    archive = make.archives.by_sha256[make.container("FROM x", {"x": "0" * 100}).submission.sha256]
    with (
        pytest.raises(EngineError, match="hardly any room would be left"),
        site.datasets.volume("7" * 64, lambda: archive),
    ):
        pass
    assert engine.volumes(name_contains="7" * 64) == []
    assert engine.volumes(name_contains="medici-data-") == []  # what nobody used made room first
    site.close()


def test_a_download_that_does_not_fit_is_not_begun(engine, make, tmp_path, free):
    site = open_worksite(engine, tmp_path / "state", worker="w3", prewarm=False, disk=Disk(tmp_path, 5 * GIB))
    free[0] = 5 * GIB + 5
    host = make.host(SCORE)
    report = execute(container(make), host, site)
    assert report.failure is FailureKind.SYSTEM_ERROR
    assert report.private_detail.startswith("The submission was not fetched: it takes ")
    assert host.fetched == []
    site.close()


@pytest.mark.parametrize(
    ("free", "total", "is_low"), [(100, 16_000_000, True), (900_000, 16_000_000, False), (0, 0, False)]
)
def test_a_disk_can_be_full_of_files(monkeypatch, tmp_path, free, total, is_low):
    """Empty ones take no bytes; a file system without a number of its own has none to tell."""
    found = SimpleNamespace(f_files=total, f_favail=free, f_bavail=9, f_bfree=9, f_blocks=10, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert Disk(tmp_path, reserve_bytes=1).is_low is is_low
    assert not Disk(tmp_path, reserve_bytes=0).is_low
