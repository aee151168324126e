"""A worksite on the fake engine, with a submission and a scoring program that end well."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from medici_worker.containers.fake_engine import FakeEngine, finished
from medici_worker.containers.fake_inside import Inside
from medici_worker.protocol import Limits
from medici_worker.worksite import Worksite, open_worksite
from tests.factories.worker import RunMaker

DOCKERFILE = "FROM medici/python:latest\nCMD predict\n"
SCORE = {"metadata": "command: score"}
LIMITS = Limits(time_s=5, output_bytes=1000, memory_bytes=100 * 1024**2)


def predict(inside: Inside) -> int:
    inside.print("predicting\n")
    inside.write("/mnt/out/y.csv", inside.read("/mnt/in/x.csv"))
    return 0


def score(inside: Inside) -> int:
    inside.print("the answer is secret\n")
    inside.write("/app/output/scores.txt", b"f1: 0.5\n" if inside.list("/app/input/res") else b"")
    return 0


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine({"predict": predict, "score": score})


@pytest.fixture
def site(engine, tmp_path) -> Iterator[Worksite]:
    opened = open_worksite(engine, tmp_path / "state", worker="w1", prewarm=False)
    yield opened
    opened.close()
    assert finished(engine)
    assert engine.volumes(labels={"medici.worker": "w1"}) == []


@pytest.fixture
def make(tmp_path) -> RunMaker:
    return RunMaker(tmp_path)


def container(make, **spec):
    return make.container(DOCKERFILE, **{"limits": LIMITS, "scoring_limits": LIMITS, **spec})


@contextmanager
def in_touch(process) -> Iterator[None]:
    """The worker's thread that says hello."""
    thread = threading.Thread(target=process.keep_in_touch)
    thread.start()
    yield
    process.close()
    thread.join(5)
    assert not thread.is_alive()


def until(true) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
