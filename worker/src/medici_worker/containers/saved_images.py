"""Archives of saved images, as the platform writes them: looked at once more before an engine loads one.

Manifest, configuration and layers, without any name: what an engine loads from it replaces no image.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medici_worker.containers.archives import CHUNK_BYTES, ArchiveUnusable

MAX_SAID_BYTES = 4 * 1024**2
_MEMBER = re.compile(r"manifest\.json|[0-9a-f]{64}\.(?:json|tar)")


@dataclass(frozen=True, slots=True)
class SavedImage:
    archive: Path
    image_id: str
    """The digest of its configuration, which is its id at most engines."""
    architecture: str
    size_bytes: int

    def chunks(self) -> Iterator[bytes]:
        with self.archive.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def read_saved_image(archive: Path) -> SavedImage:
    """Raises `ArchiveUnusable`."""
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                if not member.isreg() or member.issparse() or not _MEMBER.fullmatch(member.name):
                    raise ArchiveUnusable(f"The saved image holds {member.name[:100]!r}, which belongs to no image.")
            (image,) = _json(tar, "manifest.json")
            name = image["Config"]
            if image.get("RepoTags") is not None:
                raise ArchiveUnusable("The saved image brings a name along.")
            config, raw = _json(tar, name), _read(tar, name)
    except (tarfile.TarError, KeyError, TypeError, ValueError, OSError) as error:
        raise ArchiveUnusable(f"The saved image can't be read: {error}.") from error
    digest = hashlib.sha256(raw).hexdigest()
    if name != f"{digest}.json":
        raise ArchiveUnusable("The saved image's configuration is not the one that it names.")
    return SavedImage(archive, f"sha256:{digest}", str(config.get("architecture")), archive.stat().st_size)


def _json(tar: tarfile.TarFile, name: str) -> Any:
    return json.loads(_read(tar, name))


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    return file.read(MAX_SAID_BYTES) if file else b""
