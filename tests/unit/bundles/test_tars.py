"""Headers of tars, as far as no archive of another test has them."""

import io
import tarfile

import pytest

from medici_bundles import tars
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.tars import members_of


def tar_with(records: bytes, *, times: int = 1) -> io.BytesIO:
    """So many empty files, before each an extended header with these records."""
    content = io.BytesIO()
    for number in range(times):
        extended = tarfile.TarInfo("x")
        extended.type, extended.size = tarfile.XHDTYPE, len(records)
        content.write(extended.tobuf(tarfile.USTAR_FORMAT))
        content.write(records + bytes(-len(records) % tarfile.BLOCKSIZE))
        content.write(tarfile.TarInfo(f"{number}").tobuf(tarfile.USTAR_FORMAT))
    content.write(bytes(2 * tarfile.BLOCKSIZE))
    return content


def names(tar: io.BytesIO) -> list[str]:
    size = len(tar.getvalue())
    return [member.name for member in members_of(tar, 0, lambda wanted: wanted <= size, max_members=1000)]


def test_each_record_counts_and_the_last_of_a_kind_wins():
    assert names(tar_with(b"9 path=a\n5 a=\n9 path=b\n")) == ["b"]


@pytest.mark.parametrize("records", [b"9 path=a\n9", b"0 a=\n", b" a=\n", b"99 path=a\n", b"x path=a\n", b"9" * 600])
def test_records_that_cannot_be_read_are_refused(records):
    with pytest.raises(ArchiveRejected, match="an extended header of it can't be read"):
        names(tar_with(records))


def test_all_headers_together_have_a_limit(monkeypatch):
    monkeypatch.setattr(tars, "MAX_HEADERS_BYTES", 10 * 9)
    assert len(names(tar_with(b"9 path=a\n", times=10))) == 10
    with pytest.raises(ArchiveRejected, match="names and extended headers are too long"):
        names(tar_with(b"9 path=a\n", times=11))
