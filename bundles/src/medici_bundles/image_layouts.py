"""Where the parts of an image lie in an archive: by Docker's manifest.json, or by the index of an OCI layout."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from medici_bundles.entry_names import ArchiveRejected

MAX_MANIFEST_BYTES = 1024**2
MAX_DEPTH = 3
ONE_IMAGE = "save one image alone: `docker save NAME:TAG -o image.tar`"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ImageParts(NamedTuple):
    """Names of members."""

    config: str
    layers: tuple[str, ...]


class Members(Protocol):
    def has(self, name: str) -> bool: ...

    def small(self, name: str, max_bytes: int) -> bytes: ...


def parts_of(archive: Members) -> ImageParts:
    """Raises ArchiveRejected for everything but exactly one image."""
    if archive.has("manifest.json"):
        return _by_manifest(_json(archive, "manifest.json"))
    if archive.has("index.json"):
        return _by_index(archive)
    if archive.has("repositories"):
        raise ArchiveRejected(
            "The archive was saved by a Docker older than 1.10, whose images can't be read; save it with a newer one."
        )
    raise ArchiveRejected(
        "The archive holds no manifest.json, so it is not what `docker save` writes (`docker export` writes a "
        "container's files instead); a saved image is a tar, everything else is uploaded as a zip."
    )


def _by_manifest(manifest: Any) -> ImageParts:
    images = manifest if isinstance(manifest, list) else []
    if len(images) > 1:
        raise ArchiveRejected(f"The archive holds {len(images)} images; {ONE_IMAGE}.")
    image = images[0] if images and isinstance(images[0], Mapping) else {}
    config, layers = image.get("Config"), image.get("Layers")
    if not isinstance(config, str) or not isinstance(layers, list) or not all(isinstance(one, str) for one in layers):
        raise _unreadable("manifest.json")
    return ImageParts(config, tuple(layers))


def _by_index(archive: Members) -> ImageParts:
    found = list(_images(archive, _json(archive, "index.json"), MAX_DEPTH))
    if len(found) != 1:
        raise ArchiveRejected(f"The archive holds {len(found) or 'no'} images; {ONE_IMAGE}.")
    manifest = _json(archive, found[0])
    try:
        config = _blob(manifest["config"]["digest"])
        return ImageParts(config, tuple(_blob(layer["digest"]) for layer in manifest["layers"]))
    except (KeyError, TypeError):
        raise _unreadable(found[0]) from None


def _images(archive: Members, index: Any, depth: int) -> Iterator[str]:
    """Names of the images' manifests that are there; attestations, which belong to no system, are left out."""
    try:
        for entry in index["manifests"]:
            name, kind = _blob(entry["digest"]), str(entry.get("mediaType", ""))
            if (entry.get("platform") or {}).get("os") == "unknown" or not archive.has(name):
                continue
            if not kind.endswith(("index.v1+json", "manifest.list.v2+json")):
                yield name
            elif depth:
                yield from _images(archive, _json(archive, name), depth - 1)
    except (KeyError, TypeError, AttributeError):
        raise _unreadable("index.json") from None


def _blob(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ArchiveRejected("The archive's index names something that is no digest; save the image again.")
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _json(archive: Members, name: str) -> Any:
    try:
        return json.loads(archive.small(name, MAX_MANIFEST_BYTES))
    except (ValueError, RecursionError):
        raise _unreadable(name) from None


def _unreadable(name: str) -> ArchiveRejected:
    return ArchiveRejected.entry(name, "does not say what an image consists of; save the image again")
