from pathlib import Path

import pytest

from medici_bundles.archives import ArchiveFile, ArchiveLimits, ArchiveListing, check_zip
from medici_bundles.entry_names import ArchiveRejected
from tests.unit.bundles.zips import Raw, raw_zip, saved, zip_of


def test_files_are_listed_with_their_sizes(tmp_path: Path) -> None:
    upload = zip_of(tmp_path, {"Dockerfile": b"FROM x", "model/": b"", "model/weights.pth": b"12345"})

    assert check_zip(upload) == ArchiveListing(
        upload, (ArchiveFile("Dockerfile", 6), ArchiveFile("model/weights.pth", 5)), root=""
    )


@pytest.mark.parametrize(
    ("files", "root"),
    [
        ({"mine/a.csv": b"", "mine/b/c.csv": b""}, "mine"),
        ({"mine/": b"", "mine/a.csv": b""}, "mine"),
        ({"mine/a.csv": b"", "__MACOSX/mine/._a.csv": b"", ".DS_Store": b""}, "mine"),
        ({"mine/a.csv": b"", "other/": b""}, ""),
        ({"mine/a.csv": b"", "b.csv": b""}, ""),
        ({"a.csv": b""}, ""),
        ({"a/b/c.csv": b""}, "a"),
    ],
)
def test_the_root_is_the_one_folder_that_holds_everything(files: dict[str, bytes], root: str, tmp_path: Path) -> None:
    assert check_zip(zip_of(tmp_path, files)).root == root


def test_noise_is_not_listed(tmp_path: Path) -> None:
    upload = zip_of(
        tmp_path, {"__MACOSX/a": b"", "x/._a.csv": b"", "x/.DS_Store": b"", "Thumbs.db": b"", "x/a.csv": b""}
    )

    listing = check_zip(upload)

    assert listing.files == (ArchiveFile("x/a.csv", 0),)
    assert listing.root == "x"


def test_names_in_utf8_are_read_though_the_zip_does_not_say_so(tmp_path: Path) -> None:
    upload = saved(tmp_path, raw_zip([Raw("Größe.csv".encode())]))

    listing = check_zip(upload)

    assert listing.files == (ArchiveFile("Größe.csv", 7),)
    assert listing.read_bytes("Größe.csv") == b"content"


def test_zip64_headers_and_end_are_read(tmp_path: Path) -> None:
    entries = [Raw(b"a.csv", b"abc", zip64=True), Raw(b"b.csv", b"0" * 100, method=8, zip64=True)]
    upload = saved(tmp_path, raw_zip(entries, zip64_end=True))

    assert check_zip(upload).files == (ArchiveFile("a.csv", 3), ArchiveFile("b.csv", 100))


@pytest.mark.slow
def test_more_entries_than_an_old_zip_can_count(tmp_path: Path) -> None:
    content = raw_zip((Raw(b"%d.csv" % number, b"") for number in range(70_000)), zip64_end=True)

    listing = check_zip(saved(tmp_path, content), ArchiveLimits(max_entries=70_000))

    assert len(listing.files) == 70_000


def test_zip64_sizes_count_against_the_limit(tmp_path: Path) -> None:
    upload = saved(tmp_path, raw_zip([Raw(b"a.bin", b"abc", method=8, size=2**40, zip64=True)], zip64_end=True))

    with pytest.raises(ArchiveRejected) as refusal:
        check_zip(upload)

    assert str(refusal.value) == "With entry 'a.bin' the zip unpacks to more than 20 GiB; leave out what is not needed."


def test_a_comment_and_bytes_before_the_zip_do_no_harm(tmp_path: Path) -> None:
    content = b"#!/bin/sh\n" + raw_zip([Raw(b"a.csv")], comment=b"made by hand")

    assert check_zip(saved(tmp_path, content)).files == (ArchiveFile("a.csv", 7),)


def test_zeros_below_the_size_that_does_harm_are_welcome(tmp_path: Path) -> None:
    upload = zip_of(tmp_path, {"mask.nii": bytes(5_000_000)})

    assert upload.stat().st_size * 300 < 5_000_000
    assert check_zip(upload).files == (ArchiveFile("mask.nii", 5_000_000),)


def test_a_listing_reads_the_beginning_of_a_file(tmp_path: Path) -> None:
    listing = check_zip(zip_of(tmp_path, {"mine/metadata": b"command: python x.py"}))

    assert listing.read_bytes("mine/metadata", max_bytes=7) == b"command"
    assert listing.below_root("mine/metadata") == "metadata"
