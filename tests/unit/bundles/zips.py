"""Zips written byte by byte, so that their headers can lie."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_32 = 0xFFFF_FFFF


@dataclass(frozen=True)
class Raw:
    """One entry. What is None is told truly."""

    name: bytes
    data: bytes = b"content"
    method: int = 0
    flags: int = 0
    mode: int = 0o100644
    payload: bytes | None = None
    """The bytes as they lie in the zip."""
    size: int | None = None
    compressed_size: int | None = None
    crc: int | None = None
    local_name: bytes | None = None
    local_flags: int | None = None
    local_method: int | None = None
    offset: int | None = None
    zip64: bool = False
    version: int = 20
    attributes: int | None = None

    @property
    def stored(self) -> bytes:
        if self.payload is not None:
            return self.payload
        return deflated(self.data) if self.method == 8 else self.data

    @property
    def sizes(self) -> tuple[int, int]:
        size = len(self.data) if self.size is None else self.size
        compressed = len(self.stored) if self.compressed_size is None else self.compressed_size
        return compressed, size

    @property
    def checksum(self) -> int:
        return zlib.crc32(self.data) if self.crc is None else self.crc


def deflated(data: bytes, level: int = 9) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def raw_zip(entries: Iterable[Raw], *, zip64_end: bool = False, comment: bytes = b"") -> bytes:
    body, directory = bytearray(), bytearray()
    count = 0
    for entry in entries:
        offset = len(body) if entry.offset is None else entry.offset
        body += _local(entry)
        directory += _central(entry, offset)
        count += 1
    return bytes(body + directory) + _end(count, len(directory), len(body), zip64=zip64_end, comment=comment)


def _local(entry: Raw) -> bytes:
    name = entry.name if entry.local_name is None else entry.local_name
    flags = entry.flags if entry.local_flags is None else entry.local_flags
    method = entry.method if entry.local_method is None else entry.local_method
    compressed, size = entry.sizes
    extra = struct.pack("<HHQQ", 1, 16, size, compressed) if entry.zip64 else b""
    shown = (MAX_32, MAX_32) if entry.zip64 else (compressed, size)
    header = struct.pack(
        "<4s5H3L2H", b"PK\3\4", entry.version, flags, method, 0, 33, entry.checksum, *shown, len(name), len(extra)
    )
    return header + name + extra + entry.stored


def _central(entry: Raw, offset: int) -> bytes:
    compressed, size = entry.sizes
    extra = struct.pack("<HHQQQ", 1, 24, size, compressed, offset) if entry.zip64 else b""
    shown = (MAX_32, MAX_32) if entry.zip64 else (compressed, size)
    attributes = entry.mode << 16 if entry.attributes is None else entry.attributes
    return (
        struct.pack("<4s4B4H3L", b"PK\1\2", 20, 3, entry.version, 0, entry.flags, entry.method, 0, 33,
                    entry.checksum, *shown)
        + struct.pack("<5H2L", len(entry.name), len(extra), 0, 0, 0, attributes, MAX_32 if entry.zip64 else offset)
        + entry.name
        + extra
    )  # fmt: skip


def _end(count: int, size: int, start: int, *, zip64: bool, comment: bytes) -> bytes:
    record = b""
    if zip64:
        record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
        record += struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
        count, size, start = 0xFFFF, MAX_32, MAX_32
    return record + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, len(comment)) + comment


def saved(folder: Path, content: bytes, name: str = "upload.zip") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def zip_of(folder: Path, files: dict[str, bytes], name: str = "upload.zip") -> Path:
    """A truthful zip; names that end in a slash are folders."""
    return saved(folder, raw_zip(Raw(name.encode(), data, flags=0x800, method=8) for name, data in files.items()), name)
