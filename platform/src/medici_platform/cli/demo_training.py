"""Training in a container, by the engine's API alone: the engine may be on another machine."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from medici_platform.cli.output import CommandFailed

DOCKERFILE = "training/light/Dockerfile"
CONTEXT = ("training/light", "submission/light/docker_code_inference")
MODEL_FOLDER = "submission/light/model_output"
TRAINING_DATA = (
    "training-data",
    "validation-data",
    "training_solution.csv",
    "validation_solution.csv",
)
IMAGE = "medici/mednist-light:training"


def train_in_container(bundle: Path) -> Iterator[str]:
    """Yields the training program's lines; leaves the model in the submission's folder and no container."""
    try:
        engine = docker.from_env()
        engine.images.build(
            fileobj=_tar(bundle, CONTEXT),
            custom_context=True,
            dockerfile=DOCKERFILE,
            tag=IMAGE,
            network_mode="none",
            rm=True,
            forcerm=True,
        )
        container = engine.containers.create(IMAGE, network_mode="none", labels={"medici.demo": "training"})
        try:
            yield from _run(container, bundle)
        finally:
            container.remove(force=True, v=True)
            engine.close()
    except DockerException as error:
        raise CommandFailed(f"The training container did not run: {error}") from error


def _run(container: Container, bundle: Path) -> Iterator[str]:
    data = [name for name in TRAINING_DATA if (bundle / "input_data" / name).exists()]
    container.put_archive("/", _tar(bundle / "input_data", data, below="mnt/in").getvalue())
    container.put_archive("/", _empty_folder("mnt/out"))
    container.start()
    for line in container.logs(stream=True, follow=True):
        yield line.decode("utf-8", "replace").rstrip()
    status = container.wait()["StatusCode"]
    if status != 0:
        raise CommandFailed(f"The training program ended with status {status}.")
    _fetch(container, "/mnt/out/.", bundle / MODEL_FOLDER)


def _fetch(container: Container, path: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chunks, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive:
            if member.isfile() and (content := archive.extractfile(member)):
                (folder / Path(member.name).name).write_bytes(content.read())


def _tar(root: Path, names: tuple[str, ...] | list[str], *, below: str = "") -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            archive.add(root / name, f"{below}/{name}" if below else name, filter=_for_everybody)
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
