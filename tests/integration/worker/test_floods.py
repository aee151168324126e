"""Gigabytes of output: they cost neither the worker's memory nor the engine's disk."""

import os
import threading
import time
from pathlib import Path
from typing import Self

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.build_marks import marking
from medici_worker.containers.engine import BuildBroken, BuildOrder, ContainerPlan
from medici_worker.containers.profile import hardened
from medici_worker.protocol import Stage
from tests.factories.worker import IMAGE
from tests.integration.worker.conftest import MIB, SMALL

pytestmark = pytest.mark.slow

GIB = 1024**3
FLOOD = "import os\nline = b'x' * 65535 + b'\\n'\nfor _ in range({0}): os.write(1, line)\n"


class Memory:
    """The largest resident set of this process while inside, beyond what it was before."""

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._before = self.largest = _resident_bytes()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown_bytes(self) -> int:
        return self.largest - self._before

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.largest = max(self.largest, _resident_bytes())


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_container_that_prints_a_gigabyte(run):
    limits = SMALL.model_copy(update={"time_s": 120, "log_bytes": 100_000})
    code = FLOOD.format(GIB // 65536) + "open('/mnt/out/y', 'w').write('1')\n"
    with Memory() as memory:
        began = time.monotonic()
        report, host = run(code, limits=limits)
    print(f"\n1 GiB printed in {time.monotonic() - began:.1f} s; worker's memory +{memory.grown_bytes / MIB:.0f} MiB")
    assert report.failure is None, report
    assert len(host.logs[Stage.RUNNING]) < 100_100
    assert memory.grown_bytes < 64 * MIB


def test_the_engine_keeps_no_more_than_the_cap(engine):
    """While it runs: the files of its log on the engine's disk."""
    name = f"medici-test-flood-{os.getpid()}"
    profile = hardened(SMALL, engine_cpus=1)
    plan = ContainerPlan(name, IMAGE, profile, command=("python", "-c", FLOOD.format(10_000_000)))
    running = engine.start(plan, lambda _: None)
    try:
        found = engine.api.inspect_container(name)
        log = Path(found["LogPath"])
        largest, began = 0, time.monotonic()
        while time.monotonic() - began < 10:
            largest = max(largest, sum(path.stat().st_size for path in log.parent.glob("*.log*")))
            time.sleep(0.1)
    finally:
        running.remove()
    print(f"\nlargest log of a container that prints without end: {largest / MIB:.1f} MiB")
    assert 0 < largest < 2 * 10_000_000 + MIB  # one that is full, and one that begins, for a moment


def test_a_build_that_prints_without_end(engine):
    text = f"FROM {IMAGE}\nCOPY flood.py /\nRUN python /flood.py; false\n"
    sent = [*tar_file("Dockerfile", text.encode()), *tar_file("flood.py", FLOOD.format(4096).encode()), tar_end()]
    order = BuildOrder(f"medici/run-image:test-flood-{os.getpid()}", 300, 512 * MIB, 1)
    seen = 0

    def on_log(data: bytes) -> None:
        nonlocal seen
        seen += len(data)

    with Memory() as memory:
        began = time.monotonic()
        with pytest.raises(BuildBroken):
            engine.build(sent, order, on_log)
    took_s = time.monotonic() - began
    print(f"\n{seen / MIB:.0f} MiB printed by a build in {took_s:.1f} s; memory +{memory.grown_bytes / MIB:.0f} MiB")
    assert seen > 200 * MIB
    assert memory.grown_bytes < 64 * MIB


def test_forged_lines_of_a_build_are_bounded(engine):
    """A step that prints what the builder prints: names of images."""
    code = "for n in range(300000): print(' ---> %012x' % n)"
    mark = f"test-forged-{os.getpid()}"
    text = f'FROM {IMAGE}\n{marking(mark)}\nRUN ["python", "-c", "{code}"]\nRUN false\n'
    order = BuildOrder(f"medici/run-image:{mark}", 300, 512 * MIB, 1, mark=mark)
    with Memory() as memory, pytest.raises(BuildBroken):
        engine.build([*tar_file("Dockerfile", text.encode()), tar_end()], order, lambda _: None)
    assert memory.grown_bytes < 64 * MIB
