"""Zips from strangers: read safely or refused with one sentence.

Python's zipfile finds the entries, as it does in everything of MedICI that reads a zip later, so that no two parts see
different archives. The bytes are inflated and counted here: what the headers say is only believed when it is true.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from medici_bundles.entries import ENCRYPTED, UTF8, Entry, entry_name, entry_of
from medici_bundles.entry_names import ArchiveRejected, Tree, shown

CHUNK_BYTES = 1024 * 1024
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_LOCAL_LENGTHS = struct.Struct("<2H")
_OTHER_FORMATS = {
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zX": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"%PDF": "a PDF document",
}
_BROKEN = (
    OSError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    EOFError,
    LookupError,
    struct.error,
    zlib.error,
)
"""What zipfile raises on bytes that are no proper zip; UnicodeDecodeError is a ValueError."""


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold. The defaults are a submission's."""

    max_entries: int = 20_000
    max_unpacked_bytes: int = 20 * 1024**3
    """Of all entries together, inflated."""
    max_ratio: int = 300
    """Inflated size of all entries over the size of the archive."""
    ratio_from_bytes: int = 100 * 1024**2
    """Below this inflated size, a high ratio harms nobody: masks and tables of zeros are small."""


DATA_LIMITS = ArchiveLimits(max_entries=1_000_000, max_unpacked_bytes=1024**4, max_ratio=1_100)
"""Of data sets and bundles, which organizers upload."""


class ArchiveFile(NamedTuple):
    name: str
    size_bytes: int


@dataclass(frozen=True)
class ArchiveListing:
    """A checked zip. Noise of operating systems is not listed; names are as the entries have them."""

    path: Path
    files: tuple[ArchiveFile, ...]
    root: str = ""
    """The one folder that holds everything, without a slash; empty when there is no such folder."""

    @property
    def total_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def below_root(self, name: str) -> str:
        """The name as it is once the wrapping folder is stripped."""
        return name.removeprefix(f"{self.root}/") if self.root else name

    def read_bytes(self, name: str, *, max_bytes: int = 64 * 1024) -> bytes:
        """The first `max_bytes` of an entry that `files` lists."""
        with zipfile.ZipFile(self.path) as archive:
            info = next(info for info in archive.infolist() if entry_name(info) == name)
            with archive.open(info) as entry:
                return entry.read(max_bytes)


def check_zip(path: Path, limits: ArchiveLimits = ArchiveLimits()) -> ArchiveListing:
    """Read the whole archive, every byte inflated and counted. Raises ArchiveRejected with one sentence."""
    with OpenedArchive(path, limits) as archive:
        for entry in archive.entries:
            for _ in archive.inflate(entry):
                pass
        return archive.listing()


