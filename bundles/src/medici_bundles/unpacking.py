"""Compressed streams from strangers: inflated within limits, told apart by their first bytes."""

import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from medici_bundles.archives import CHUNK_BYTES, ArchiveLimits
from medici_bundles.entry_names import ArchiveRejected

GZIP = b"\x1f\x8b"
XZ = b"\xfd7zXZ\x00"
XZ_MEMORY_BYTES = 256 * 1024**2
"""What `xz -9` needs to unpack is 65 MiB."""
READ_BYTES = 64 * 1024


class _Inflater(Protocol):
    """What both libraries' objects can."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Inflating:
    """What a stream inflates to, as a file that is written as far as somebody has looked: what is wrong at its start is
    known before the rest of it is on the disk.
    """

    def __init__(self, chunks: Iterator[bytes], file: IO[bytes]) -> None:
        self._chunks = chunks
        self._file = file
        self._size_bytes = 0
        self._place = 0

    def holds(self, size_bytes: int) -> bool:
        """Whether it has this many bytes. Raises ArchiveRejected."""
        while self._size_bytes < size_bytes:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._file.seek(self._size_bytes)
            self._file.write(chunk)
            self._size_bytes += len(chunk)
        return True

    def finish(self) -> None:
        """Inflate what is left: behind the end of a tar there are zeros, or a stream that is damaged."""
        while self.holds(self._size_bytes + 1):
            pass

    def seek(self, offset: int) -> int:
        self._place = offset
        return offset

    def read(self, size: int) -> bytes:
        self.holds(self._place + size)
        self._file.seek(self._place)
        data = self._file.read(size)
        self._place += len(data)
        return data


def is_compressed(start: bytes) -> bool:
    return start.startswith((GZIP, XZ))


def inflated_start(path: Path, size_bytes: int = 512) -> bytes:
    """The first bytes of what a gzip or xz file holds. Raises ArchiveRejected when they can't be read."""
    start = b""
    with path.open("rb") as file:
        for chunk in inflated(file, file.read(len(XZ)), limits=ArchiveLimits(), packed_bytes=0):
            start += chunk
            if len(start) >= size_bytes:
                break
    return start[:size_bytes]


def inflated(file: IO[bytes], start: bytes, *, limits: ArchiveLimits, packed_bytes: int) -> Iterator[bytes]:
    """What a gzip or xz stream holds, of which `start` has been read. `packed_bytes`: its size, 0 if no matter.

    Raises ArchiveRejected when it is damaged, cut off, or inflates to more than the limits.
    """
    name = "gzip" if start.startswith(GZIP) else "xz"
    total = 0
    try:
        for chunk in _streams(file, start, name):
            total += len(chunk)
            _refuse_over(total, packed_bytes, limits)
            yield chunk
    except (zlib.error, lzma.LZMAError, EOFError):
        raise ArchiveRejected(
            f"The {name} file is damaged or cut off, perhaps because an upload stopped; send it again."
        ) from None


def _refuse_over(total: int, packed_bytes: int, limits: ArchiveLimits) -> None:
    if total > limits.max_unpacked_bytes:
        raise ArchiveRejected(
            f"The file unpacks to more than {limits.max_unpacked_bytes / 1024**3:.3g} GiB; "
            "leave out what is not needed."
        )
    if packed_bytes and total > limits.ratio_from_bytes and total > limits.max_ratio * packed_bytes:
        raise ArchiveRejected(
            f"The file unpacks to more than {limits.max_ratio} times its own size, as archives made to fill disks do."
        )


def _inflater(name: str) -> _Inflater:
    if name == "gzip":
        return zlib.decompressobj(wbits=31)
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


def _streams(file: IO[bytes], data: bytes, name: str) -> Iterator[bytes]:
    """Both formats may hold several streams, one behind the other."""
    inflater = _inflater(name)
    while True:
        chunk = inflater.decompress(data, CHUNK_BYTES)
        yield chunk
        if inflater.eof:
            data = inflater.unused_data.lstrip(b"\0") or _after_zeros(file)
            if not data:
                return
            inflater = _inflater(name)
            continue
        data = bytes(getattr(inflater, "unconsumed_tail", b""))  # the other one keeps it itself
        if not data and len(chunk) < CHUNK_BYTES:
            data = file.read(READ_BYTES)
            if not data:
                raise EOFError


def _after_zeros(file: IO[bytes]) -> bytes:
    """Zeros may fill up the end of a stream."""
    while data := file.read(READ_BYTES):
        if rest := data.lstrip(b"\0"):
            return rest
    return b""
