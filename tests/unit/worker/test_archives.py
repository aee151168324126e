import io
import tarfile
import zipfile

import pytest

from medici_worker.containers.archives import ArchiveUnusable, TarStream, tar_of_zip, text_of, uncompressed_bytes
from tests.factories.worker import make_zip


def members(chunks) -> list[tuple[str, str, int, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        return [
            (one.name, "dir" if one.isdir() else "file", one.mode, tar.extractfile(one).read() if one.isreg() else b"")
            for one in tar
        ]


def test_a_zip_becomes_a_tar_with_plain_modes(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a/b/c.txt": b"1" * 1000, "a/d.txt": b"", "e": b"2"})
    assert members(tar_of_zip(archive)) == [
        ("a", "dir", 0o755, b""),
        ("a/b", "dir", 0o755, b""),
        ("a/b/c.txt", "file", 0o644, b"1" * 1000),
        ("a/d.txt", "file", 0o644, b""),
        ("e", "file", 0o644, b"2"),
    ]


def test_a_program_stays_executable(tmp_path):
    info = zipfile.ZipInfo("run.sh")
    info.external_attr = 0o100744 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "#!/bin/sh")
    assert members(tar_of_zip(tmp_path / "a.zip")) == [("run.sh", "file", 0o755, b"#!/bin/sh")]


def test_a_file_can_be_replaced(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"Dockerfile": "FROM a", "x": "1"})
    assert members(tar_of_zip(archive, replace={"Dockerfile": b"FROM b"})) == [
        ("Dockerfile", "file", 0o644, b"FROM b"),
        ("x", "file", 0o644, b"1"),
    ]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_an_entry_that_leaves_its_folder_is_refused(tmp_path, name):
    archive = make_zip(tmp_path / "a.zip", {name: "1"})
    with pytest.raises(ArchiveUnusable, match="leaves its folder"):
        members(tar_of_zip(archive))


def test_a_symbolic_link_is_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveUnusable, match="is not a regular file"):
        members(tar_of_zip(tmp_path / "a.zip"))


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "a.zip").write_text("no")
    with pytest.raises(ArchiveUnusable, match="is not a zip file"):
        members(tar_of_zip(tmp_path / "a.zip"))


def test_a_header_that_lies_is_found_out(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"x": "1234567890"})
    content = bytearray(archive.read_bytes())
    central = content.rindex(b"PK\x01\x02")
    content[central + 24] = 5  # the declared size
    archive.write_bytes(content)
    with pytest.raises(ArchiveUnusable, match="'x'"):
        members(tar_of_zip(archive))


def test_small_texts_and_sizes_are_read(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"Dockerfile": "FROM a", "x": "12"})
    assert text_of(archive, "Dockerfile") == "FROM a"
    assert text_of(archive, "metadata") is None
    assert uncompressed_bytes(archive) == 8


def test_chunks_are_read_like_a_file():
    stream = TarStream([b"ab", b"c", b"", b"defg"])
    assert [stream.read(4), stream.read(2), stream.read(), stream.read(1)] == [b"abcd", b"ef", b"g", b""]


def test_what_lies_too_deep_is_refused_before_any_folder_is_made(tmp_path):
    archive = make_zip(tmp_path / "x.zip", {"a/" * 64 + "b": "1"})
    with pytest.raises(ArchiveUnusable, match="lies in too many folders"):
        list(tar_of_zip(archive))
