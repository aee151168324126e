"""Training in a container, by the engine's API alone: the engine may be on another machine."""

import io
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from medici_platform.cli.output import CommandFailed

DATA = "public_data"
MIB = 1024 * 1024
SHARED_MEMORY = "256m"


class ContainerTraining:
    """`training/<model>` of a bundle: public data in at /mnt/in, /mnt/out into `submission/<model>/model_output`."""

    def __init__(self, bundle: Path, model: str, command: Sequence[str] = ()) -> None:
        """`command` in the place of the image's own."""
        self.bundle = bundle
        self.model = model
        self.command = list(command) or None
        self.memory_mib = 0.0
        """The most that the container was seen to hold, asked every second."""

    def lines(self) -> Iterator[str]:
        """Build the image and run it; yields what the program says. Leaves the model and no container."""
        try:
            engine = docker.from_env(timeout=600)
            try:
                yield from self._built_and_run(engine)
            finally:
                engine.close()
        except DockerException as error:
            raise CommandFailed(f"The training container of {self.bundle.name} did not run: {error}") from error

    def _built_and_run(self, engine: docker.DockerClient) -> Iterator[str]:
        image = f"medici/{self.bundle.name}-{self.model}:training"
        engine.images.build(
            path=str(self.bundle), dockerfile=f"training/{self.model}/Dockerfile", tag=image,
            network_mode="none", rm=True, forcerm=True,
        )  # fmt: skip
        container = engine.containers.create(
            image, self.command, network_mode="none", shm_size=SHARED_MEMORY,
            labels={"medici.demo": "training"},
        )  # fmt: skip
        try:
            yield from self._run(container)
        finally:
            container.remove(force=True, v=True)

    def _run(self, container: Container) -> Iterator[str]:
        container.put_archive("/", _tar(self.bundle / DATA, "mnt/in").getvalue())
        container.put_archive("/", _empty_folder("mnt/out"))
        container.start()
        watching = threading.Thread(target=self._watch_memory, args=(container,), daemon=True)
        watching.start()
        for line in container.logs(stream=True, follow=True):
            yield line.decode("utf-8", "replace").rstrip()
        status = container.wait()["StatusCode"]
        watching.join(5)
        if status != 0:
            raise CommandFailed(f"The training program of {self.bundle.name} ended with status {status}.")
        _fetch(container, "/mnt/out/.", self.bundle / "submission" / self.model / "model_output")

    def _watch_memory(self, container: Container) -> None:
        with suppress(DockerException, RequestException):  # the container may end between two looks
            stream: Iterator[dict[str, Any]] = iter(container.stats(stream=True, decode=True))  # type: ignore[arg-type]
            for seen in stream:
                memory = seen.get("memory_stats", {})
                if not memory.get("usage"):
                    return
                pages = memory.get("stats", {})
                cached = pages.get("total_inactive_file", pages.get("inactive_file", 0))
                self.memory_mib = max(self.memory_mib, (memory["usage"] - cached) / MIB)


def _fetch(container: Container, path: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chunks, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        archive.extractall(folder, filter="data")


def _tar(root: Path, below: str) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(root, below, filter=_for_everybody)
    packed.seek(0)
    return packed


def _for_everybody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o755 if member.isdir() else 0o644
    member.uid = member.gid = 0
    return member


def _empty_folder(path: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(path)
        member.type = tarfile.DIRTYPE
        member.mode = 0o777
        archive.addfile(member)
    return packed.getvalue()