class OpenedArchive:
    """An archive whose structure is sound: names, kinds, places and declared sizes. Its bytes are checked as they are
    inflated.
    """

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self.path = path
        self.limits = limits
        self.entries: list[Entry] = []
        self._inflated_bytes = 0
        self._starts: dict[int, int] = {}
        """Of the bytes of each entry, by the id of its ZipInfo."""

    def __enter__(self) -> Self:
        self._file = _BoundedFile(self.path, self.limits)
        try:
            self._size_bytes = self._file.seek(0, 2)
            self._zip = self._open()
            self.entries = self._checked_entries()
            self._refuse_large()
            self._refuse_overlaps()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def listing(self) -> ArchiveListing:
        kept = [entry for entry in self.entries if not entry.is_noise]
        files = tuple(ArchiveFile(entry.name, entry.info.file_size) for entry in kept if not entry.is_folder)
        return ArchiveListing(self.path, files, _wrapping_folder(kept))

    def inflate(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of an entry. Raises ArchiveRejected when they are not what the headers say, or go over a limit."""
        size_bytes = checksum = 0
        for chunk in self._chunks(entry):
            size_bytes += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
            self._count(entry, len(chunk))
            if size_bytes > entry.info.file_size:
                raise ArchiveRejected.entry(entry.name, "holds more bytes than it declares; make the zip again")
            yield chunk
        if size_bytes < entry.info.file_size:
            raise ArchiveRejected.entry(entry.name, "holds fewer bytes than it declares; make the zip again")
        if checksum != entry.info.CRC:
            raise ArchiveRejected.entry(entry.name, "is damaged: its checksum is wrong; upload the zip again")

    def _open(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._file)
        except UnicodeDecodeError as error:
            raise ArchiveRejected.entry(
                error.object.decode("latin-1"), "has a name that is not UTF-8; rename it and make the zip again"
            ) from None
        except _BROKEN:
            raise ArchiveRejected(self._not_a_zip()) from None

    def _not_a_zip(self) -> str:
        start = self._file.start()
        if ends_like_a_zip(self._file):
            return "The file is a zip that cannot be read; make it again with a usual program."
        if start.startswith(b"PK\x03\x04"):
            return "The file is a broken zip: its end is missing, perhaps because an upload stopped; send it again."
        what = next((name for magic, name in _OTHER_FORMATS.items() if start.startswith(magic)), "not a zip archive")
        if start[257:262] == b"ustar":
            what = "a tar archive"
        return f"The file is {'empty' if not start else what}; upload a zip."

    def _checked_entries(self) -> list[Entry]:
        infos = self._zip.infolist()
        if not infos:
            raise ArchiveRejected("The zip is empty; put files into it.")
        if len(infos) > self.limits.max_entries:
            raise too_many_entries(self.limits)
        tree = Tree(max_folders=self.limits.max_entries)
        entries = [entry_of(info) for info in infos]
        for entry in entries:
            tree.add(entry.name, is_folder=entry.is_folder)
        return entries

    def _refuse_large(self) -> None:
        """By what the headers declare; the truth is counted while inflating."""
        declared = 0
        for entry in self.entries:
            declared += entry.info.file_size
            self._refuse_over(entry, declared)

    def _count(self, entry: Entry, size_bytes: int) -> None:
        self._inflated_bytes += size_bytes
        self._refuse_over(entry, self._inflated_bytes)

    def _refuse_over(self, entry: Entry, total_bytes: int) -> None:
        limits = self.limits
        if total_bytes > limits.max_unpacked_bytes:
            raise ArchiveRejected(
                f"With entry {shown(entry.name)} the zip unpacks to more than {_readable(limits.max_unpacked_bytes)}; "
                "leave out what is not needed."
            )
        if total_bytes > limits.ratio_from_bytes and total_bytes > limits.max_ratio * self._size_bytes:
            raise ArchiveRejected(
                f"With entry {shown(entry.name)} the zip unpacks to more than {limits.max_ratio} times its own size, "
                "as archives made to fill disks do; store large arrays in a compressed format."
            )

    def _refuse_overlaps(self) -> None:
        """Entries may not share bytes: a small archive could unpack to any size that way."""
        end, before = 0, None
        for entry in sorted(self.entries, key=lambda entry: entry.info.header_offset):
            if before is not None and entry.info.header_offset < end:
                message = f"lies over entry {shown(before.name)} in the zip; make the zip again"
                raise ArchiveRejected.entry(entry.name, message)
            start = self._data_start(entry)
            self._starts[id(entry.info)] = start
            end, before = start + entry.info.compress_size, entry
            if end > self._zip.start_dir:
                raise ArchiveRejected.entry(entry.name, "is cut off in the zip; upload the zip again")

    def _data_start(self, entry: Entry) -> int:
        """Where the entry's bytes begin, by its local header, which has to agree with the directory at the end."""
        try:
            self._file.seek(entry.info.header_offset)
            header = self._file.read(_LOCAL_HEADER.size)
            magic, _, flags, method, *_rest = _LOCAL_HEADER.unpack(header)
            name_bytes, extra_bytes = _LOCAL_LENGTHS.unpack(header[26:])
            name = self._file.read(name_bytes)
        except _BROKEN:
            raise ArchiveRejected.entry(entry.name, "is cut off in the zip; upload the zip again") from None
        expected = entry.info.orig_filename.encode("utf-8" if entry.info.flag_bits & UTF8 else "cp437")
        same_name = name == expected and (name.isascii() or not (flags ^ entry.info.flag_bits) & UTF8)
        if magic != b"PK\x03\x04" or not same_name or method != entry.info.compress_type or flags & ENCRYPTED:
            raise ArchiveRejected.entry(entry.name, "is described in two ways in the zip; make the zip again")
        start: int = entry.info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
        return start

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        compressed = self._compressed(entry)
        return compressed if entry.info.compress_type == zipfile.ZIP_STORED else _inflated(entry, compressed)

    def _compressed(self, entry: Entry) -> Iterator[bytes]:
        position, left = self._starts[id(entry.info)], entry.info.compress_size
        while left:
            self._file.seek(position)
            chunk = self._file.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise ArchiveRejected.entry(entry.name, "is cut off in the zip; upload the zip again")
            yield chunk
            position, left = position + len(chunk), left - len(chunk)


def ends_like_a_zip(file: Any) -> bool:
    """Of a path or an open file. What can't be read as a zip then is refused by the reader, which says why."""
    try:
        return zipfile.is_zipfile(file)
    except _BROKEN:
        return True


class _BoundedFile:
    """The archive as zipfile sees it; a directory of entries too large for the limit is never read into memory."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        if not path.is_file():
            raise ArchiveRejected(f"{path.name} is not a file; name a zip.")
        self._file: BinaryIO = path.open("rb")
        self._limits = limits
        self._most_bytes = max(CHUNK_BYTES, limits.max_entries * 256)

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self._most_bytes:
            raise too_many_entries(self._limits)
        return self._file.read(-1 if size is None else size)

    def start(self) -> bytes:
        self._file.seek(0)
        return self._file.read(512)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()


def _inflated(entry: Entry, compressed: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for block in compressed:
            pending = block
            while pending and not inflater.eof:
                yield inflater.decompress(pending, CHUNK_BYTES)
                pending = inflater.unconsumed_tail
        while not inflater.eof and (rest := inflater.decompress(b"", CHUNK_BYTES)):
            yield rest
    except zlib.error:
        raise ArchiveRejected.entry(entry.name, "is damaged and cannot be unpacked; upload the zip again") from None
    if not inflater.eof:
        raise ArchiveRejected.entry(entry.name, "is cut off in the zip; upload the zip again")
    if inflater.unused_data:
        raise ArchiveRejected.entry(entry.name, "has bytes behind its end; make the zip again")


def _wrapping_folder(entries: list[Entry]) -> str:
    tops = {entry.name.partition("/")[0] for entry in entries}
    flat = any("/" not in entry.name and not entry.is_folder for entry in entries)
    return tops.pop() if len(tops) == 1 and not flat else ""


def too_many_entries(limits: ArchiveLimits) -> ArchiveRejected:
    return ArchiveRejected(f"The zip has more than {limits.max_entries} entries; leave out what is not needed.")


def _readable(size_bytes: int) -> str:
    units = [(1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")]
    return next((f"{size_bytes / unit:g} {name}" for unit, name in units if size_bytes >= unit), f"{size_bytes} bytes")
