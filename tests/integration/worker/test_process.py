"""A real worker process: Celery on the embedded broker, a platform over HTTP, a real engine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from medici_worker.protocol import PROTOCOL_VERSION, FailureKind, FileRole, ScoringGrant
from medici_worker.protocol.broker import RUN_JOB, broker_settings, queue_name
from tests.factories.worker import RunMaker, python_program, python_submission
from tests.factories.worker_platform import CREDENTIAL, TinyPlatform, serving
from tests.integration.worker.conftest import SMALL, clear

pytestmark = pytest.mark.slow

COPY = "import shutil\nshutil.copy('/mnt/in/x.csv', '/mnt/out/y.csv')\nprint('copied')\n"
SLEEP = "import time\nprint('asleep', flush=True)\ntime.sleep(100)\n"


@pytest.fixture
def make(tmp_path) -> RunMaker:
    return RunMaker(tmp_path)


@pytest.fixture
def platform(make) -> Iterator[TinyPlatform]:
    grant = ScoringGrant(
        scoring_program=make.archives.ref(FileRole.SCORING_PROGRAM, python_program()),
        reference_data=make.archives.ref(FileRole.REFERENCE_DATA, {"truth.txt": "f1: 0.5\n"}),
    )
    made = TinyPlatform(make.archives, grant)
    with serving(made):
        yield made


@pytest.fixture(autouse=True)
def _nothing_stays(engine, tmp_path) -> Iterator[None]:
    yield
    if (tmp_path / "state" / "worker-id").exists():
        clear(engine, tmp_path / "state", worker_id(tmp_path))


class Broker:
    """The platform's end of the embedded broker."""

    def __init__(self, folder: Path) -> None:
        self.url = f"folder://{folder}"
        self.messages = folder / "messages"
        self._celery = Celery("platform", set_as_current=False)
        self._celery.conf.update(broker_settings(self.url))

    def hint(self, run_id: int, *, protocol: int = PROTOCOL_VERSION, gpus: int = 0) -> None:
        self._celery.send_task(RUN_JOB, args=[protocol, run_id], queue=queue_name("default", gpus=gpus), retry=False)

    def waiting(self) -> list[str]:
        return [path.name for path in self.messages.iterdir()]


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker")
    yield made
    made._celery.close()


