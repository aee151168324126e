"""Saved Docker images from strangers: checked to the last byte and written anew, without names.

What `docker save` writes holds an image and the names that it shall have once it is loaded. Names are the platform's to
give: the archive that is kept has none, so that loading it never replaces another image.
"""

import hashlib
import json
import posixpath
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from medici_bundles.archives import CHUNK_BYTES, ArchiveLimits
from medici_bundles.entry_names import ArchiveRejected, shown
from medici_bundles.image_layouts import ImageParts, parts_of
from medici_bundles.tars import Holds, Readable, TarMember, members_of
from medici_bundles.unpacking import Inflating, inflated, is_compressed

DEFAULT_LIMITS = ArchiveLimits()
MAX_CONFIG_BYTES = 4 * 1024**2
MAX_LAYERS = 127
"""What Docker stacks."""
MAX_MEMBERS = 2_000_000
"""Files and folders of all layers: an empty one takes room on a disk, too."""
SAVE_AGAIN = "save the image again with `docker save`"
_ZSTD = b"\x28\xb5\x2f\xfd"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")


@dataclass(frozen=True)
class SavedImage:
    """A saved image as it has been written anew."""

    architecture: str
    os: str
    user: str
    """Whom it says that it runs as; empty: root."""
    size_bytes: int
    """Of the tar that was written."""
    sha256: str
    """Of the tar that was written: the same image gives the same tar, however it was saved."""
    config_digest: str
    layers: tuple[str, ...]
    """Digests of the uncompressed layers, the lowest first."""


