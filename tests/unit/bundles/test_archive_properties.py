"""Whatever the bytes: an archive is read, or refused with a sentence. Nothing else ever happens."""

import re
import tempfile
import unicodedata
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medici_bundles.archives import ArchiveFile, ArchiveLimits, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.packing import extract_zip, pack_folder, repack_zip
from tests.unit.bundles.zips import Raw, raw_zip, saved

LIMITS = ArchiveLimits(max_entries=50, max_unpacked_bytes=1_000_000)
SEED = raw_zip(
    [
        Raw(b"Dockerfile", b"FROM medici/python:latest\n", method=8),
        Raw(b"model/weights.pth", bytes(range(256)) * 4),
        Raw("bilder/größe.csv".encode(), b"file,class\n" * 20, method=8, flags=0x800, zip64=True),
        Raw(b"empty/", b"", mode=0o040755),
    ],
    comment=b"a comment",
)
PARTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8).filter(
    lambda part: (
        not set("/\\:\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(part)
        and part not in {".", ".."}
        and not part.startswith("._")
        and part not in {"__MACOSX", ".DS_Store", "Thumbs.db"}
    )
)
FILES = st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=300), max_size=6)


def _read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        upload = saved(Path(folder), content)
        listed = _sizes_listed(upload)
        if isinstance(listed, ArchiveRejected):
            assert str(listed).endswith(".")
            assert "\n" not in str(listed)
        else:
            extract_zip(upload, Path(folder, "inside"), LIMITS)
            assert {name: len(data) for name, data in _files_in(Path(folder, "inside")).items()} == listed


def _sizes_listed(upload: Path) -> dict[str, int] | ArchiveRejected:
    try:
        return dict(check_zip(upload, LIMITS).files)
    except ArchiveRejected as refusal:
        return refusal


def _files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes(content: bytes) -> None:
    _read_or_refused(content)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    content = bytearray(SEED)
    for place, value in changes:
        content[place] = value
    _read_or_refused(bytes(content))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(SEED)), st.integers(0, len(SEED)), st.binary(max_size=20))
def test_pieces_cut_out_and_put_in(start: int, end: int, piece: bytes) -> None:
    _read_or_refused(SEED[:start] + piece + SEED[end:])


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.builds(
            Raw,
            name=st.binary(max_size=12),
            data=st.binary(max_size=40),
            method=st.sampled_from([0, 0, 8, 8, 9, 12]),
            flags=st.sampled_from([0, 0, 0x800, 0x800, 1, 8]),
            mode=st.sampled_from([0o100644, 0o100644, 0o040755, 0o120777, 0]),
            size=st.none() | st.integers(0, 2**32 - 2),
            offset=st.none() | st.integers(0, 200),
            zip64=st.booleans(),
        ),
        max_size=4,
    )
)
def test_lying_headers(entries: list[Raw]) -> None:
    _read_or_refused(raw_zip(entries))


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_what_is_packed_is_read_and_comes_out_the_same(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, packed, out = Path(name, "in"), Path(name, "packed.zip"), Path(name, "out")
        folder.mkdir()
        placed = {path: content for path, content in files.items() if _placed(folder, path, content)}
        assume(_fit_together(placed))

        first = pack_folder(folder, packed)

        names = sorted(placed, key=str.encode)
        assert check_zip(packed).files == tuple(ArchiveFile(path, len(placed[path])) for path in names)
        extract_zip(packed, out)
        assert _files_in(out) == placed
        assert pack_folder(out, Path(name, "second.zip")) == first
        assert repack_zip(packed, Path(name, "third.zip"), strip_root=False) == first


def _fit_together(files: dict[str, bytes]) -> bool:
    """No two names that differ in case only."""
    paths = {name[: end.start()] for name in files for end in re.finditer("/|$", name)}
    keys = {unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold()) for path in paths}
    return bool(files) and len(keys) == len(paths)


def _placed(folder: Path, name: str, content: bytes) -> bool:
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError:
        return False  # a file of that name is a folder of another
    return True
