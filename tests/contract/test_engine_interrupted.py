"""What takes long at an engine ends within seconds when it is no longer wanted."""

import gzip
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import BuildOrder, Engine
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.interrupt import Interrupt, Interrupted
from tests.factories.worker import IMAGE
from tests.registry import registry

MIB = 1024**2


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.slow)])
def engine(request) -> Iterator[Engine]:
    opened: Engine = FakeEngine() if request.param == "fake" else DockerEngine()
    yield opened
    opened.close()


@contextmanager
def interrupted(stop: Interrupt, *, after_s: float, within_s: float = 5.0) -> Iterator[None]:
    timer = threading.Timer(after_s, stop.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        yield
    timer.cancel()
    assert time.monotonic() - began < after_s + within_s


def containers_of_builds(word: str) -> list[str]:
    opened = DockerEngine()
    try:
        return [one["Id"] for one in opened.api.containers(all=True) if word in (one["Command"] or "")]
    finally:
        opened.close()


def test_a_build(engine):
    stop = Interrupt()
    word = f"sleep {1000 + uuid.uuid4().int % 1_000_000}"
    tag = f"medici/run-image:test{uuid.uuid4().hex[:8]}"
    text = f"FROM {IMAGE}\nRUN {word}\n".encode()
    order = BuildOrder(tag, 1000, 512 * MIB, 1, stop=stop)
    with interrupted(stop, after_s=0.2 if isinstance(engine, FakeEngine) else 2):
        engine.build([*tar_file("Dockerfile", text), tar_end()], order, bytearray().extend)
    assert engine.image(tag) is None
    if not isinstance(engine, FakeEngine):
        began = time.monotonic()
        while containers_of_builds(word):
            assert time.monotonic() - began < 5
            time.sleep(0.1)


def test_a_context_on_its_way(engine):
    stop = Interrupt()
    order = BuildOrder(f"medici/run-image:test{uuid.uuid4().hex[:8]}", 1000, 512 * MIB, 1, stop=stop)

    def endless() -> Iterator[bytes]:
        for number in range(100_000):
            yield from tar_file(f"{number}", b"0" * 1024)
            time.sleep(0.01)

    with interrupted(stop, after_s=0.2):
        engine.build(endless(), order, bytearray().extend)


def test_an_image_that_is_being_loaded(engine):
    stop = Interrupt()

    def endless() -> Iterator[bytes]:
        for number in range(100_000):
            yield from tar_file(f"{number:064x}.tar", b"0" * 1024)
            time.sleep(0.01)

    with interrupted(stop, after_s=0.2):
        engine.load(endless(), stop)


@pytest.mark.slow
def test_an_image_that_is_being_pulled():
    """From a registry that waits before it sends the image's only layer."""
    engine, stop = DockerEngine(), Interrupt()
    layer = b"".join([*tar_file("mark.txt", uuid.uuid4().bytes), tar_end()])
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    with registry() as held:
        reference = held.offer(config, [gzip.compress(layer)], "medici-test/slow")
        answer, asked = held.answer, threading.Event()

        def slowly(path: str) -> tuple[str, bytes] | None:
            if "/blobs/" in path:
                asked.set()
                time.sleep(8)
            return answer(path)

        held.answer = slowly
        with interrupted(stop, after_s=2):
            engine.pull(reference, stop)
        assert asked.is_set()
    assert engine.image(reference) is None
    engine.close()
