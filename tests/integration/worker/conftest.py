import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.janitor import images_over
from medici_worker.protocol import Limits, Report, RunSpec
from medici_worker.run import execute
from medici_worker.settings import default_lock_folder
from medici_worker.worksite import Worksite, open_worksite
from tests.factories.worker import RecordingHost, RunMaker, python_program, python_submission
from tests.shared_engine import forget_data

MIB = 1024**2
SMALL = Limits(
    time_s=30,
    memory_bytes=128 * MIB,
    cpus=1,
    pids=64,
    output_bytes=8 * MIB,
    output_files=50,
    shm_bytes=4 * MIB,
    tmp_bytes=4 * MIB,
)

RUNS = itertools.count(step=100)


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    opened = DockerEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def site(engine, tmp_path_factory) -> Iterator[Worksite]:
    """A worksite of these tests' own: everything that carries its name is gone afterwards."""
    worker = f"medici-test-{uuid.uuid4().hex[:8]}"
    state = tmp_path_factory.mktemp("state")
    opened = open_worksite(engine, state, worker=worker, lock_folder=default_lock_folder())
    yield opened
    opened.close()
    clear(engine, state, worker)
    assert engine.containers({"medici.worker": worker}) == []
    assert engine.volumes(labels={"medici.worker": worker}) == []


def clear(engine: DockerEngine, state: Path, worker: str) -> None:
    """Remove the datasets that a worker used and the images that it built or loaded: others' stay."""
    forget_data(engine, state, [used.name for used in (state / "datasets").glob("*")])
    for name in images_over(engine, worker, 0):
        engine.remove_image(name)


@pytest.fixture
def make(tmp_path) -> RunMaker:
    """Each test's runs have numbers of their own: containers are removed in the background, and named by them."""
    return RunMaker(tmp_path, runs_before=next(RUNS))


@pytest.fixture
def run(site, make) -> Callable[..., tuple[Report, RecordingHost]]:
    """Run some Python as a submission, with small limits and the copying scorer."""

    def run_code(code: str, *, scorer: dict | None = None, **spec) -> tuple[Report, RecordingHost]:
        host = make.host(scorer or python_program())
        return execute(inference(make, code, **spec), host, site), host

    return run_code


def inference(make: RunMaker, code: str, **spec) -> RunSpec:
    dockerfile, files = python_submission(code)
    return make.container(dockerfile, files, **{"limits": SMALL, "scoring_limits": SMALL, **spec})
