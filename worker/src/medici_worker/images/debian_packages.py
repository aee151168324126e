"""Debian packages for an image that exists, fetched so that its build needs no network.

This machine's apt fetches what the image lacks, where both are the same release: it is shown the image's own list of
installed packages and a state of its own, so nothing of this machine changes and no root is needed. Elsewhere apt
fetches them inside a container of the image, which then needs a network.
"""

import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from medici_worker.images.errors import PackagesNotFound

OS_RELEASE = "/usr/lib/os-release"
INSTALLED = "/var/lib/dpkg/status"
CONTAINER_PATIENCE_S = 300
FETCH = ("--yes", "--quiet", "--quiet", "--no-install-recommends", "--download-only", "install")


def listed_lines(file: Path) -> list[str]:
    """The entries of a `debian-packages.txt` or `image-config.txt`, one a line; # starts a line of remark."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def os_release(text: str | None = None) -> dict[str, str]:
    """What an os-release file states, of this machine by default; empty where there is none."""
    if text is not None:
        pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
        return {name: value.strip("\"'") for name, _, value in pairs}
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def fetch_debian_packages(
    engine: docker.DockerClient, image: str, names: Sequence[str], folder: Path, *, architecture: str
) -> None:
    """Put the `.deb` files of `names`, and of what they need and `image` lacks, into `folder`.

    Raises `PackagesNotFound` with one sentence that says why neither this machine nor a container got them.
    """
    folder.mkdir(parents=True)
    with _idle_container(engine, image) as container:
        release = os_release(_file_of(container, OS_RELEASE).decode())
        installed = _file_of(container, INSTALLED)
    refusal = _why_not_here(release)
    if not refusal:
        try:
            _fetch_here(installed, names, folder, architecture)
        except PackagesNotFound as failure:
            refusal = str(failure)
        else:
            return
    try:
        _fetch_in_container(engine, image, names, folder)
    except PackagesNotFound as failure:
        raise PackagesNotFound(
            f"Neither this machine ({refusal}) nor a container of {image} ({failure}) could fetch the Debian packages "
            f"{', '.join(names)}: give one of the two a network and a Debian mirror."
        ) from failure


def _why_not_here(release: dict[str, str]) -> str:
    """Why this machine's apt cannot serve an image of `release`; empty where it can."""
    own = os_release()
    if not shutil.which("apt-get"):
        return "it has no apt-get"
    if (own.get("ID"), own.get("VERSION_CODENAME")) != (release.get("ID"), release.get("VERSION_CODENAME")):
        return f"it is no {release.get('PRETTY_NAME', 'such system')}"
    return ""


def _fetch_here(installed: bytes, names: Sequence[str], folder: Path, architecture: str) -> None:
    with tempfile.TemporaryDirectory(prefix="medici-apt-", dir="/var/tmp") as scratch:
        state = Path(scratch)
        for part in ("lists/partial", "archives/partial"):
            (state / part).mkdir(parents=True)
        (state / "status").write_bytes(installed)
        settings = {
            "Dir::State": scratch, "Dir::State::status": scratch + "/status", "Dir::Cache": scratch,
            "APT::Architecture": architecture, "APT::Architectures": architecture,
            "APT::Sandbox::User": "", "Debug::NoLocking": "1",
        }  # fmt: skip
        apt = ["apt-get", *(f"--option={name}={value}" for name, value in settings.items())]
        _run([*apt, "--quiet", "--quiet", "update"])
        _run([*apt, *FETCH, *names])
        for package in sorted((state / "archives").glob("*.deb")):
            shutil.copy(package, folder)


def _run(command: list[str]) -> None:
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise PackagesNotFound(_complaint(done.stderr))


def _complaint(text: str) -> str:
    """The first error that apt tells of; what it says after that follows from it."""
    errors = [line.strip() for line in text.splitlines() if line.startswith("E: ")]
    return errors[0].removeprefix("E: ").rstrip(".") if errors else "apt-get gave no reason"


def _fetch_in_container(engine: docker.DockerClient, image: str, names: Sequence[str], folder: Path) -> None:
    script = (
        "mkdir -p /fetched/partial && apt-get -q -q --option=APT::Update::Error-Mode=any update "
        '&& apt-get --option=Dir::Cache::archives=/fetched "$@" '
        "&& rm -rf /fetched/partial /fetched/lock"
    )
    command = ["sh", "-c", script, "sh", *FETCH, *names]
    environment = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        container = engine.containers.create(image, command, entrypoint=[], user="0", environment=environment)
        with _removed_at_the_end(container):
            container.start()
            if container.wait(timeout=CONTAINER_PATIENCE_S)["StatusCode"]:
                raise PackagesNotFound(_complaint(container.logs().decode(errors="replace")))
            _unpack(_archive_of(container, "/fetched"), folder)
    except (DockerException, OSError) as error:
        raise PackagesNotFound(f"the engine said: {error}") from error


@contextmanager
def _idle_container(engine: docker.DockerClient, image: str) -> Iterator[Container]:
    """A container that never runs: files are read from it."""
    with _removed_at_the_end(engine.containers.create(image, network_mode="none")) as container:
        yield container


@contextmanager
def _removed_at_the_end(container: Container) -> Iterator[Container]:
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _archive_of(container: Container, path: str) -> tarfile.TarFile:
    chunks, _ = container.get_archive(path)
    return tarfile.open(fileobj=io.BytesIO(b"".join(chunks)))


def _file_of(container: Container, path: str) -> bytes:
    with _archive_of(container, path) as archive:
        member = archive.extractfile(archive.next() or tarfile.TarInfo())
        return member.read() if member else b""


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    for member in archive:
        content = archive.extractfile(member) if member.name.endswith(".deb") else None
        if content:
            (folder / Path(member.name).name).write_bytes(content.read())
