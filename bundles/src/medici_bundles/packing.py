"""Zips that come out the same from the same files: sorted names, fixed times, mode 0644."""

import hashlib
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from io import BufferedRandom
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from medici_bundles.archives import CHUNK_BYTES, DATA_LIMITS, ArchiveLimits, ArchiveListing, OpenedArchive
from medici_bundles.entry_names import ArchiveRejected, Tree, checked_name, is_noise

_DENSE = frozenset(
    {".7z", ".bz2", ".gif", ".gz", ".jp2", ".jpeg", ".jpg", ".mp4", ".npz", ".png", ".pt", ".pth"}
    | {".safetensors", ".whl", ".webp", ".xz", ".zip", ".zst"}
)
"""Suffixes of files that are compressed already: they are stored."""


class Packed(NamedTuple):
    """A zip that has been written."""

    sha256: str
    size_bytes: int


class Member(NamedTuple):
    """A file on its way into a zip; `chunks` opens and reads it."""

    name: str
    size_bytes: int
    chunks: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, name: str, path: Path) -> "Member":
        return cls(name, path.stat().st_size, lambda: read_chunks(path))


def extract_zip(path: Path, destination: Path, limits: ArchiveLimits = DATA_LIMITS) -> ArchiveListing:
    """Unpack into a new or empty folder, checked while it is written; a refused archive leaves nothing behind."""
    destination.mkdir(parents=True, exist_ok=True)
    if any(destination.iterdir()):
        raise ArchiveRejected(f"The folder {destination.name} is not empty; unpack into an empty one.")
    written: list[Path] = []
    try:
        with OpenedArchive(path, limits) as archive:
            for entry in archive.entries:
                if not entry.is_noise:
                    written += _made_folders(destination, entry.name if entry.is_folder else _parent(entry.name))
                if not entry.is_folder:
                    target = None if entry.is_noise else destination / entry.name
                    written += [target] if target else []
                    _write(archive.inflate(entry), target)
            return archive.listing()
    except BaseException:
        for made in reversed(written):
            made.rmdir() if made.is_dir() else made.unlink(missing_ok=True)
        raise


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _made_folders(destination: Path, name: str) -> list[Path]:
    missing = []
    while name and not (destination / name).is_dir():
        missing.append(destination / name)
        name = _parent(name)
    for folder in reversed(missing):
        folder.mkdir(mode=0o755)
    return missing[::-1]


def _write(chunks: Iterator[bytes], target: Path | None) -> None:
    """Noise has no target: it is inflated and counted like everything else."""
    if target is None:
        for _ in chunks:
            pass
        return
    with target.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)


def pack_folder(folder: Path, destination_zip: Path, *, exclude: Iterable[str] = ()) -> Packed:
    """Zip the files of a folder. `exclude` holds patterns (fnmatch) of paths or of single names below the folder.

    Links inside the folder are packed as what they lead to. Raises ArchiveRejected for links that leave the folder, for
    devices and pipes, and for names that no archive may hold.
    """
    patterns = tuple(exclude)
    members = [Member.of(name, path) for name, path in walk(folder) if not is_excluded(name, patterns)]
    return write_zip(members, destination_zip)


def repack_zip(
    source_zip: Path, destination_zip: Path, *, strip_root: bool, limits: ArchiveLimits = DATA_LIMITS
) -> Packed:
    """The files of a zip, without noise and (`strip_root`) without its wrapping folder, checked as they are copied."""
    with OpenedArchive(source_zip, limits) as archive:
        listing = archive.listing()
        members = [
            Member(
                listing.below_root(entry.name) if strip_root else entry.name,
                entry.info.file_size,
                lambda entry=entry: archive.inflate(entry),  # type: ignore[misc]
            )
            for entry in archive.entries
            if not entry.is_folder and not entry.is_noise
        ]
        return write_zip(members, destination_zip)


def write_zip(members: Iterable[Member], destination_zip: Path) -> Packed:
    """Write the members sorted by name; the zip appears under its name when it is complete."""
    ordered = sorted(members, key=lambda member: member.name.encode())
    with _drafted(destination_zip) as draft:
        with zipfile.ZipFile(draft, "w", allowZip64=True) as archive:
            for member in ordered:
                with archive.open(_info(member), "w") as entry:
                    for chunk in member.chunks():
                        entry.write(chunk)
        draft.seek(0)
        sha256 = hashlib.file_digest(draft, "sha256").hexdigest()
        return Packed(sha256, draft.tell())


@contextmanager
def _drafted(destination: Path) -> Iterator[BufferedRandom]:
    draft = destination.with_name(f".{destination.name}.draft")
    try:
        with draft.open("w+b") as file:
            yield file
        draft.replace(destination)
    finally:
        draft.unlink(missing_ok=True)


def _info(member: Member) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member.name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = member.size_bytes
    dense = PurePosixPath(member.name).suffix.lower() in _DENSE
    info.compress_type = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
    info._compresslevel = 1  # type: ignore[attr-defined] # noqa: SLF001 - has no public name before Python 3.13
    return info


def read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def is_excluded(name: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern fits the path, one of its parents, or one of its parts."""
    parts = name.split("/")
    candidates = {*parts, *("/".join(parts[: count + 1]) for count in range(len(parts)))}
    return any(fnmatch(candidate, pattern) for pattern in patterns for candidate in candidates)


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and place of every regular file of a folder, noise left out, names fit for an archive."""
    tree = Tree()
    home = folder.resolve()
    for name, path in _walk(home, home, "", (home,)):
        checked_name(name)
        tree.add(name, is_folder=False)
        yield name, path


def _walk(home: Path, folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}"
        if is_noise(name):
            continue
        place = _followed(home, path, name)
        if place.is_dir():
            if place in above:
                raise ArchiveRejected.entry(name, "is a link to a folder around it; remove the link")
            yield from _walk(home, place, f"{name}/", (*above, place))
        elif place.is_file():
            yield name, place
        else:
            raise ArchiveRejected.entry(name, "is neither a file nor a folder; remove it")


def _followed(home: Path, path: Path, name: str) -> Path:
    if not path.is_symlink():
        return path
    place = path.resolve()
    if not place.is_relative_to(home):
        raise ArchiveRejected.entry(name, "is a link that leaves the folder; put the file itself there")
    if not place.exists():
        raise ArchiveRejected.entry(name, "is a link to nothing; remove it")
    return place
