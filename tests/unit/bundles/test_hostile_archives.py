"""A corpus of archives that must be refused, each with the sentence that its sender reads."""

import io
import stat
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from medici_bundles.archives import ArchiveLimits, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.packing import extract_zip
from tests.unit.bundles.zips import Raw, deflated, raw_zip, saved

LIMITS = ArchiveLimits(max_entries=10, max_unpacked_bytes=1_000_000, max_ratio=100, ratio_from_bytes=50_000)
ZEROS = bytes(400_000)
AGAIN = "make the zip again."
BOMB = (
    "With entry '{}' the zip unpacks to more than 100 times its own size, as archives made to fill disks do; "
    "store large arrays in a compressed format."
)
INSIDE = "make the zip from inside the folder."


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("Dockerfile"))
    return buffer.getvalue()


def _quoted() -> bytes:
    """One entry's bytes are a whole other entry: counted twice, they unpack to more than there is."""
    inner = Raw(b"inner.txt")
    outer = Raw(b"outer.txt", raw_zip([inner]))
    return raw_zip([outer, Raw(b"inner.txt", offset=30 + len(outer.name))])


CUT = raw_zip([Raw(b"data.csv", bytes(1000))])

CORPUS: dict[str, tuple[bytes, str]] = {
    "no bytes": (b"", "The file is empty; upload a zip."),
    "a text": (b"file,class\n1.jpg,Hand\n", "The file is not a zip archive; upload a zip."),
    "a gzip": (b"\x1f\x8b\x08" + bytes(20), "The file is a gzip file; upload a zip."),
    "a tar": (_tar(), "The file is a tar archive; upload a zip."),
    "a 7z": (b"7z\xbc\xaf\x27\x1c" + bytes(20), "The file is a 7z archive; upload a zip."),
    "a RAR": (b"Rar!\x1a\x07" + bytes(20), "The file is a RAR archive; upload a zip."),
    "an empty zip": (raw_zip([]), "The zip is empty; put files into it."),
    "a zip that was cut off": (
        CUT[:500],
        "The file is a broken zip: its end is missing, perhaps because an upload stopped; send it again.",
    ),
    "an absolute path": (
        raw_zip([Raw(b"/etc/passwd")]),
        f"Entry '/etc/passwd' has an absolute path; {INSIDE}",
    ),
    "a drive letter": (raw_zip([Raw(b"C:/autoexec.bat")]), f"Entry 'C:/autoexec.bat' has an absolute path; {INSIDE}"),
    "a parent": (
        raw_zip([Raw(b"../../root/.ssh/authorized_keys")]),
        f"Entry '../../root/.ssh/authorized_keys' climbs out of the archive with '..'; {INSIDE}",
    ),
    "a parent in the middle": (
        raw_zip([Raw(b"a/../../b")]),
        f"Entry 'a/../../b' climbs out of the archive with '..'; {INSIDE}",
    ),
    "a parent as noise": (
        raw_zip([Raw(b"__MACOSX/../../x")]),
        f"Entry '__MACOSX/../../x' climbs out of the archive with '..'; {INSIDE}",
    ),
    "backslashes": (
        raw_zip([Raw(b"..\\..\\windows\\system.ini")]),
        r"Entry '..\\..\\windows\\system.ini' has a backslash in its name; make the zip with forward slashes.",
    ),
    "an empty part": (raw_zip([Raw(b"a//b")]), f"Entry 'a//b' has an empty or '.' part in its path; {INSIDE}"),
    "a dot part": (raw_zip([Raw(b"./a")]), f"Entry './a' has an empty or '.' part in its path; {INSIDE}"),
    "no name": (raw_zip([Raw(b"")]), f"Entry '' has an empty or '.' part in its path; {INSIDE}"),
    "a long name": (
        raw_zip([Raw(b"a" * 256)]),
        f"Entry '{'a' * 60}…{'a' * 39}' has a name that is too long; shorten it and make the zip again.",
    ),
    "a deep name": (
        raw_zip([Raw(b"a/" * 600 + b"b")]),
        f"Entry '{'a/' * 30}…{'a/' * 19}b' lies in more than 63 folders; make the zip from inside them.",
    ),
    "a symbolic link": (
        raw_zip([Raw(b"model.pth", b"/etc/passwd", mode=stat.S_IFLNK | 0o777)]),
        "Entry 'model.pth' is a symbolic link; put the file itself into the zip.",
    ),
    "a character device": (
        raw_zip([Raw(b"null", mode=stat.S_IFCHR | 0o666)]),
        "Entry 'null' is a device; put the file itself into the zip.",
    ),
    "a block device": (
        raw_zip([Raw(b"sda", mode=stat.S_IFBLK | 0o666)]),
        "Entry 'sda' is a device; put the file itself into the zip.",
    ),
    "a pipe": (
        raw_zip([Raw(b"pipe", mode=stat.S_IFIFO | 0o666)]),
        "Entry 'pipe' is a named pipe; put the file itself into the zip.",
    ),
    "a socket": (
        raw_zip([Raw(b"docker.sock", mode=stat.S_IFSOCK | 0o666)]),
        "Entry 'docker.sock' is a socket; put the file itself into the zip.",
    ),
    "an unknown kind": (
        raw_zip([Raw(b"odd", mode=0o030644)]),
        "Entry 'odd' is neither a file nor a folder; put the file itself into the zip.",
    ),
    "a folder with a file's name": (
        raw_zip([Raw(b"data", b"", mode=stat.S_IFDIR | 0o755)]),
        f"Entry 'data' says that it is a folder and has the name of a file; {AGAIN}",
    ),
    "a folder with bytes": (
        raw_zip([Raw(b"data/", b"hidden")]),
        f"Entry 'data' is a folder that holds bytes of its own; {AGAIN}",
    ),
    "a name twice": (
        raw_zip([Raw(b"Dockerfile", b"FROM good"), Raw(b"Dockerfile", b"FROM bad")]),
        "Entry 'Dockerfile' is in the archive twice; keep one of them.",
    ),
    "names that differ in case": (
        raw_zip([Raw(b"Dockerfile"), Raw(b"dockerfile")]),
        "Entry 'dockerfile' and entry 'Dockerfile' differ only in upper and lower case; rename one of them.",
    ),
    "folders that differ in case": (
        raw_zip([Raw(b"Data/a"), Raw(b"data/b")]),
        "Entry 'data' and entry 'Data' differ only in upper and lower case; rename one of them.",
    ),
    "names that differ in accents' encoding": (
        raw_zip([Raw("é".encode(), flags=0x800), Raw("e\u0301".encode(), flags=0x800)]),
        "Entry 'e\u0301' and entry 'é' differ only in upper and lower case; rename one of them.",
    ),
    "a file that is a folder": (
        raw_zip([Raw(b"data"), Raw(b"data/a.csv")]),
        "Entry 'data' is both a file and a folder; keep one of them.",
    ),
    "a folder that is a file": (
        raw_zip([Raw(b"data/a.csv"), Raw(b"data")]),
        "Entry 'data' is both a file and a folder; keep one of them.",
    ),
    "too many entries": (
        raw_zip(Raw(f"{number}.csv".encode()) for number in range(11)),
        "The zip has more than 10 entries; leave out what is not needed.",
    ),
    "a size over the limit": (
        raw_zip([Raw(b"a.bin", bytes(600_000)), Raw(b"b.bin", bytes(600_000))]),
        "With entry 'b.bin' the zip unpacks to more than 976.562 KiB; leave out what is not needed.",
    ),
    "a declared size over the limit": (
        raw_zip([Raw(b"a.bin", b"x", method=8, size=2_000_000_000)]),
        "With entry 'a.bin' the zip unpacks to more than 976.562 KiB; leave out what is not needed.",
    ),
    "a bomb": (
        raw_zip([Raw(b"zeros.bin", ZEROS, method=8)]),
        BOMB.format("zeros.bin"),
    ),
    "a bomb that declares one byte": (
        raw_zip([Raw(b"zeros.bin", ZEROS, method=8, size=1)]),
        BOMB.format("zeros.bin"),
    ),
    "a bomb as noise": (
        raw_zip([Raw(b"a.csv"), Raw(b"__MACOSX/._a.csv", ZEROS, method=8)]),
        BOMB.format("__MACOSX/._a.csv"),
    ),
    "more bytes than declared": (
        raw_zip([Raw(b"a.csv", b"0123456789", method=8, size=4)]),
        f"Entry 'a.csv' holds more bytes than it declares; {AGAIN}",
    ),
    "fewer bytes than declared": (
        raw_zip([Raw(b"a.csv", b"0123", method=8, size=10)]),
        f"Entry 'a.csv' holds fewer bytes than it declares; {AGAIN}",
    ),
    "two sizes of a stored entry": (
        raw_zip([Raw(b"a.csv", b"0123", size=10)]),
        f"Entry 'a.csv' declares two sizes, though it is not compressed; {AGAIN}",
    ),
    "an entry within another": (
        _quoted(),
        f"Entry 'inner.txt' lies over entry 'outer.txt' in the zip; {AGAIN}",
    ),
    "entries on the same bytes": (
        raw_zip([Raw(b"a.txt", b"x" * 100), Raw(b"b.txt", offset=0)]),
        f"Entry 'b.txt' lies over entry 'a.txt' in the zip; {AGAIN}",
    ),
    "an entry behind the end": (
        raw_zip([Raw(b"a.txt", offset=5_000)]),
        "Entry 'a.txt' is cut off in the zip; upload the zip again.",
    ),
    "an entry that reaches into the directory": (
        raw_zip([Raw(b"a.txt", b"abc", method=8, compressed_size=60, size=3)]),
        "Entry 'a.txt' is cut off in the zip; upload the zip again.",
    ),
    "two names for one entry": (
        raw_zip([Raw(b"a.txt", local_name=b"../x")]),
        f"Entry 'a.txt' is described in two ways in the zip; {AGAIN}",
    ),
    "two methods for one entry": (
        raw_zip([Raw(b"a.txt", method=8, local_method=0)]),
        f"Entry 'a.txt' is described in two ways in the zip; {AGAIN}",
    ),
    "encrypted by its local header only": (
        raw_zip([Raw(b"a.txt", local_flags=1)]),
        f"Entry 'a.txt' is described in two ways in the zip; {AGAIN}",
    ),
    "a name in two encodings": (
        raw_zip([Raw("größe.csv".encode(), local_flags=0x800)]),
        f"Entry 'größe.csv' is described in two ways in the zip; {AGAIN}",
    ),
    "a password": (
        raw_zip([Raw(b"a.csv", flags=1)]),
        "Entry 'a.csv' is encrypted; make the zip without a password.",
    ),
    "strong encryption": (
        raw_zip([Raw(b"a.csv", flags=0x41)]),
        "Entry 'a.csv' is encrypted; make the zip without a password.",
    ),
    "a name that is not UTF-8": (
        raw_zip([Raw(b"caf\xe9.csv")]),
        "Entry 'cafΘ.csv' has a name that is not UTF-8; rename it and make the zip again.",
    ),
    "a name that claims to be UTF-8": (
        raw_zip([Raw(b"caf\xe9.csv", flags=0x800)]),
        "Entry 'café.csv' has a name that is not UTF-8; rename it and make the zip again.",
    ),
    "a line break in a name": (
        raw_zip([Raw(b"a\n.csv")]),
        r"Entry 'a\n.csv' has a control character in its name; rename it and make the zip again.",
    ),
    "a null in a name": (
        raw_zip([Raw(b"a.csv\0.py")]),
        r"Entry 'a.csv\x00.py' has a control character in its name; rename it and make the zip again.",
    ),
    "a terminal's escape in a name": (
        raw_zip([Raw(b"\x1b[2Ja.csv")]),
        r"Entry '\x1b[2Ja.csv' has a control character in its name; rename it and make the zip again.",
    ),
    "text turned around": (
        raw_zip([Raw("a\u202evsc.exe".encode(), flags=0x800)]),
        "Entry 'a\ufffdvsc.exe' has a control character in its name; rename it and make the zip again.",
    ),
    "Deflate64": (
        raw_zip([Raw(b"a.csv", method=9)]),
        "Entry 'a.csv' is compressed with Deflate64; make the zip with Deflate.",
    ),
    "LZMA": (
        raw_zip([Raw(b"a.csv", method=14)]),
        "Entry 'a.csv' is compressed with LZMA; make the zip with Deflate.",
    ),
    "an unknown method": (
        raw_zip([Raw(b"a.csv", method=77)]),
        "Entry 'a.csv' is compressed with method 77; make the zip with Deflate.",
    ),
    "a wrong checksum of a stored entry": (
        raw_zip([Raw(b"a.csv", crc=1)]),
        "Entry 'a.csv' is damaged: its checksum is wrong; upload the zip again.",
    ),
    "a wrong checksum of a deflated entry": (
        raw_zip([Raw(b"a.csv", method=8, crc=1)]),
        "Entry 'a.csv' is damaged: its checksum is wrong; upload the zip again.",
    ),
    "bytes that do not inflate": (
        raw_zip([Raw(b"a.csv", method=8, payload=b"\xff\xff\xff\xff")]),
        "Entry 'a.csv' is damaged and cannot be unpacked; upload the zip again.",
    ),
    "a stream without its end": (
        raw_zip([Raw(b"a.csv", b"0123456789" * 50, method=8, payload=deflated(b"0123456789" * 50)[:-3])]),
        "Entry 'a.csv' is cut off in the zip; upload the zip again.",
    ),
    "bytes behind a stream": (
        raw_zip([Raw(b"a.csv", method=8, payload=deflated(b"content") + b"more")]),
        f"Entry 'a.csv' has bytes behind its end; {AGAIN}",
    ),
    "a version from the future": (
        raw_zip([Raw(b"a.csv", version=99)]),
        "The file is a zip that cannot be read; make it again with a usual program.",
    ),
}


