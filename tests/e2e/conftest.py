from collections.abc import Iterator

import docker
import pytest

from tests.e2e.stack import IMPATIENT, Stack, stack


@pytest.fixture(scope="package")
def platform(docker_engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`medici up` on the embedded defaults with its own worker, the tiny challenge, and alice taking part in it."""
    folder = tmp_path_factory.mktemp("stack")
    with stack(folder, MEDICI_IMAGE_REGISTRIES="127.0.0.1:*", **IMPATIENT) as running:
        running.import_challenge(folder / "bundle")
        assert running.medici("join", "tiny", user="alice").code == 0
        yield running
