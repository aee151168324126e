"""Containers and volumes of a worker that never comes back: any other worker of the engine removes them in time."""

import os
import time
import uuid
from collections.abc import Iterator

import docker
import pytest

from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import ContainerPlan, Engine, Mount, Volume
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.containers.profile import keeper
from medici_worker.janitor import remove_overdue
from tests.factories.worker import IMAGE

FILE_BYTES = 7 * 1024**3 + os.getpid()
"""Of this test's own steps: others build at the same time."""
COMMAND = ("sleep", "600")


def sleep(inside: Inside) -> int:
    inside.sleep(600)
    return 0


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.slow)])
def engine(request) -> Iterator[Engine]:
    opened: Engine = FakeEngine({" ".join(COMMAND): sleep}) if request.param == "fake" else DockerEngine()
    yield opened
    opened.close()


def test_what_has_outlived_its_limits_goes_and_the_rest_stays(engine):
    worker, now = f"medici-dead-{uuid.uuid4().hex[:8]}", int(time.time())
    until = {"over": now - 1, "under way": now + 300}
    for what, moment in until.items():
        name = f"{worker}-{what.replace(' ', '-')}"
        labels = {"medici.worker": worker, "medici.until": str(moment)}
        engine.create_volume(Volume(name, labels))
        plan = ContainerPlan(name, IMAGE, keeper(engine_cpus=1), (Mount(name, "/v"),), COMMAND, labels=labels)
        engine.start(plan, bytearray().extend)
    mine = {"medici.worker": worker}
    try:
        assert remove_overdue(engine, now=now) >= 1  # others' may be there too
        assert [one.name for one in engine.containers(mine)] == [f"{worker}-under-way"]
        assert [one.name for one in engine.volumes(labels=mine)] == [f"{worker}-under-way"]
    finally:
        for container in engine.containers(mine):
            engine.remove_container(container.name)
        for volume in engine.volumes(labels=mine):
            engine.remove_volume(volume.name)


@pytest.mark.slow
def test_steps_of_a_builder_that_died_are_cleared_an_hour_later():
    engine, now = DockerEngine(), time.time()

    def left(file_bytes: int, **labels: str) -> str:
        limits = [docker.types.Ulimit(name="fsize", soft=file_bytes, hard=file_bytes)]
        host = engine.api.create_host_config(ulimits=limits, network_mode="none")
        return str(engine.api.create_container(IMAGE, ["true"], host_config=host, labels=labels)["Id"])

    step, ended, other = left(FILE_BYTES), left(FILE_BYTES), left(FILE_BYTES - 1)
    ours = left(FILE_BYTES, **{"medici.worker": "somebody"})
    made = {step, ended, other, ours}
    try:
        engine.api.start(ended)
        engine.api.wait(ended)
        engine.clear_builds(now=now + 60, file_bytes=FILE_BYTES)
        assert made <= {one["Id"] for one in engine.api.containers(all=True)}
        assert engine.clear_builds(now=now + 2 * 3600, file_bytes=FILE_BYTES) == 2
        assert made & {one["Id"] for one in engine.api.containers(all=True)} == {other, ours}
    finally:
        for one in made:
            engine.remove_container(one)
        engine.close()
