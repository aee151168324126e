"""Debian packages for an image, fetched for real."""

import shutil
from pathlib import Path

import docker
import pytest

from medici_worker.images.debian_packages import fetch_debian_packages
from medici_worker.images.errors import PackagesNotFound

pytestmark = pytest.mark.slow

BASE = "medici/base:latest"


def test_what_an_image_lacks_is_fetched_by_one_of_the_two_ways(
    docker_engine: docker.DockerClient, tmp_path: Path
) -> None:
    """The parent has Python already, so that only what it lacks comes."""
    folder = tmp_path / "debs"
    architecture = str(docker_engine.version()["Arch"])
    fetch_debian_packages(docker_engine, BASE, ["xxd", "python3"], folder, architecture=architecture)
    assert [path.name.partition("_")[0] for path in folder.iterdir()] == ["xxd"]


def test_a_package_that_is_nowhere_is_named_with_both_reasons(
    docker_engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(PackagesNotFound) as refusal:
        fetch_debian_packages(
            docker_engine, "medici/base:latest", ["no-such-thing"], tmp_path / "a", architecture="amd64"
        )
    sentence = str(refusal.value)
    assert sentence.startswith("Neither this machine (it has no apt-get) nor a container of medici/base:latest (")
    assert sentence.endswith(
        ") could fetch the Debian packages no-such-thing: give one of the two a network and a Debian mirror."
    )
    assert "Unable to locate package no-such-thing" in sentence or "Failed to fetch http" in sentence
