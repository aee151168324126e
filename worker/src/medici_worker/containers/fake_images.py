"""Images of the engine in memory."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass

from medici_worker.containers.engine import Image


@dataclass(frozen=True)
class FakeImage:
    image: Image
    command: tuple[str, ...] = ()


def named_image(name: str) -> FakeImage:
    image_id = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
    return FakeImage(Image(image_id, tags=(name,), architecture="amd64"), ("python",))


def saved_image(content: bytes) -> tuple[FakeImage, list[str]]:
    """The image of an archive, and the names that it brings along."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        texts = {one.name: file.read() for one in tar if one.name.endswith(".json") and (file := tar.extractfile(one))}
    (manifest,) = json.loads(texts["manifest.json"])
    raw = texts[manifest["Config"]]
    said = json.loads(raw)
    inner = said.get("config") or {}
    image = Image(
        f"sha256:{hashlib.sha256(raw).hexdigest()}",
        inner.get("User") or "",
        labels=inner.get("Labels") or {},
        volumes=tuple(inner.get("Volumes") or ()),
        architecture=said["architecture"],
    )
    return FakeImage(image, tuple(inner.get("Cmd") or ())), manifest.get("RepoTags") or []


def dockerfile_in(context: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(context)) as tar:
        file = tar.extractfile("Dockerfile")
        return file.read().decode() if file else ""


def words(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value)) if value.startswith("[") else tuple(value.split())
