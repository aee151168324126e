"""An engine of each kind, and what its tests need to drive both alike."""

import io
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import (
    ContainerPlan,
    Engine,
    Exit,
    Mount,
    Volume,
)
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.containers.profile import hardened
from medici_worker.protocol import Limits
from tests.factories.worker import IMAGE

LIMITS = Limits(memory_bytes=64 * 1024**2, output_bytes=1024**2, shm_bytes=1024**2, tmp_bytes=1024**2)


def hello(inside: Inside) -> int:
    inside.print("hello\n")
    inside.write("/out/hello.txt", inside.read("/in/who.txt"))
    return 0


def fail(inside: Inside) -> int:
    return 3


def sleep(inside: Inside) -> int:
    inside.sleep(60)
    return 0


def spoil(inside: Inside) -> int:
    inside.write("/in/who.txt", b"spoilt")
    return 0


def fill(inside: Inside) -> int:
    inside.write("/out/big", b"0" * 2 * 1024**2)
    return 0


FAKE = {"hello": hello, "fail": fail, "sleep": sleep, "spoil": spoil, "fill": fill}
SHELL = {
    "hello": "echo hello; cp /in/who.txt /out/hello.txt",
    "fail": "exit 3",
    "sleep": "trap '' TERM; sleep 60",
    "spoil": "echo spoilt > /in/who.txt",
    "fill": "head -c 2097152 /dev/zero > /out/big",
}


@dataclass
class Harness:
    """An engine, the commands that it knows, and names of this test's own."""

    engine: Engine
    prefix: str
    log: bytearray

    def command(self, name: str) -> tuple[str, ...]:
        return (name,) if isinstance(self.engine, FakeEngine) else ("sh", "-c", SHELL[name])

    def plan(self, command: tuple[str, ...] | None, *mounts: Mount, name: str = "c") -> ContainerPlan:
        profile = hardened(LIMITS, engine_cpus=1)
        labels = {"medici.worker": self.prefix}
        return ContainerPlan(f"{self.prefix}-{name}", IMAGE, profile, mounts, command, labels=labels)

    def volume(self, name: str, size_bytes: int | None = None) -> str:
        self.engine.create_volume(Volume(f"{self.prefix}-{name}", {"medici.worker": self.prefix}, size_bytes))
        return f"{self.prefix}-{name}"

    def run(self, name: str, *mounts: Mount) -> Exit:
        running = self.engine.start(self.plan(self.command(name), *mounts), self.log.extend)
        try:
            ended = running.wait(30)
            assert ended is not None
            return ended
        finally:
            running.remove()


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.slow)])
def harness(request) -> Iterator[Harness]:
    engine: Engine = FakeEngine(FAKE) if request.param == "fake" else DockerEngine()
    made = Harness(engine, f"medici-contract-{uuid.uuid4().hex[:8]}", bytearray())
    yield made
    for container in engine.containers({"medici.worker": made.prefix}):
        engine.remove_container(container.name)
    for volume in engine.volumes(labels={"medici.worker": made.prefix}):
        engine.remove_volume(volume.name)
    engine.close()


def names_and_contents(chunks: Iterator[bytes]) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isreg()}


def one_file(name: str, content: bytes) -> list[bytes]:
    return [*tar_file(name, content), tar_end()]
