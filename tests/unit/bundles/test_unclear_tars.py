"""Tars that two readers read in two ways: one counts a few bytes, the engine would unpack a sparse file of any size."""

import tarfile
from pathlib import Path

import pytest

from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.image_archives import repack_image
from tests.unit.bundles.saved_images import config, legacy, saved_image

BLOCK = tarfile.BLOCKSIZE


def header(name: str, size_bytes: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size_bytes
    return info.tobuf(tarfile.USTAR_FORMAT)


def changed(block: bytes, at: int, field: bytes) -> bytes:
    """With another field, and the checksum that belongs to it."""
    block = block[:at] + field + block[at + len(field) :]
    total = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
    return block[:148] + b"%06o\0 " % total + block[156:]


def extended(*records: bytes) -> bytes:
    lines = [b"%d %s\n" % (len(record) + 4, record) for record in records]
    text = b"".join(lines)
    assert all(len(line) == int(line[:2]) for line in lines)
    return header("x", len(text), tarfile.XHDTYPE) + text + bytes(-len(text) % BLOCK)


BOMB = extended(b"GNU.sparse.major=0", b"GNU.sparse.minor=1", b"GNU.sparse.size=1099511627776") + header("bomb", 0)
SIZE = b"size=%06d" % len(BOMB)
UNCLEAR = {
    "a folder by its long name": extended(b"path=dddd/") + header("d", len(BOMB), tarfile.AREGTYPE) + BOMB,
    "a folder by the start of its name": changed(header("", len(BOMB), tarfile.AREGTYPE), 345, b"p") + BOMB,
    "a folder by its short name": extended(b"path=dddd")
    + header("d/", 512, tarfile.AREGTYPE)
    + header("e", 2048)
    + BOMB,
    "a size behind a NUL": changed(header("m", 512), 124, b"\x000001000\0\0\0\0") + header("decoy", len(BOMB)) + BOMB,
    "two extended headers": extended(SIZE) + extended(b"path=eeee") + header("e", 0) + BOMB,
    "a global header between": extended(SIZE) + header("g", 0, tarfile.XGLTYPE) + BOMB,
}


@pytest.mark.parametrize("hidden", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_a_header_that_can_be_read_in_two_ways_is_refused(hidden: bytes, tmp_path: Path) -> None:
    one = hidden + bytes(2 * BLOCK)
    with pytest.raises(ArchiveRejected) as refusal:
        repack_image(saved_image(tmp_path, legacy([one], config([one]))), tmp_path / "repacked.tar")
    assert str(refusal.value) == "The tar holds a header that can be read in two ways; save it again."
    assert [path.name for path in tmp_path.iterdir()] == ["image.tar"]


def test_an_extended_header_of_another_system_says_nothing(tmp_path: Path) -> None:
    """The engine does not know its kind, and would look for the next header where its size is not believed."""
    text = extended(SIZE)
    solaris = changed(text[:BLOCK], 156, tarfile.SOLARIS_XHDTYPE) + text[BLOCK:]
    one = solaris + header("e", 0) + BOMB + bytes(2 * BLOCK)
    with pytest.raises(ArchiveRejected, match=r"^The tar holds a sparse file, "):
        repack_image(saved_image(tmp_path, legacy([one], config([one]))), tmp_path / "repacked.tar")


def test_what_every_reader_reads_alike_is_taken(tmp_path: Path) -> None:
    one = b"".join(
        [
            header("d/", 0, tarfile.AREGTYPE),
            header("d/f", 1, tarfile.AREGTYPE) + b"1".ljust(BLOCK, b"\0"),
            header("g", 0, tarfile.XGLTYPE),
            extended(b"path=long name") + changed(header("l", 1), 124, b"         1 \0") + b"2".ljust(BLOCK, b"\0"),
            bytes(2 * BLOCK),
        ]
    )
    saved = repack_image(saved_image(tmp_path, legacy([one], config([one]))), tmp_path / "repacked.tar")
    assert len(saved.layers) == 1
