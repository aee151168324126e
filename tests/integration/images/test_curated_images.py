"""The curated images as they are on this machine's engine, in the profile that a submission meets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import pytest
from docker.errors import ContainerError
from docker.models.containers import Container

from medici_worker.images import build_images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images(docker_engine: docker.DockerClient) -> docker.DockerClient:
    build_images(["codalab", "postgres", "redis"], engine=docker_engine)
    return docker_engine


def run(engine: docker.DockerClient, image: str, *command: str) -> str:
    """What a stranger's program says: no network, read-only root, nobody's rights."""
    said = engine.containers.run(
        image, list(command), remove=True, network_mode="none", read_only=True, user="65534:65534",
        cap_drop=["ALL"], tmpfs={"/tmp": ""}, environment={"HOME": "/tmp"},
    )  # fmt: skip
    return said.decode().strip()


@contextmanager
def started(engine: docker.DockerClient, image: str, **options: object) -> Iterator[Container]:
    container = engine.containers.run(image, detach=True, network_mode="none", **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def says(container: Container, expected: str, *command: str) -> bool:
    """Whether `command` inside answers `expected` within half a minute."""
    for _ in range(150):
        if container.exec_run(list(command)).output.decode().strip() == expected:
            return True
        time.sleep(0.2)
    return False


def test_up_to_date_images_are_left_alone(images: docker.DockerClient) -> None:
    said: list[str] = []
    again = build_images(["python"], engine=images, say=said.append)
    assert [(image.tag, image.built) for image in again] == [
        ("medici/base:latest", False),
        ("medici/python:latest", False),
    ]
    assert [line.split(", ")[0] for line in said] == [
        "medici/base:latest: up to date",
        "medici/python:latest: up to date",
    ]


def test_python_has_what_participants_need(images: docker.DockerClient) -> None:
    program = (
        "import numpy, scipy.stats, sklearn.metrics, pandas, PIL.Image, yaml, medici_scoring;"
        "print(medici_scoring.__name__)"
    )
    assert run(images, "medici/python", "python", "-W", "error", "-c", program) == "medici_scoring"


def test_codalab_has_what_its_scorers_import(images: docker.DockerClient) -> None:
    program = (
        "import numpy, pandas, scipy, sklearn, yaml, matplotlib.pyplot as plt;"
        "import PIL, jinja2, tqdm, seaborn, medici_scoring;"
        "plt.plot([1, 2]); plt.savefig('/tmp/a.png'); print(PIL.Image.open('/tmp/a.png').size)"
    )
    assert run(images, "medici/codalab", "python3", "-W", "error", "-c", program) == "(640, 480)"


@pytest.mark.parametrize("name", ["python2", "python2.7"])
def test_codalab_says_that_it_has_no_python_2(images: docker.DockerClient, name: str) -> None:
    with pytest.raises(ContainerError) as failure:
        run(images, "medici/codalab", name, "score.py")
    assert (failure.value.exit_status, failure.value.stderr) == (
        1,
        b"This image has Python 3 only: write the program for Python 3 and call it with python.\n",
    )


def test_pip_works_without_a_network(images: docker.DockerClient) -> None:
    assert "scikit-learn" in run(images, "medici/python", "pip", "list", "--format=freeze")


def test_nothing_is_compiled_at_start(images: docker.DockerClient) -> None:
    program = (
        "import importlib.util, os, sklearn; print(os.path.exists(importlib.util.cache_from_source(sklearn.__file__)))"
    )
    assert run(images, "medici/python", "python", "-c", program) == "True"


def test_postgres_makes_the_database_that_is_asked_for(images: docker.DockerClient) -> None:
    environment = {"POSTGRES_USER": "medici", "POSTGRES_PASSWORD": "s3cret's", "POSTGRES_DB": "board"}
    query = ("psql", "-h", "127.0.0.1", "-U", "medici", "-d", "board", "-Atc", "SELECT current_database()")
    with started(images, "medici/postgres", environment=environment) as database:
        assert says(database, "board", "env", "PGPASSWORD=s3cret's", *query)
        database.kill()
        database.start()
        assert says(database, "board", "env", "PGPASSWORD=s3cret's", *query)
        refusal = database.exec_run(["env", "PGPASSWORD=wrong", *query]).output.decode()
        assert "password authentication failed" in refusal


def test_postgres_refuses_to_be_open(images: docker.DockerClient) -> None:
    with started(images, "medici/postgres") as database:
        assert database.wait()["StatusCode"] == 1
        assert database.logs().decode() == (
            "The database is empty and has no password yet: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE.\n"
        )


def test_redis_takes_options(images: docker.DockerClient) -> None:
    with started(images, "medici/redis", command=["redis-server", "--requirepass", "word"]) as broker:
        assert says(broker, "PONG", "redis-cli", "--no-auth-warning", "-a", "word", "ping")
        assert says(broker, "NOAUTH Authentication required.", "redis-cli", "ping")
