"""ADD of an archive of the participant's own: the engine would unpack it by itself, outside of a build's limits."""

import bz2
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Protocol

from medici_worker.containers.archives import open_zip
from medici_worker.containers.build_policy import Added, Refused
from medici_worker.containers.interrupt import Interrupt

LOOKED_AT_BYTES = 1024**2
"""A block of bzip2 is as large as that before anything comes out of it."""
READ_BYTES = 64 * 1024
XZ_MEMORY_BYTES = 128 * 1024**2
_ZSTD = b"\x28\xb5\x2f\xfd"


class _Inflating(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_PACKED: tuple[tuple[bytes, Callable[[], _Inflating]], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)),
)


def refused_archives(archive: Path, added: Iterable[Added], stop: Interrupt | None = None) -> list[Refused]:
    """By content, as the engine goes by it: a compressed image or table that holds no tar is copied as it is.

    Raises `Interrupted`.
    """
    named = [(one.line, _pattern(source)) for one in added for source in one.sources]
    if not named:
        return []
    refused, stop = [], stop or Interrupt()
    with open_zip(archive) as opened:
        for entry in opened.infolist():
            stop.check()
            path = PurePosixPath(entry.filename)
            line = next((line for line, pattern in named if _fits(path, pattern)), None)
            if line is not None and not entry.is_dir() and _is_unpacked(opened, entry):
                sentence = f"ADD would unpack {entry.filename[:80]!r}: use COPY, and a RUN line that unpacks it."
                refused.append(Refused(line, sentence))
    return refused


def _pattern(source: str) -> PurePosixPath:
    parts = [part for part in PurePosixPath(source).parts if part not in {"/", "."}]
    return PurePosixPath(*parts)


def _fits(path: PurePosixPath, pattern: PurePosixPath) -> bool:
    """Part by part, since no wildcard stands for a slash. A folder that is named is copied as it is."""
    return len(path.parts) == len(pattern.parts) and all(
        part == wanted or fnmatchcase(part, wanted.replace("[^", "[!"))
        for part, wanted in zip(path.parts, pattern.parts, strict=True)
    )


def _is_unpacked(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    with opened.open(entry) as file:
        head = file.read(READ_BYTES)
        if head.startswith(_ZSTD):  # newer engines know it
            return True
        packed = next((make for magic, make in _PACKED if head.startswith(magic)), None)
        if packed is None:
            return _begins_a_tar(head)
        inflating, block, seen = packed(), b"", 0
        try:
            while head and seen < LOOKED_AT_BYTES and len(block) < tarfile.BLOCKSIZE:
                block += inflating.decompress(head, tarfile.BLOCKSIZE - len(block))
                seen += len(head)
                head = file.read(READ_BYTES)
        except (zlib.error, OSError, EOFError, ValueError):
            return False
        except lzma.LZMAError:
            return True  # damaged, or it asks for more memory than is given to it here
    return _begins_a_tar(block)


def _begins_a_tar(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
