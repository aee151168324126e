"""What is pulled stays within limits, whatever a registry sends; for real, from a registry on this machine."""

import gzip
import hashlib
import json
import time
import uuid

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.disk import Disk
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import DiskNearlyFull, ImageTooLarge, ImageUnavailable, PullLimits
from tests.registry import registry

pytestmark = pytest.mark.slow

MIB = 1024**2


@pytest.fixture
def engine():
    opened = DockerEngine()
    yield opened
    opened.close()


@pytest.fixture
def offered():
    """A registry, and the reference of an image whose one layer has 3 MiB on its way."""
    noise = b"".join(hashlib.sha256(f"{uuid.uuid4()}".encode()).digest() for _ in range(3 * MIB // 32))
    layer = b"".join([*tar_file("noise.bin", noise), tar_end()])
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    with registry() as held:
        yield held, held.offer(config, [gzip.compress(layer)], "medici-test/noise")


class FullDisk(Disk):
    @property
    def is_low(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (PullLimits(layer_bytes=MIB), ImageTooLarge),
        (PullLimits(time_s=0), ImageUnavailable),
        (PullLimits(disk=FullDisk(".", 1)), DiskNearlyFull),
    ],
    ids=["size", "time", "disk"],
)
def test_a_pull_ends_at_its_limit(engine, offered, limits, error):
    _, reference = offered
    began = time.monotonic()
    with pytest.raises(error):
        engine.pull(reference, limits=limits)
    assert time.monotonic() - began < 10
    assert engine.image(reference) is None


def test_a_pull_within_its_limits(engine, offered, tmp_path):
    _, reference = offered
    limits = PullLimits(time_s=60, layer_bytes=4 * MIB, disk=Disk(tmp_path, 1))
    assert engine.pull(reference, limits=limits).digests == (reference,)
    engine.remove_image(reference)


def test_a_registry_that_sends_no_size_is_counted(engine, offered):
    held, reference = offered
    held.tells_sizes = False
    with pytest.raises(ImageTooLarge):
        engine.pull(reference, limits=PullLimits(layer_bytes=MIB))
    assert engine.image(reference) is None