@pytest.mark.parametrize("name", CORPUS)
def test_every_hostile_archive_is_refused_with_its_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = CORPUS[name]

    with pytest.raises(ArchiveRejected) as refusal:
        check_zip(saved(tmp_path, content), LIMITS)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("name", CORPUS)
def test_no_hostile_archive_leaves_anything_on_the_disk(name: str, tmp_path: Path) -> None:
    upload = saved(tmp_path, CORPUS[name][0])

    with pytest.raises(ArchiveRejected):
        extract_zip(upload, tmp_path / "inside", LIMITS)

    assert sorted(tmp_path.rglob("*")) == [tmp_path / "inside", upload]


def test_a_directory_of_entries_larger_than_the_limit_is_never_read(tmp_path: Path) -> None:
    limits = ArchiveLimits(max_entries=1_000)
    upload = saved(tmp_path, raw_zip(Raw(f"{number:0200}".encode(), b"") for number in range(8_000)))

    with pytest.raises(ArchiveRejected, match=r"^The zip has more than 1000 entries; leave out what is not needed\.$"):
        check_zip(upload, limits)


def test_a_folder_is_no_zip(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected, match=r"is not a file; name a zip\.$"):
        check_zip(tmp_path)


def test_bytes_changed_on_the_way_are_noticed(tmp_path: Path) -> None:
    upload = tmp_path / "upload.zip"
    with zipfile.ZipFile(upload, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("predictions.csv", "file,class\n" * 100)
    content = upload.read_bytes()
    upload.write_bytes(content.replace(b"class", b"klass", 1))

    with pytest.raises(ArchiveRejected, match=r"^Entry 'predictions.csv' is damaged: its checksum is wrong"):
        check_zip(upload)


def test_folders_that_no_entry_names_count(tmp_path: Path) -> None:
    content = raw_zip([Raw(f"{number}/{'a/' * 9}f".encode()) for number in range(30)])
    with pytest.raises(ArchiveRejected, match="has more than 100 folders"):
        check_zip(saved(tmp_path, content), replace(LIMITS, max_entries=100))