class Config(NamedTuple):
    raw: bytes
    architecture: str
    os: str
    user: str
    layers: tuple[str, ...]

    @property
    def hex(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


def repack_image(path: Path, destination: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> SavedImage:
    """Check a saved image (tar, tar.gz or tar.xz) and write its one canonical tar: manifest, config, layers.

    Raises ArchiveRejected with one sentence; then nothing is written.
    """
    with _opened(path, destination, limits) as archive:
        parts = parts_of(archive)
        config = config_of(archive.small(parts.config, MAX_CONFIG_BYTES))
        _refuse_mismatch(parts, config)
        draft = destination.with_name(f".{destination.name}.draft")
        try:
            with draft.open("w+b") as target:
                _write(target, archive, parts, config, limits)
                target.seek(0)
                sha256 = hashlib.file_digest(target, "sha256").hexdigest()
                size_bytes = target.tell()
            draft.replace(destination)
        finally:
            draft.unlink(missing_ok=True)
    digest = f"sha256:{config.hex}"
    return SavedImage(config.architecture, config.os, config.user, size_bytes, sha256, digest, config.layers)


@contextmanager
def _opened(path: Path, destination: Path, limits: ArchiveLimits) -> Iterator["_Archive"]:
    """The tar itself, or what it inflates to, beside the destination for as long as it is read. Its members are checked
    while it is inflated: no more of it is written than up to the first that is refused.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(6)
        if not is_compressed(start):
            if size_bytes > limits.max_unpacked_bytes:
                raise _too_large(limits)
            yield _Archive(file, lambda place: place <= size_bytes, limits)
            return
        with tempfile.TemporaryFile(dir=destination.parent) as plain:
            tar = Inflating(inflated(file, start, limits=limits, packed_bytes=size_bytes), plain)
            archive = _Archive(tar, tar.holds, limits)
            tar.finish()
            yield archive


def _too_large(limits: ArchiveLimits) -> ArchiveRejected:
    return ArchiveRejected(
        f"The image is larger than {limits.max_unpacked_bytes / 1024**3:.3g} GiB; leave out what is not needed."
    )


class _Archive:
    """The members of the outer tar, found by name; links between them followed."""

    def __init__(self, file: Readable, holds: Holds, limits: ArchiveLimits) -> None:
        self._file = file
        self._files: dict[str, TarMember] = {}
        self._links: dict[str, str] = {}
        for member in members_of(file, 0, holds, max_members=limits.max_entries):
            self._add(member)
        for name in self._links:
            self._target(name)

    def has(self, name: str) -> bool:
        return self._followed(_name(name)) in self._files

    def small(self, name: str, max_bytes: int) -> bytes:
        """A whole member that has to be small."""
        member = self.member(name)
        if member.size_bytes > max_bytes:
            raise ArchiveRejected.entry(member.name, f"is larger than {max_bytes // 1024**2} MiB; {SAVE_AGAIN}")
        self._file.seek(member.start)
        return self._file.read(member.size_bytes)

    def member(self, name: str) -> TarMember:
        found = self._files.get(self._followed(_name(name)))
        if found is None:
            raise ArchiveRejected.entry(name, f"is named by the archive and is not in it; {SAVE_AGAIN}")
        return found

    def chunks(self, member: TarMember) -> Iterator[bytes]:
        place = member.start
        end = member.start + member.size_bytes
        while place < end:
            self._file.seek(place)
            chunk = self._file.read(min(CHUNK_BYTES, end - place))
            place += len(chunk)
            yield chunk

    def _add(self, member: TarMember) -> None:
        name = _name(member.name)
        if member.kind == tarfile.DIRTYPE:
            return
        if name in self._files or name in self._links:
            raise ArchiveRejected.entry(name, f"is in the archive twice; {SAVE_AGAIN}")
        if member.kind == tarfile.SYMTYPE:
            self._links[name] = member.link
        elif member.kind in (tarfile.REGTYPE, tarfile.AREGTYPE):
            self._files[name] = member
        else:
            raise ArchiveRejected.entry(name, f"is neither a file nor a folder; {SAVE_AGAIN}")

    def _target(self, name: str) -> str:
        """Older Dockers write a layer that comes twice as a link to the first."""
        link = self._links[name]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
        if link.startswith("/") or target.startswith("../") or target not in self._files:
            raise ArchiveRejected.entry(name, f"is a link to {shown(link)}, which is no file of the archive")
        return target

    def _followed(self, name: str) -> str:
        return self._target(name) if name in self._links else name


def _name(raw: str) -> str:
    name = raw.removeprefix("./").rstrip("/") or "."
    if name.startswith("/") or ".." in name.split("/") or not name.isprintable():
        raise ArchiveRejected.entry(raw, f"has a path that leaves the archive, or no proper name; {SAVE_AGAIN}")
    return name


def config_of(raw: bytes) -> Config:
    """What an image says of itself. Raises ArchiveRejected."""
    said = _read_json(raw)
    inner = said.get("config") or {}
    rootfs = said.get("rootfs")
    layers = rootfs.get("diff_ids") if isinstance(rootfs, Mapping) else None
    if not isinstance(layers, list) or not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in layers):
        raise ArchiveRejected(f"The image's configuration does not name its layers; {SAVE_AGAIN}.")
    if not 0 < len(layers) <= MAX_LAYERS:
        raise ArchiveRejected(f"The image has {len(layers)} layers; an image has 1 to {MAX_LAYERS}.")
    user = inner.get("User") or "" if isinstance(inner, Mapping) else None
    words = said.get("architecture"), said.get("os")
    if not isinstance(user, str) or not all(isinstance(one, str) and _WORD.fullmatch(one) for one in words):
        raise ArchiveRejected(f"The image's configuration does not say for which machines it was built; {SAVE_AGAIN}.")
    architecture, system = map(str, words)
    if system != "linux":
        raise ArchiveRejected(f"The image was built for {system}; workers run linux images.")
    return Config(raw, architecture, system, user, tuple(layers))


def _read_json(raw: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, Mapping):
        raise ArchiveRejected(f"The image's configuration is not JSON; {SAVE_AGAIN}.")
    return said


def _refuse_mismatch(parts: ImageParts, config: Config) -> None:
    if len(parts.layers) != len(config.layers):
        raise ArchiveRejected(
            f"The archive names {len(parts.layers)} layers and the image's configuration {len(config.layers)}; "
            f"{SAVE_AGAIN}."
        )


def _write(target: IO[bytes], archive: _Archive, parts: ImageParts, config: Config, limits: ArchiveLimits) -> None:
    files = [f"{digest.removeprefix('sha256:')}.tar" for digest in config.layers]
    manifest = [{"Config": f"{config.hex}.json", "RepoTags": None, "Layers": files}]
    _write_bytes(target, "manifest.json", json.dumps(manifest).encode())
    _write_bytes(target, f"{config.hex}.json", config.raw)
    left, left_members = limits.max_unpacked_bytes, MAX_MEMBERS
    written: set[str] = set()
    for source, name, digest in zip(parts.layers, files, config.layers, strict=True):
        if name not in written:
            size_bytes, members = _write_layer(
                target, archive, archive.member(source), digest, left_bytes=left, left_members=left_members
            )
            left, left_members = left - size_bytes, left_members - members
        written.add(name)
    target.write(bytes(2 * tarfile.BLOCKSIZE))


def _write_bytes(target: IO[bytes], name: str, content: bytes) -> None:
    target.write(_header(name, len(content)))
    target.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))


def _write_layer(
    target: IO[bytes], archive: _Archive, source: TarMember, digest: str, *, left_bytes: int, left_members: int
) -> tuple[int, int]:
    """Uncompressed, so that its digest is the one in the image's configuration. Returns its size and its members."""
    name = f"{digest.removeprefix('sha256:')}.tar"
    at = target.tell()
    target.write(bytes(tarfile.BLOCKSIZE))  # the header, once the size is known
    start, found = at + tarfile.BLOCKSIZE, hashlib.sha256()
    for chunk in _plain_layer(archive, source, left_bytes):
        found.update(chunk)
        target.write(chunk)
    end = target.tell()
    if f"sha256:{found.hexdigest()}" != digest:
        raise ArchiveRejected.entry(source.name, f"is not the layer that the image's configuration names; {SAVE_AGAIN}")
    found_members = members_of(target, start, lambda place: place <= end, max_members=left_members)
    members = sum(1 for _ in found_members)  # a sparse file would unpack to any size
    target.seek(at)
    target.write(_header(name, end - start))
    target.seek(end)
    target.write(bytes(-(end - start) % tarfile.BLOCKSIZE))
    return end - start, members


def _plain_layer(archive: _Archive, source: TarMember, left_bytes: int) -> Iterator[bytes]:
    """Newer Dockers save layers as registries have them: compressed."""
    chunks = archive.chunks(source)
    start = next(chunks, b"")
    if start.startswith(_ZSTD):
        raise ArchiveRejected.entry(
            source.name,
            "is a layer compressed with Zstandard, which is not read here; build the image with gzip layers",
        )
    if is_compressed(start):
        limits = ArchiveLimits(max_unpacked_bytes=max(left_bytes, 0))
        stream = _Chunks([start], chunks)
        yield from inflated(stream, stream.read(6), limits=limits, packed_bytes=source.size_bytes)  # type: ignore[arg-type]
        return
    if source.size_bytes > left_bytes:
        raise ArchiveRejected("The layers of the image are larger than allowed; leave out what is not needed.")
    yield start
    yield from chunks


class _Chunks:
    """Chunks as a file that can be read."""

    def __init__(self, first: Sequence[bytes], others: Iterator[bytes]) -> None:
        self._rest = b"".join(first)
        self._others = others

    def read(self, size: int) -> bytes:
        while not self._rest:
            chunk = next(self._others, None)
            if chunk is None:
                return b""
            self._rest = chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, 0o644
    return info.tobuf(tarfile.GNU_FORMAT)
