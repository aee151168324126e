import io
import os
import tarfile
import zipfile

import pytest

from medici_worker.containers.interrupt import Interrupt, Interrupted
from medici_worker.containers.outputs import OutputTooLarge, collect, read_small
from medici_worker.protocol import Limits


def tar_of(*entries) -> list[bytes]:
    """Entries: (name, content) or a TarInfo."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("out")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                info = tarfile.TarInfo(f"out/{entry[0]}")
                info.size, info.mode = len(entry[1]), entry[2] if len(entry) > 2 else 0o644
                tar.addfile(info, io.BytesIO(entry[1]))
    return [buffer.getvalue()]


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"out/{name}")
    info.type, info.linkname, info.mode = kind, target, 0o777
    return info


def collected(tmp_path, *entries, output_bytes=10_000, output_files=10, **options):
    limits = Limits(output_bytes=output_bytes, output_files=output_files)
    return collect(tar_of(*entries), tmp_path / "outputs.zip", limits=limits, **options)


def sizes_of(limits):
    return {"output_bytes": limits.output_bytes, "output_files": limits.output_files}


def contents(outputs) -> dict[str, bytes]:
    with zipfile.ZipFile(outputs.archive) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_regular_files_are_taken_in_order_of_their_names(tmp_path):
    outputs = collected(tmp_path, ("b.csv", b"2"), ("a.csv", b"1"))
    assert list(contents(outputs).items()) == [("a.csv", b"1"), ("b.csv", b"2")]
    assert (outputs.files, outputs.total_bytes, outputs.used_bytes) == (2, 2, 8192)
    assert outputs.as_they_are


def test_the_same_files_give_the_same_archive(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first = collected(tmp_path / "1", ("a", b"1"), ("b", b"2"))
    second = collected(tmp_path / "2", ("b", b"2"), ("a", b"1"))
    assert first.sha256 == second.sha256


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_what_is_no_regular_file_is_skipped_and_named(tmp_path, kind):
    outputs = collected(tmp_path, ("a", b"1"), special("odd", kind, "/etc/passwd"))
    assert contents(outputs) == {"a": b"1"}
    assert outputs.describe_skipped() == "'odd' is no regular file"
    assert not outputs.as_they_are


def test_a_hard_link_is_the_file_that_it_names(tmp_path):
    outputs = collected(tmp_path, ("a", b"1"), special("b", tarfile.LNKTYPE, "out/a"))
    assert contents(outputs) == {"a": b"1", "b": b"1"}


def test_every_name_of_a_file_counts_as_a_file(tmp_path):
    linked = [("a", b"123"), special("b", tarfile.LNKTYPE, "out/a"), special("c", tarfile.LNKTYPE, "out/a")]
    outputs = collected(tmp_path, *linked, output_bytes=9)
    assert (outputs.files, outputs.total_bytes, outputs.used_bytes) == (3, 9, 4096)
    (tmp_path / "again").mkdir()
    with pytest.raises(OutputTooLarge, match="more than 8 bytes, each hard link counted as a file"):
        collected(tmp_path / "again", *linked, output_bytes=8)
    assert list((tmp_path / "again").iterdir()) == []


def test_long_names_are_outputs_too(tmp_path):
    """Empty files, but each name stands in the zip twice."""
    folder = "/".join(["\u6e2c" * 80] * 11)
    files = [(f"{folder}/{number}", b"") for number in range(40)]
    with pytest.raises(OutputTooLarge, match="more than 75776 bytes of names"):
        collected(tmp_path, *files, output_files=40)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_zip_of_what_is_within_the_limits_is_one_that_the_platform_takes(tmp_path):
    limits = Limits(output_bytes=2**20, output_files=500)
    linked = [special(f"{number:0256}", tarfile.LNKTYPE, "out/a") for number in range(499)]
    outputs = collected(tmp_path, ("a", os.urandom(2**20 // 500)), *linked, **sizes_of(limits))
    overhead_bytes = outputs.archive.stat().st_size - outputs.total_bytes
    assert 2 * outputs.name_bytes < overhead_bytes < 3 * limits.name_bytes


def test_packing_ends_with_its_attempt(tmp_path):
    stop = Interrupt()

    def chunks():
        try:
            yield from tar_of(("a", b"1"))
        finally:
            stop.set()  # everything has been read

    with pytest.raises(Interrupted):
        collect(chunks(), tmp_path / "outputs.zip", limits=Limits(), stop=stop)
    assert not any(path.is_dir() for path in tmp_path.iterdir())


def test_a_hard_link_to_elsewhere_is_nothing(tmp_path):
    outputs = collected(tmp_path, ("a", b"1"), special("b", tarfile.LNKTYPE, "etc/passwd"))
    assert contents(outputs) == {"a": b"1"}


def test_patterns_choose(tmp_path):
    outputs = collected(tmp_path, ("a.csv", b"1"), ("b.txt", b"2"), patterns=("*.csv",))
    assert contents(outputs) == {"a.csv": b"1"}
    assert outputs.describe_skipped() == "'b.txt' is not among the outputs that this phase names"
    assert not outputs.as_they_are


def test_a_file_for_its_owner_alone_is_handed_on_as_a_copy(tmp_path):
    outputs = collected(tmp_path, ("a", b"1", 0o600))
    assert contents(outputs) == {"a": b"1"}
    assert not outputs.as_they_are


def test_too_many_bytes(tmp_path):
    with pytest.raises(OutputTooLarge, match="more than 10 bytes"):
        collected(tmp_path, ("a", b"12345678901"), output_bytes=10)
    assert list(tmp_path.iterdir()) == []


def test_too_many_files(tmp_path):
    with pytest.raises(OutputTooLarge, match="more than 1 files and folders"):
        collected(tmp_path, ("a", b"1"), ("b", b"1"), output_files=1)


def test_an_empty_folder(tmp_path):
    assert collected(tmp_path).files == 0


def test_small_files_at_the_top_are_read_and_cut():
    chunks = tar_of(("scores.txt", b"f1: 1"), ("x.html", b"1234567"), ("sub/scores.json", b"{}"), ("other", b"1"))
    limits = {"scores.txt": 3, "x.html": 4}
    assert read_small(chunks, ("scores.*", "*.html"), limit_bytes=limits.__getitem__) == {
        "scores.txt": b"f1: ",
        "x.html": b"12345",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Case.csv", "'case.csv' and 'Case.csv' differ only in upper and lower case"),
        ("folder/a", "'folder/a' and 'Folder' differ only in upper and lower case"),
        ("..\\..\\evil.bat", r"'..\\..\\evil.bat' has a name that is not readable text"),
        ("a\u202eb", "'a\\u202eb' has a name that is not readable text"),
        ("caf\udce9", "'caf\\udce9' has a name that is not readable text"),
        ("a\nb", "'a\\nb' has a name that is not readable text"),
        ("d/" * 600 + "x", f"'{'d/' * 512}…' lies too deep"),
    ],
)
def test_a_name_that_would_deceive_another_machine_is_skipped_and_named(tmp_path, name, reason):
    fine = [("Case.csv", b"1"), ("Folder/b", b"2")]
    others = [("case.csv", b"3")] if name == "Case.csv" else [(name, b"3")]
    outputs = collected(tmp_path, *fine, *others)
    assert sorted(contents(outputs)) == ["Case.csv", "Folder/b"]
    assert outputs.skipped == [reason]
    assert not outputs.as_they_are


def test_a_folder_that_lies_too_deep_is_not_handed_on_as_it_is(tmp_path):
    """The engine leaves out what is below it, without a word: the scoring program sees what was taken, and no more."""
    assert not collected(tmp_path, ("a", b"1"), special("d/" * 600 + "d", tarfile.DIRTYPE)).as_they_are
