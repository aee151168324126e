"""Zip files in storage, tar streams at the engine: one becomes the other without being unpacked on this machine."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path, PurePosixPath

CHUNK_BYTES = 256 * 1024
MAX_PARTS = 64
"""Of one path, as for uploads."""
FILE_MODE = 0o644
PROGRAM_MODE = 0o755
OPEN_MODE = 0o777
FIXED_TIME = (2020, 1, 1, 0, 0, 0)
FIXED_MTIME = 1577836800
_EXECUTABLE = 0o111


class ArchiveUnusable(Exception):
    """An archive from the storage can't be used; the sentence names the entry."""


def tar_of_zip(
    archive: Path,
    *,
    replace: Mapping[str, bytes] | None = None,
    only: Callable[[PurePosixPath], bool] | None = None,
    writable: bool = False,
) -> Iterator[bytes]:
    """The zip's regular files as a tar stream, with modes 0644 and 0755 and owner root; all 0777 when `writable`.

    `replace` gives other contents for some names (the rewritten Dockerfile), `only` leaves out the others. Raises
    `ArchiveUnusable` for an entry that leaves the folder, is no regular file, or inflates to something else than it
    declares.
    """
    with open_zip(archive) as opened:
        folders: set[str] = set()
        for entry in opened.infolist():
            path = safe_path(entry)
            if only is not None and (entry.is_dir() or not only(path)):
                continue
            yield from _missing_folders(path, folders, itself=entry.is_dir(), mode=_folder_mode(writable=writable))
            if entry.is_dir():
                continue
            if replace is not None and str(path) in replace:
                yield from tar_file(str(path), replace[str(path)], mode=_mode(entry))
            else:
                yield from _tar_entry(opened, entry, path, OPEN_MODE if writable else _mode(entry))
    yield tar_end()


def open_zip(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError) as error:
        raise ArchiveUnusable(f"The archive is not a zip file: {error}.") from error


def text_of(archive: Path, name: str, *, limit_bytes: int = 1024**2) -> str | None:
    """A small text file of the zip; None when it is not there."""
    with open_zip(archive) as opened:
        try:
            entry = opened.getinfo(name)
        except KeyError:
            return None
        with opened.open(entry) as file:
            return file.read(limit_bytes).decode(errors="replace")


def uncompressed_bytes(archive: Path) -> int:
    """What the entries declare; `tar_of_zip` checks that they hold no more."""
    with open_zip(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def safe_path(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's path below the root. The importer has refused such archives: this is the second lock."""
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\x00" in entry.filename or not path.parts:
        raise ArchiveUnusable(f"The archive's entry {entry.filename!r} leaves its folder.")
    if len(path.parts) > MAX_PARTS:
        raise ArchiveUnusable(f"The archive's entry {entry.filename[:80]!r} lies in too many folders.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise ArchiveUnusable(f"The archive's entry {entry.filename!r} is not a regular file.")
    return path


def tar_file(name: str, content: bytes, *, mode: int = FILE_MODE) -> Iterator[bytes]:
    yield _header(name, tarfile.REGTYPE, mode=mode, size=len(content))
    yield content
    yield _padding(len(content))


def tar_folder(name: str, *, mode: int = PROGRAM_MODE) -> bytes:
    return _header(name, tarfile.DIRTYPE, mode=mode)


def tar_end() -> bytes:
    return b"\0" * (2 * tarfile.BLOCKSIZE)


class TarStream(io.RawIOBase):
    """Chunks from the engine as a file, for `tarfile.open(mode="r|")`."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        cut = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:cut], self._rest[cut:]
        return data

    def close(self) -> None:
        close: Callable[[], None] | None = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        super().close()


def _missing_folders(path: PurePosixPath, made: set[str], *, itself: bool, mode: int) -> Iterator[bytes]:
    folders = list(accumulate(path.parts if itself else path.parts[:-1], "{}/{}".format))
    for folder in folders:
        if folder not in made:
            made.add(folder)
            yield tar_folder(folder, mode=mode)


def _tar_entry(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: PurePosixPath, mode: int) -> Iterator[bytes]:
    yield _header(str(path), tarfile.REGTYPE, mode=mode, size=entry.file_size)
    left = entry.file_size
    try:
        with opened.open(entry) as file:
            while chunk := file.read(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveUnusable(f"The archive's entry {entry.filename!r} is larger than it declares.")
                yield chunk
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ArchiveUnusable(f"The archive's entry {entry.filename!r} can't be read: {error}.") from error
    if left:
        raise ArchiveUnusable(f"The archive's entry {entry.filename!r} is smaller than it declares.")
    yield _padding(entry.file_size)


def _folder_mode(*, writable: bool) -> int:
    return OPEN_MODE if writable else PROGRAM_MODE


def _mode(entry: zipfile.ZipInfo) -> int:
    return PROGRAM_MODE if (entry.external_attr >> 16) & _EXECUTABLE else FILE_MODE


def _header(name: str, kind: bytes, *, mode: int, size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = kind, mode, size, FIXED_MTIME
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)
