"""Hostile Dockerfiles: each is refused, or held, by the worker's own code; with the bare engine it is built."""

import uuid
from collections.abc import Iterator

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.protocol import BuildPolicy, FailureKind
from medici_worker.run import execute
from medici_worker.settings import default_lock_folder
from medici_worker.worksite import open_worksite
from tests.factories.worker import IMAGE, RunMaker, python_program
from tests.integration.worker.conftest import MIB, SMALL, clear

pytestmark = pytest.mark.slow

REFUSED, FAILED = FailureKind.IMAGE_REFUSED, FailureKind.BUILD_FAILED
REJECTED = FailureKind.ARCHIVE_REJECTED
BASE = f"FROM {IMAGE}\n"
DOCKERFILES: dict[str, tuple[str, FailureKind]] = {
    "a base that is not allowed": ("FROM scratch-of-mine:1\nRUN true\n", REFUSED),
    "another participant's image": ("FROM {other}\nRUN true\n", REFUSED),
    "another's image by its id": ("FROM {other_id}\nRUN true\n", REFUSED),
    "files of another's image": (BASE + "COPY --from={other} /secret /x\n", REFUSED),
    "another's image through an argument": ("ARG X={other}\nFROM $X\nRUN true\n", REFUSED),
    "a base's trigger": (BASE + "ONBUILD RUN true\n", REFUSED),
    "an address to fetch": (BASE + "ADD http://127.0.0.1:1/x /x\n", REFUSED),
    "a volume": (BASE + "VOLUME /data\n", REFUSED),
    "another front end": ("# syntax=docker/dockerfile:1\n" + BASE, REFUSED),
    "another escape sign": ("# escape=`\n" + BASE, REFUSED),
    "a mount of the engine's": (BASE + "RUN --mount=type=bind,source=/,target=/host true\n", REFUSED),
    "network of the machine": (BASE + "RUN --network=host true\n", REFUSED),
    "no sandbox": (BASE + "RUN --security=insecure true\n", REFUSED),
    "a file from above the context": (BASE + "COPY ../../../etc/shadow /x\n", FAILED),
    "the network": (BASE + 'RUN [ "$(ls /sys/class/net)" != lo ]\n', FAILED),
    "mounting": (BASE + "RUN mount -t tmpfs none /mnt\n", FAILED),
    "a user namespace": (BASE + "RUN unshare --user --map-root-user true\n", FAILED),
    "the kernel's settings": (BASE + "RUN echo 1 > /proc/sys/kernel/core_pattern\n", FAILED),
    "a huge file": (BASE + "RUN truncate -s 30G /big\n", FAILED),
    "all memory": (BASE + "RUN python -c 'x = b\"x\" * 700 * 1024**2'\n", FAILED),
}  # fmt: skip
BARE = {
    "another participant's image",
    "another's image by its id",
    "files of another's image",
    "another's image through an argument",
    "a base's trigger",
    "a volume",
    "the network",
    "all memory",
    "another escape sign",
}
"""What the engine does when it is merely asked: seen below, within bounds."""


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    opened = DockerEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def other(engine) -> Iterator[tuple[str, str]]:
    """Name and id of an image that was built from another submission."""
    tag = f"medici/run-image:test{uuid.uuid4().hex[:8]}"
    image_id = bare(engine, f"{BASE}RUN echo weights > /secret\n", tag)
    assert image_id is not None
    yield tag, image_id
    engine.remove_image(tag)


@pytest.fixture(scope="module")
def held(engine, other, tmp_path_factory) -> Iterator[dict]:
    folder = tmp_path_factory.mktemp("builds")
    worker = f"medici-test-{uuid.uuid4().hex[:8]}"
    site = open_worksite(engine, folder / "state", worker=worker, lock_folder=default_lock_folder(), prewarm=False)
    make = RunMaker(folder)

    def build(text: str):
        policy = BuildPolicy(memory_bytes=512 * MIB, allowed_bases=("medici/*", "*run-image*"), time_s=60)
        spec = make.container(known(text, other) + 'CMD ["true"]\n', limits=SMALL, scoring_limits=SMALL, build=policy)
        return execute(spec, make.host(python_program()), site)

    yield {name: build(text) for name, (text, _) in DOCKERFILES.items()}
    site.close()
    clear(engine, folder / "state", worker)


def known(text: str, other: tuple[str, str]) -> str:
    return text.replace("{other}", other[0]).replace("{other_id}", other[1])


def bare(engine: DockerEngine, text: str, tag: str) -> str | None:
    """What the engine makes of a Dockerfile that nobody looked at; None when it can't be built there either."""
    context = b"".join([*tar_file("Dockerfile", text.encode()), tar_end()])
    api = engine.api
    answer = api._post(
        api._url("/build"), data=context, headers={"Content-Type": "application/tar"},
        params={"t": tag, "rm": True, "forcerm": True, "memory": 1024 * MIB, "memswap": 1024 * MIB,
                "networkmode": "host"},
    )  # fmt: skip
    said = answer.text
    found = engine.image(tag)
    return found.image_id if found is not None and '"errorDetail"' not in said else None


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_hostile_dockerfile_is_stopped(engine, other, held, trust, name):
    text, expected = DOCKERFILES[name]
    succeeds = None
    if name in BARE:
        tag = f"medici/test-bare:{uuid.uuid4().hex[:8]}"
        succeeds = bare(engine, known(text, other), tag) is not None
        engine.remove_image(tag)
    report = held[name]
    trust.note_attack("build", name, stopped=report.failure is expected, succeeds_without=succeeds)
    assert report.failure is expected, report
    if name in BARE:
        assert succeeds
