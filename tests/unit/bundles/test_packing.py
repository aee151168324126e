import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from medici_bundles.archives import ArchiveLimits, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.packing import Packed, extract_zip, pack_folder, repack_zip
from tests.unit.bundles.zips import Raw, raw_zip, saved, zip_of

FILES = {"b/score.py": b"print()", "a.csv": b"file,class\n" * 100, "image.png": b"png" * 100, "empty.txt": b""}


def _folder(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    first = _folder(tmp_path / "first")
    second = _folder(tmp_path / "second", dict(reversed(FILES.items())))
    (second / "a.csv").chmod(0o600)
    os.utime(second / "a.csv", (1, 1))

    packed = pack_folder(first, tmp_path / "first.zip")

    assert pack_folder(second, tmp_path / "second.zip") == packed
    content = (tmp_path / "first.zip").read_bytes()
    assert packed == Packed(hashlib.sha256(content).hexdigest(), len(content))


def test_entries_are_sorted_dated_1980_and_plain(tmp_path: Path) -> None:
    pack_folder(_folder(tmp_path / "in"), tmp_path / "out.zip")

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert [
            (info.filename, info.date_time[:3], info.external_attr >> 16, info.compress_type)
            for info in archive.infolist()
        ] == [
            ("a.csv", (1980, 1, 1), stat.S_IFREG | 0o644, zipfile.ZIP_DEFLATED),
            ("b/score.py", (1980, 1, 1), stat.S_IFREG | 0o644, zipfile.ZIP_DEFLATED),
            ("empty.txt", (1980, 1, 1), stat.S_IFREG | 0o644, zipfile.ZIP_DEFLATED),
            ("image.png", (1980, 1, 1), stat.S_IFREG | 0o644, zipfile.ZIP_STORED),
        ]


def test_patterns_and_noise_stay_out(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path / "in", dict.fromkeys(["a.py", "x/__pycache__/a.pyc", "x/b.py", "y/c.py", ".DS_Store"], b"")
    )

    pack_folder(folder, tmp_path / "out.zip", exclude=("__pycache__", "y/*"))

    assert [file.name for file in check_zip(tmp_path / "out.zip").files] == ["a.py", "x/b.py"]


def test_links_inside_the_folder_are_packed_as_what_they_lead_to(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "in", {"data/a.csv": b"1"})
    (folder / "link.csv").symlink_to(folder / "data" / "a.csv")
    (folder / "again").symlink_to("data")

    pack_folder(folder, tmp_path / "out.zip")

    assert [file.name for file in check_zip(tmp_path / "out.zip").files] == ["again/a.csv", "data/a.csv", "link.csv"]


def _link_out(folder: Path) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")


def _link_up(folder: Path) -> None:
    (folder / "x").mkdir()
    (folder / "x" / "up").symlink_to("..")


def _link_to_nothing(folder: Path) -> None:
    (folder / "gone").symlink_to("nothing")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def _collision(folder: Path) -> None:
    (folder / "A.csv").write_bytes(b"")


def _strange_name(folder: Path) -> None:
    (folder / "x\n.csv").write_bytes(b"")


def _bytes_as_name(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/caf\xe9")).write_bytes(b"")


@pytest.mark.parametrize(
    ("bend", "sentence"),
    [
        (_link_out, "Entry 'passwd' is a link that leaves the folder; put the file itself there."),
        (_link_up, "Entry 'x/up' is a link to a folder around it; remove the link."),
        (_link_to_nothing, "Entry 'gone' is a link to nothing; remove it."),
        (_pipe, "Entry 'pipe' is neither a file nor a folder; remove it."),
        (
            _collision,
            "Entry 'a.csv' and entry 'A.csv' differ only in upper and lower case; rename one of them.",
        ),
        (
            _strange_name,
            r"Entry 'x\n.csv' has a control character in its name; rename it and make the zip again.",
        ),
        (
            _bytes_as_name,
            r"Entry 'caf\udce9' has a control character in its name; rename it and make the zip again.",
        ),
    ],
)
def test_what_no_archive_may_hold_is_refused(bend, sentence: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "in", {"a.csv": b"1"})
    bend(folder)

    with pytest.raises(ArchiveRejected) as refusal:
        pack_folder(folder, tmp_path / "out.zip")

    assert str(refusal.value) == sentence
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_repacked_zip_is_that_of_the_folder(tmp_path: Path) -> None:
    packed = pack_folder(_folder(tmp_path / "in"), tmp_path / "out.zip")
    wrapped = {"__MACOSX/x": b"noise", ".DS_Store": b""} | {f"mine/{name}": data for name, data in FILES.items()}
    source = zip_of(tmp_path, wrapped)

    assert repack_zip(source, tmp_path / "again.zip", strip_root=True) == packed
    assert repack_zip(source, tmp_path / "kept.zip", strip_root=False) != packed
    assert check_zip(tmp_path / "kept.zip").root == "mine"


def test_a_broken_zip_leaves_no_repacked_one(tmp_path: Path) -> None:
    source = saved(tmp_path, raw_zip([Raw(b"a.csv"), Raw(b"b.csv", crc=1)]))

    with pytest.raises(ArchiveRejected, match=r"^Entry 'b.csv' is damaged"):
        repack_zip(source, tmp_path / "again.zip", strip_root=True)

    assert [path.name for path in tmp_path.iterdir()] == ["upload.zip"]


def test_names_in_utf8_come_out_as_such(tmp_path: Path) -> None:
    source = saved(tmp_path, raw_zip([Raw("Größe.csv".encode())]))

    repack_zip(source, tmp_path / "again.zip", strip_root=True)

    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert archive.namelist() == ["Größe.csv"]


def test_a_zip_is_unpacked_without_noise_and_with_its_folders(tmp_path: Path) -> None:
    source = zip_of(tmp_path, {"x/a.csv": b"1", "empty/deep/": b"", "__MACOSX/._a.csv": b"2"})

    listing = extract_zip(source, tmp_path / "out")

    assert [file.name for file in listing.files] == ["x/a.csv"]
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")) == [
        "empty",
        "empty/deep",
        "x",
        "x/a.csv",
    ]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").write_text("mine")

    with pytest.raises(ArchiveRejected) as refusal:
        extract_zip(zip_of(tmp_path, {"a.csv": b"theirs"}), tmp_path / "out")

    assert str(refusal.value) == "The folder out is not empty; unpack into an empty one."
    assert (tmp_path / "out" / "a.csv").read_text() == "mine"


def test_limits_hold_while_unpacking(tmp_path: Path) -> None:
    source = saved(tmp_path, raw_zip([Raw(b"a.csv", bytes(5_000), method=8, size=10)]))

    with pytest.raises(ArchiveRejected, match=r"^With entry 'a.csv' the zip unpacks to more than 3.90625 KiB"):
        extract_zip(source, tmp_path / "out", ArchiveLimits(max_unpacked_bytes=4_000))

    assert list((tmp_path / "out").iterdir()) == []
