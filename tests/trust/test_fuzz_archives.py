"""Archives of every kind, bent at random: read as Python's own readers read them, or refused with one sentence."""

import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_bundles import ArchiveRejected, check_zip, extract_zip, repack_image, repack_zip
from medici_bundles.archives import ArchiveLimits
from medici_bundles.entry_names import is_noise
from medici_bundles.submissions import recognise_file
from tests.trust.fuzzing import profile
from tests.unit.bundles.saved_images import LAYERS, legacy, oci, saved_image, with_docker_manifest
from tests.unit.bundles.zips import Raw, raw_zip

pytestmark = pytest.mark.slow

LIMITS = ArchiveLimits(max_entries=50, max_unpacked_bytes=1_000_000)
BYTES = st.one_of(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)), st.integers(0, 255))
WORDS = (
    b"PK\1\2",
    b"PK\3\4",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b"PK\7\x08",
    b"../",
    b"/etc/passwd",
    b"\0" * 512,
    b"x" * 512,
)


def zips() -> dict[str, bytes]:
    entries = [
        Raw(b"Dockerfile", b"FROM medici/python:latest\n", method=8),
        Raw("größe.csv".encode(), b"file,class\n" * 30, method=8, flags=0x800),
        Raw(b"folder/", b"", mode=0o040755),
        Raw(b"folder/file", b"1"),
    ]
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a/b", "a/c", "d"):
            archive.writestr(name, name * 50)
    streamed = io.BytesIO()
    with zipfile.ZipFile(_Unseekable(streamed), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("streamed", "with its sizes behind it" * 9)
    return {
        "raw": raw_zip(entries, comment=b"a comment"),
        "zip64": raw_zip([Raw(b"big", b"1" * 99, method=8, zip64=True), Raw(b"b", b"2")], zip64_end=True),
        "python's": plain.getvalue(),
        "streamed": streamed.getvalue(),
    }


class _Unseekable(io.RawIOBase):
    def __init__(self, target: io.BytesIO) -> None:
        self._target = target

    def write(self, data):
        return self._target.write(data)

    def flush(self) -> None:
        pass


def images() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        kinds = {"legacy": legacy(), "oci": oci(compressed=True), "docker 25": with_docker_manifest(oci())}
        tars = {kind: saved_image(Path(name), files).read_bytes() for kind, files in kinds.items()}
    return {
        **tars,
        "tar.gz": gzip.compress(tars["legacy"], mtime=0),
        "tar.xz": lzma.compress(tars["legacy"]),
    }


@st.composite
def bent(draw: st.DrawFn, seeds: dict[str, bytes]) -> bytes:
    """One or two of them with bytes changed, cut out, doubled and put in, and fields of headers edited."""
    content = bytearray(draw(st.sampled_from([*seeds.values()])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(
            st.sampled_from(("byte", "byte", "byte", "field", "cut", "double", "end", "word", "splice", "header"))
        ):
            case "byte":
                content[at : at + 1] = bytes([draw(BYTES)])
            case "field":
                number = draw(st.sampled_from((0, 1, 0xFFFF, 0xFFFF_FFFF, 0x7FFF_FFFF, len(content))))
                content[at : at + 4] = struct.pack("<I", number & 0xFFFF_FFFF)
            case "cut":
                del content[at : at + draw(st.integers(1, 600))]
            case "double":
                content[at:at] = content[at : at + draw(st.integers(1, 600))]
            case "end":
                del content[at:]
            case "word":
                content[at:at] = draw(st.sampled_from(WORDS))
            case "splice":
                content += draw(st.sampled_from([*seeds.values()]))[draw(st.integers(0, 300)) :]
            case "header":
                _edit_tar_header(draw, content)
    return bytes(content)


def _edit_tar_header(draw: st.DrawFn, content: bytearray) -> None:
    """Any field of a member's header, with a checksum that is right, so that the lie gets through the door."""
    if len(content) < tarfile.BLOCKSIZE:
        return
    at = draw(st.integers(0, len(content) // tarfile.BLOCKSIZE - 1)) * tarfile.BLOCKSIZE
    start, length = draw(st.sampled_from(((0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (257, 8), (345, 155))))
    values = (
        b"",
        b"../x",
        b"/x",
        b"0",
        b"1",
        b"2",
        b"5",
        b"7",
        b"L",
        b"K",
        b"x",
        b"g",
        b"S",
        b"V",
        b"00000001000\0",
        b"\x80\0\0\0\0\0\0\0\0\0\2\0",
    )
    value = draw(st.sampled_from(values))[:length].ljust(length, b"\0")
    block = content[at : at + tarfile.BLOCKSIZE]
    block[start : start + length] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    content[at : at + tarfile.BLOCKSIZE] = block


def assert_one_sentence(refused: ArchiveRejected) -> str:
    assert str(refused).isprintable()
    assert str(refused).endswith(".")
    assert len(str(refused)) < 400
    return "refused"


def read_zip(folder: Path, content: bytes) -> str:
    """What is taken is what Python's zipfile finds; nothing is written outside, and limits hold."""
    upload, inside = folder / "upload.zip", folder / "inside"
    upload.write_bytes(content)
    try:
        listed = check_zip(upload, LIMITS).files
        extract_zip(upload, inside, LIMITS)
        repack_zip(upload, folder / "again.zip", strip_root=False)
    except ArchiveRejected as refused:
        assert not (folder / "again.zip").exists()
        assert {path.name for path in folder.iterdir()} <= {"upload.zip", "inside"}
        return assert_one_sentence(refused)
    found = {path.relative_to(inside).as_posix(): path.read_bytes() for path in inside.rglob("*") if path.is_file()}
    with zipfile.ZipFile(upload) as archive:
        theirs = {_name(info): archive.read(info) for info in archive.infolist() if not info.is_dir()}
    assert found == {name: data for name, data in theirs.items() if not is_noise(name)}
    assert {file.name: file.size_bytes for file in listed} == {name: len(data) for name, data in found.items()}
    assert sum(map(len, found.values())) <= LIMITS.max_unpacked_bytes
    assert {path.name for path in folder.iterdir()} == {"upload.zip", "inside", "again.zip"}
    assert not any(path.is_symlink() for path in inside.rglob("*"))
    return "read"


def _name(info: zipfile.ZipInfo) -> str:
    return info.filename if info.flag_bits & 0x800 else info.filename.encode("cp437").decode()


def read_image(folder: Path, content: bytes) -> str:
    """What is taken holds what Python's tarfile finds in it: the configuration and the layers, byte for byte."""
    upload, again = folder / "image.tar", folder / "again.tar"
    upload.write_bytes(content)
    try:
        saved = repack_image(upload, again, LIMITS)
    except ArchiveRejected as refused:
        assert [path.name for path in folder.iterdir()] == ["image.tar"]
        return assert_one_sentence(refused)
    assert sorted(path.name for path in folder.iterdir()) == ["again.tar", "image.tar"]
    assert hashlib.sha256(again.read_bytes()).hexdigest() == saved.sha256
    theirs = {hashlib.sha256(one).hexdigest() for data in _members(upload).values() for one in (data, _inflated(data))}
    ours = _members(again)
    manifest = json.loads(ours["manifest.json"])[0]
    layers = [hashlib.sha256(ours[name]).hexdigest() for name in manifest["Layers"]]
    assert [f"sha256:{digest}" for digest in layers] == list(saved.layers)
    assert {*layers, saved.config_digest.removeprefix("sha256:")} <= theirs
    assert not manifest.get("RepoTags")
    return "read"


def _members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isreg()}


def _inflated(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return b""


KINDS = {"zips": (zips(), read_zip), "saved images": (images(), read_image)}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_read_as_others_read_it_or_refused(kind, trust):
    seeds, read = KINDS[kind]
    ends: Counter[str] = Counter()

    @profile(20_000 if trust.is_full else 500)
    @given(bent(seeds))
    def each(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ends[read(Path(folder), content)] += 1

    each()
    trust.note(
        f"hypothesis on the archive reader, {kind}: {ends.total()} bent at random",
        f"{ends['read']} read as Python's own reader reads them, {ends['refused']} refused in a sentence, nothing else",
    )
    assert min(ends["read"], ends["refused"]) > ends.total() / 50


def test_the_seeds_are_sound(tmp_path):
    for kind, (seeds, read) in KINDS.items():
        for name, content in seeds.items():
            folder = tmp_path / kind / name
            folder.mkdir(parents=True)
            assert (kind, name, read(folder, content)) == (kind, name, "read")
    assert len(LAYERS) == 2


def test_any_upload_is_recognised_or_refused(trust):
    """Zips, tars, and what is neither: as the platform looks at what arrives."""
    ends: Counter[str] = Counter()
    seeds = {**zips(), **images(), "nothing": b"", "text": b"registry/name@sha256:" + b"a" * 64}

    @profile(10_000 if trust.is_full else 300)
    @given(bent(seeds))
    def each(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "upload")
            path.write_bytes(content)
            try:
                found = recognise_file(path, LIMITS)
            except ArchiveRejected as refused:
                ends[assert_one_sentence(refused)] += 1
            else:
                ends[found.kind] += 1

    each()
    came_of_it = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    trust.note(f"hypothesis on what an upload is: {ends.total()} files", f"{came_of_it}, nothing else")
