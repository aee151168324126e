"""Fixtures for what is real: services, the Docker engine, a browser, the shared data."""

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests import services
from tests.services import Service, missing
from tests.trust.gathering import Gathering

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Gathering(), "trust")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Service]:
    """One PostgreSQL for the session; most tests want `postgres_url`."""
    with services.postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Service) -> Iterator[str]:
    """An empty database of this test's own, as `postgresql+psycopg://…`."""
    with services.postgres_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Service]:
    """One Redis for the session; most tests want `redis_url`."""
    with services.redis_server() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Service) -> str:
    """Redis, emptied for this test."""
    services.empty_redis(redis_server.url)
    return redis_server.url


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerClient]:
    try:
        engine = docker.from_env(timeout=600)
    except DockerException:
        missing("A Docker engine", "`make engine` finds or starts one")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser for playwright."""
    return services.chromium_path()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder that MEDICI_SHARED names (by default `shared` beside the checkout): real images, in `data/`."""
    folder = Path(os.environ.get("MEDICI_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"No shared data at {folder}: set MEDICI_SHARED to the folder that holds it.")
    return folder