@contextmanager
def worker(platform: TinyPlatform, broker: Broker, folder: Path, **settings: str) -> Iterator[subprocess.Popen]:
    environment = {
        **os.environ,
        "MEDICI_URL": platform.url,
        "MEDICI_BROKER_URL": broker.url,
        "MEDICI_WORKER_CREDENTIAL": CREDENTIAL,
        "MEDICI_WORKER_STATE_DIR": str(folder / "state"),
        "MEDICI_WORKER_GRACE_S": "0.2",
        "MEDICI_WORKER_GPUS": "",
        **settings,
    }
    log = (folder / "worker.log").open("ab")
    process = subprocess.Popen([sys.executable, "-m", "medici_worker"], env=environment, stderr=log, stdout=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        log.close()


def log_of(folder: Path) -> str:
    return (folder / "worker.log").read_text()


def worker_id(folder: Path) -> str:
    return (folder / "state" / "worker-id").read_text()


def test_hints_become_scores(platform, broker, make, engine, tmp_path):
    dockerfile, files = python_submission(COPY)
    for run_id in (1, 2):
        spec = make.container(dockerfile, files, limits=SMALL, scoring_limits=SMALL)
        platform.specs[run_id] = spec.model_copy(update={"run_id": run_id})
    with worker(platform, broker, tmp_path, MEDICI_WORKER_SLOTS="2"):
        broker.hint(1)
        broker.hint(2)
        broker.hint(2)  # redelivery is normal
        broker.hint(99)  # somebody else's
        broker.hint(1, protocol=PROTOCOL_VERSION + 1)
        platform.wait_for(lambda: len(platform.reports) == 2 and len(platform.claims) == 4, 60)
    assert [report.failure for report in platform.reports.values()] == [None, None]
    assert platform.reports[1].scores.scores_txt == "f1: 0.5\n"
    assert platform.logs["running"] == "copied\n" * 2
    assert len(platform.outputs) == 2
    assert platform.hellos[0]["slots"] == 2
    assert broker.waiting() == []
    assert engine.containers({"medici.worker": worker_id(tmp_path)}) == []
    assert engine.volumes(labels={"medici.worker": worker_id(tmp_path)}) == []
    log = log_of(tmp_path)
    assert log.count("event=not_claimed") == 2
    assert log.count("event=hint_of_another_version") == 1
    assert "superuser" not in log
    assert "celery@" not in log
    assert CREDENTIAL not in log


def test_without_room_on_the_disk_no_run_is_claimed(platform, broker, make, tmp_path):
    dockerfile, files = python_submission(COPY)
    platform.specs[1] = make.container(dockerfile, files, limits=SMALL, scoring_limits=SMALL).model_copy(
        update={"run_id": 1}
    )
    disk = {"MEDICI_WORKER_DISK_RESERVE_BYTES": str(2**62), "MEDICI_WORKER_DISK_DIR": str(tmp_path)}
    with worker(platform, broker, tmp_path, **disk):
        broker.hint(1)
        deadline = time.monotonic() + 30
        while "event=disk_nearly_full" not in log_of(tmp_path):
            assert time.monotonic() < deadline, log_of(tmp_path)
            time.sleep(0.1)
    assert platform.claims == []
    assert f"folder={tmp_path}" in log_of(tmp_path)
    with worker(platform, broker, tmp_path):  # there is room again, and the platform asks again
        broker.hint(1)
        platform.wait_for(lambda: platform.reports, 60)
    assert platform.reports[1].failure is None


def sleeper(platform: TinyPlatform, make: RunMaker) -> None:
    dockerfile, files = python_submission(SLEEP)
    limits = SMALL.model_copy(update={"time_s": 100})
    platform.specs[1] = make.container(dockerfile, files, limits=limits, scoring_limits=SMALL)


def test_sigterm_hands_back_what_runs(platform, broker, make, engine, tmp_path):
    sleeper(platform, make)
    with worker(platform, broker, tmp_path) as process:
        broker.hint(1)
        platform.wait_for(lambda: platform.logs.get("running") == "asleep\n", 60)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - began < 10
    assert platform.released == [1]
    assert platform.reports == {}
    assert engine.containers({"medici.worker": worker_id(tmp_path)}) == []
    assert engine.volumes(labels={"medici.worker": worker_id(tmp_path)}) == []


def builds_of(engine, word: str) -> list[str]:
    return [one["Id"] for one in engine.api.containers(all=True) if word in (one["Command"] or "")]


def test_sigterm_cuts_a_build_short_and_hands_the_run_back(platform, broker, make, engine, tmp_path):
    word = f"sleep {2000 + os.getpid()}"
    spec = make.container(f"FROM medici/python:latest\nRUN {word}\n", limits=SMALL, scoring_limits=SMALL)
    platform.specs[1] = spec
    with worker(platform, broker, tmp_path) as process:
        broker.hint(1)
        deadline = time.monotonic() + 60
        while not builds_of(engine, word):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        while builds_of(engine, word):
            assert time.monotonic() - began < 5.2  # its grace of 0.2 s, and 5 s
            time.sleep(0.05)
        print(f"\nnothing of the build {time.monotonic() - began:.1f} s after SIGTERM")
        assert process.wait(30) == 0
        print(f"the worker has ended {time.monotonic() - began:.1f} s after SIGTERM")
    assert platform.released == [1]
    assert platform.reports == {}
    assert engine.containers({"medici.worker": worker_id(tmp_path)}) == []


def test_410_kills_the_container_and_says_nothing_more(platform, broker, make, engine, tmp_path):
    sleeper(platform, make)
    with worker(platform, broker, tmp_path):
        broker.hint(1)
        platform.wait_for(lambda: platform.logs.get("running") == "asleep\n", 60)
        platform.gone.set()
        gone_at = time.monotonic()
        running = {"medici.worker": worker_id(tmp_path), "medici.run": "1"}
        while engine.containers(running):
            assert time.monotonic() - gone_at < 5
            time.sleep(0.1)
    assert platform.reports == {}
    assert platform.released == []
    assert "event=attempt_over" in log_of(tmp_path)


def test_what_a_killed_worker_left_is_removed_by_its_next_life(platform, broker, make, engine, tmp_path):
    sleeper(platform, make)
    with worker(platform, broker, tmp_path) as process:
        broker.hint(1)
        platform.wait_for(lambda: platform.logs.get("running") == "asleep\n", 60)
        process.kill()
        process.wait(10)
    running = {"medici.worker": worker_id(tmp_path), "medici.run": "1"}
    assert len(engine.containers(running)) == 1
    dockerfile, files = python_submission(COPY)
    spec = make.container(dockerfile, files, limits=SMALL, scoring_limits=SMALL)
    platform.specs[1] = spec.model_copy(update={"run_id": 1, "attempt": 2})
    with worker(platform, broker, tmp_path):
        broker.hint(1)
        platform.wait_for(lambda: 1 in platform.reports, 60)
        assert engine.containers(running | {"medici.attempt": "1"}) == []
    assert platform.reports[1].failure is None
    assert "event=orphans_removed" in log_of(tmp_path)
    assert engine.containers({"medici.worker": worker_id(tmp_path)}) == []


def test_a_worker_without_gpus_leaves_their_hints_alone(platform, broker, tmp_path):
    with worker(platform, broker, tmp_path):
        platform.wait_for(lambda: platform.hellos, 30)
        broker.hint(1, gpus=1)
        broker.hint(2)
        platform.wait_for(lambda: platform.claims, 30)
    assert platform.claims == [{"protocol": PROTOCOL_VERSION, "run_id": 2, "free_gpus": 0}]
    assert len(broker.waiting()) == 1


def test_a_worker_with_gpus_claims_with_those_that_are_free(platform, broker, tmp_path):
    table = "GPU-a, NVIDIA A2, 1 MiB; GPU-b, NVIDIA A2, 1 MiB"
    with worker(platform, broker, tmp_path, MEDICI_WORKER_GPUS=table):
        broker.hint(1, gpus=1)
        platform.wait_for(lambda: platform.claims, 30)
    assert platform.claims == [{"protocol": PROTOCOL_VERSION, "run_id": 1, "free_gpus": 2}]
    assert platform.hellos[0]["gpus"] == ["NVIDIA A2", "NVIDIA A2"]


def test_the_engine_is_asked_for_the_leased_gpus(platform, broker, make, tmp_path):
    """This engine has no GPU: its refusal shows that it was asked, and it is the system's fault."""
    dockerfile, files = python_submission(COPY)
    limits = SMALL.model_copy(update={"gpus": 1})
    platform.specs[1] = make.container(dockerfile, files, limits=limits, scoring_limits=SMALL)
    with worker(platform, broker, tmp_path, MEDICI_WORKER_GPUS="GPU-a, NVIDIA A2, 1 MiB"):
        broker.hint(1, gpus=1)
        platform.wait_for(lambda: 1 in platform.reports, 60)
    assert platform.reports[1].failure is FailureKind.SYSTEM_ERROR
    assert "GPU" in platform.reports[1].private_detail or "device driver" in platform.reports[1].private_detail


def test_two_workers_do_not_share_a_state_folder(platform, broker, tmp_path):
    with worker(platform, broker, tmp_path):
        platform.wait_for(lambda: platform.hellos, 30)
        with worker(platform, broker, tmp_path) as second:
            assert second.wait(30) == 1
    assert "Another worker uses" in log_of(tmp_path)


def test_a_worker_waits_for_its_platform(make, broker, tmp_path):
    platform = TinyPlatform(make.archives)
    platform.trouble = 3
    with serving(platform), worker(platform, broker, tmp_path):
        platform.wait_for(lambda: platform.hellos, 60)


def test_without_a_credential_it_says_so(tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEDICI_")}
    done = subprocess.run(
        [sys.executable, "-m", "medici_worker"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "MEDICI_WORKER_CREDENTIAL is not set: `medici worker enroll NAME` on the platform prints one.\n"
    )
