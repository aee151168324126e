"""Tars from strangers: their members found one by one, nothing unpacked, no header believed beyond its limits.

Python's tarfile reads long names and extended headers of any size into memory, and gives sparse files the size they
declare; here both are refused. So is whatever another reader, such as the container engine, would take for a member of
another size: it would find members where nobody has looked.
"""

import re
import tarfile
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from medici_bundles.entry_names import ArchiveRejected

BLOCK = tarfile.BLOCKSIZE
MAX_HEADER_BYTES = 64 * 1024
"""Of one extended header or long name."""
MAX_HEADERS_BYTES = 64 * 1024 * 1024
"""Of all of them in one tar."""
_LONGEST_NUMBER = len(str(2**63))
_EMPTY = bytes(BLOCK)
_SIZE = re.compile(rb" *(?:[0-7]+[\0 ]*|\0[\0 ]*)?")
"""Octal digits. Of a NUL before them one reader makes zero, another skips it."""
_SIZE_FIELD = slice(124, 136)
_TYPE_FIELD = slice(156, 157)
_PLAIN = (tarfile.AREGTYPE, tarfile.REGTYPE)
_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_WITHOUT_BYTES = (
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
)
"""Whatever size they declare, nothing follows them."""


class Readable(Protocol):
    """A file, or one that is being inflated."""

    def seek(self, offset: int, /) -> int: ...

    def read(self, size: int, /) -> bytes: ...


Holds = Callable[[int], bool]
"""Whether the file has this many bytes, or more: of one that is being inflated, the end is not known before."""


class TarMember(NamedTuple):
    name: str
    kind: bytes
    link: str
    start: int
    size_bytes: int


class _Said(NamedTuple):
    """What headers before a member's own say of it."""

    name: str | None = None
    link: str | None = None
    size_bytes: int | None = None
    is_extended: bool = False


def is_tar_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def members_of(file: Readable, start: int, holds: Holds, *, max_members: int) -> Iterator[TarMember]:
    """The members of the tar from a place of a file to its end, each as soon as it is there.

    Raises ArchiveRejected where the tar is out of order.
    """
    position, said, count, said_bytes = start, _Said(), 0, 0
    while (block := _block(file, position, holds)) is not None:
        header = _header(block)
        position += BLOCK
        size_bytes = 0 if header.type in _WITHOUT_BYTES else header.size
        _refuse_unclear(block, header, said)
        if header.type in (tarfile.XHDTYPE, *_LONG):
            said_bytes += size_bytes
            if said_bytes > MAX_HEADERS_BYTES:
                raise ArchiveRejected("The tar's names and extended headers are too long; give its files short names.")
            said = _with(said, header, _content(file, position, size_bytes, holds))
            position += _padded(size_bytes)
            continue
        count += 1
        if count > max_members:
            raise ArchiveRejected(f"The tar holds more than {max_members} files; leave out what is not needed.")
        member = _member(header, said, position)
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise _sparse()
        if header.type != tarfile.XGLTYPE:
            yield member
        position, said = position + _padded(member.size_bytes), _Said()
        if not holds(position):
            raise _cut_off()


def _block(file: Readable, position: int, holds: Holds) -> bytes | None:
    """The header at a place; None at the end, which two empty blocks mark."""
    if not holds(position + 1):
        return None
    file.seek(position)
    block = file.read(BLOCK)
    if block == _EMPTY:
        after = file.read(BLOCK) if holds(position + BLOCK + 1) else b""
        if after not in (b"", _EMPTY):
            raise ArchiveRejected("The tar goes on after its end; save it again.")
        return None
    if len(block) < BLOCK or not holds(position + BLOCK):
        raise _cut_off()
    return block


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        raise ArchiveRejected("The tar is damaged: a header of it can't be read; save it again.") from None
    if header.size < 0:
        raise ArchiveRejected("The tar is damaged: a member of it has a size below zero; save it again.")
    return header


def _refuse_unclear(block: bytes, header: tarfile.TarInfo, said: _Said) -> None:
    """Headers that readers understand in different ways: which bytes are the next header would depend on the reader."""
    size_field = block[_SIZE_FIELD]
    is_number = size_field[0] & 0x80 or _SIZE.fullmatch(size_field)
    names_folder = header.type == tarfile.DIRTYPE or any(name.endswith("/") for name in (header.name, said.name or ""))
    is_folder_with_bytes = block[_TYPE_FIELD] in _PLAIN and names_folder and (header.size or said.size_bytes)
    is_second = said.is_extended and header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE)
    if not is_number or is_folder_with_bytes or is_second:
        raise ArchiveRejected("The tar holds a header that can be read in two ways; save it again.")


def _member(header: tarfile.TarInfo, said: _Said, position: int) -> TarMember:
    size_bytes = header.size if said.size_bytes is None else said.size_bytes
    if header.type in _WITHOUT_BYTES:
        size_bytes = 0
    return TarMember(said.name or header.name, header.type, said.link or header.linkname, position, size_bytes)


def _content(file: Readable, position: int, size_bytes: int, holds: Holds) -> bytes:
    if size_bytes > MAX_HEADER_BYTES:
        raise ArchiveRejected(f"The tar has a header of more than {MAX_HEADER_BYTES} bytes; save it again.")
    if not holds(position + size_bytes):
        raise _cut_off()
    file.seek(position)
    return file.read(size_bytes)


def _with(said: _Said, header: tarfile.TarInfo, content: bytes) -> _Said:
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return said._replace(name=_text(content.partition(b"\0")[0]))
    if header.type == tarfile.GNUTYPE_LONGLINK:
        return said._replace(link=_text(content.partition(b"\0")[0]))
    said = said._replace(is_extended=True)
    for key, value in _records(content):
        if key.startswith(b"GNU.sparse"):
            raise _sparse()
        if key == b"path":
            said = said._replace(name=_text(value))
        if key == b"linkpath":
            said = said._replace(link=_text(value))
        if key == b"size":
            said = said._replace(size_bytes=_number(value))
    return said


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Of `28 path=some/long/name` and a line end: the number counts the whole record."""
    content, position = content.rstrip(b"\0"), 0
    while position < len(content):
        blank = content.find(b" ", position, position + _LONGEST_NUMBER + 1)
        length = _number(content[position:blank]) if blank > 0 else 0
        record = content[position : position + length]
        key, equals, value = record.partition(b" ")[2].partition(b"=")
        if not equals or len(record) < length or not value.endswith(b"\n"):
            raise ArchiveRejected("The tar is damaged: an extended header of it can't be read; save it again.")
        yield key, value[:-1]
        position += length


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise ArchiveRejected("The tar is damaged: an extended header of it can't be read; save it again.")
    return int(text)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK) * BLOCK


def _cut_off() -> ArchiveRejected:
    return ArchiveRejected("The tar is cut off before its end, perhaps because an upload stopped; send it again.")


def _sparse() -> ArchiveRejected:
    return ArchiveRejected("The tar holds a sparse file, which unpacks to more than it takes; write it in full.")
