"""Saved images: every way in which they are saved gives one tar without names; lies are refused with one sentence."""

import gzip
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medici_bundles.archives import ArchiveLimits
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.image_archives import SavedImage, repack_image
from medici_bundles.unpacking import Inflating
from tests.unit.bundles.saved_images import (
    CONFIG,
    LAYERS,
    config,
    file,
    layer,
    legacy,
    oci,
    saved_image,
    sha256,
    special,
    tar,
    with_docker_manifest,
)

AGAIN = "save the image again with `docker save`."
FIRST = f"{0:064x}/layer.tar"


def repacked(path: Path) -> tuple[SavedImage, dict[str, bytes]]:
    destination = path.with_name("repacked.tar")
    saved = repack_image(path, destination)
    assert (saved.size_bytes, saved.sha256) == (destination.stat().st_size, sha256(destination.read_bytes()))
    with tarfile.open(destination) as opened:
        return saved, {one.name: opened.extractfile(one).read() for one in opened}


@pytest.mark.parametrize(
    "files",
    [
        legacy(),
        legacy(RepoTags=None),
        with_docker_manifest(oci()),
        with_docker_manifest(oci(compressed=True)),
        oci(),
        oci(compressed=True),
    ],
    ids=["legacy", "without names", "oci", "oci, compressed", "oci alone", "oci alone, compressed"],
)
def test_a_saved_image_is_written_anew_without_names(files: dict[str, bytes], tmp_path: Path) -> None:
    saved, members = repacked(saved_image(tmp_path, files))
    names = [f"{sha256(one)}.tar" for one in LAYERS]
    assert (saved.architecture, saved.os, saved.user) == ("amd64", "linux", "1000")
    assert saved.config_digest == f"sha256:{sha256(CONFIG)}"
    assert saved.layers == tuple(f"sha256:{sha256(one)}" for one in LAYERS)
    assert list(members) == ["manifest.json", f"{sha256(CONFIG)}.json", *names]
    assert json.loads(members["manifest.json"]) == [
        {"Config": f"{sha256(CONFIG)}.json", "RepoTags": None, "Layers": names}
    ]
    assert [members[f"{sha256(CONFIG)}.json"], *(members[name] for name in names)] == [CONFIG, *LAYERS]


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        lzma.compress,
        lambda one: gzip.compress(one[:99]) + gzip.compress(one[99:]),
        lambda one: lzma.compress(one) + bytes(8),
    ],
)
def test_however_it_is_compressed_the_same_image_gives_the_same_tar(pack: Callable, tmp_path: Path) -> None:
    path = saved_image(tmp_path, legacy())
    plain = repack_image(path, tmp_path / "a")
    path.write_bytes(pack(path.read_bytes()))
    assert repack_image(path, tmp_path / "b") == plain
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b", "image.tar"]


def test_a_layer_that_comes_twice_is_a_link_and_is_written_once(tmp_path: Path) -> None:
    twice = [LAYERS[0], LAYERS[0]]
    files = legacy(twice, config(twice))
    second = f"{1:064x}/layer.tar"
    del files[second]
    saved, members = repacked(saved_image(tmp_path, files, special(second, tarfile.SYMTYPE, f"../{FIRST}")))
    assert saved.layers == (f"sha256:{sha256(LAYERS[0])}",) * 2
    assert len(members) == 3


def without(name: str) -> dict[str, bytes]:
    return {key: content for key, content in legacy().items() if key != name}


SPARSE = tarfile.TarInfo("big")
SPARSE.pax_headers = {"GNU.sparse.size": "1099511627776", "GNU.sparse.realsize": "1099511627776"}
HUGE = tarfile.TarInfo("big")
HUGE.size = 1 << 40
LONG = tarfile.TarInfo("x" * 70_000)
SPARSE_LAYER = tar([(SPARSE, b"")])
OTHER = layer({"evil": b"1"})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            tar([]),
            (
                "The archive holds no manifest.json, so it is not what `docker save` writes (`docker export` writes a "
                "container's files instead); a saved image is a tar, everything else is uploaded as a zip."
            ),
        ),
        (
            legacy() | {"manifest.json": b"[]"},
            "Entry 'manifest.json' does not say what an image consists of; save the image again.",
        ),
        (
            legacy() | {"manifest.json": b"{"},
            "Entry 'manifest.json' does not say what an image consists of; save the image again.",
        ),
        (
            legacy() | {"manifest.json": b"[" * 100_000},
            "Entry 'manifest.json' does not say what an image consists of; save the image again.",
        ),
        (
            legacy() | {"manifest.json": json.dumps(json.loads(legacy()["manifest.json"]) * 2).encode()},
            "The archive holds 2 images; save one image alone: `docker save NAME:TAG -o image.tar`.",
        ),
        (without(FIRST), f"Entry '{FIRST}' is named by the archive and is not in it; {AGAIN}"),
        (legacy() | {FIRST: OTHER}, f"Entry '{FIRST}' is not the layer that the image's configuration names; {AGAIN}"),
        (
            legacy(Config="../../etc/passwd"),
            f"Entry '../../etc/passwd' has a path that leaves the archive, or no proper name; {AGAIN}",
        ),
        (
            legacy(Layers=["/etc/passwd"] * 2),
            f"Entry '/etc/passwd' has a path that leaves the archive, or no proper name; {AGAIN}",
        ),
        (legacy(Layers=[FIRST]), f"The archive names 1 layers and the image's configuration 2; {AGAIN}"),
        (legacy(LAYERS, b"nope"), f"The image's configuration is not JSON; {AGAIN}"),
        (legacy(LAYERS, config(LAYERS, os="windows")), "The image was built for windows; workers run linux images."),
        (
            legacy(LAYERS, config(LAYERS, architecture=7)),
            f"The image's configuration does not say for which machines it was built; {AGAIN}",
        ),
        (
            legacy(LAYERS, config(LAYERS, rootfs={"diff_ids": ["x"]})),
            f"The image's configuration does not name its layers; {AGAIN}",
        ),
        (legacy([], config([])), "The image has 0 layers; an image has 1 to 127."),
        (
            legacy(LAYERS, b" " * 5 * 1024**2),
            f"Entry '{sha256(b' ' * 5 * 1024**2)}.json' is larger than 4 MiB; {AGAIN}",
        ),
        (
            legacy([SPARSE_LAYER], config([SPARSE_LAYER])),
            "The tar holds a sparse file, which unpacks to more than it takes; write it in full.",
        ),
        (
            legacy([b"no tar" * 200], config([b"no tar" * 200])),
            "The tar is damaged: a header of it can't be read; save it again.",
        ),
        (
            legacy([b"\x28\xb5\x2f\xfd" + b"z" * 100] * 2),
            (
                f"Entry '{FIRST}' is a layer compressed with Zstandard, which is not read here; build the image "
                "with gzip layers."
            ),
        ),
        (
            legacy([gzip.compress(LAYERS[0], mtime=0)[:-9], LAYERS[1]]),
            "The gzip file is damaged or cut off, perhaps because an upload stopped; send it again.",
        ),
        (
            {"repositories": b"{}"},
            "The archive was saved by a Docker older than 1.10, whose images can't be read; save it with a newer one.",
        ),
        (
            {"index.json": b'{"manifests": []}'},
            "The archive holds no images; save one image alone: `docker save NAME:TAG -o image.tar`.",
        ),
        (
            {"index.json": b'{"manifests": [{"digest": "../../x"}]}'},
            "The archive's index names something that is no digest; save the image again.",
        ),
        (
            HUGE.tobuf() + bytes(1024),
            "The tar is cut off before its end, perhaps because an upload stopped; send it again.",
        ),
        (tar([(LONG, b"")]), "The tar has a header of more than 65536 bytes; save it again."),
        (
            tar([file("a", b"1")])[:512],
            "The tar is cut off before its end, perhaps because an upload stopped; send it again.",
        ),
        (tar([file("a", b"1")])[:1024] + bytes(512) + b"x" * 512, "The tar goes on after its end; save it again."),
        (
            lambda: gzip.compress(tar([file("a", bytes(200 * 1024**2))]), mtime=0),
            "The file unpacks to more than 300 times its own size, as archives made to fill disks do.",
        ),
        (
            lzma.compress(tar([file("a", b"1")]))[:-20],
            "The xz file is damaged or cut off, perhaps because an upload stopped; send it again.",
        ),
    ],
)
def test_what_is_no_saved_image_is_refused(
    content: dict[str, bytes] | bytes | Callable[[], bytes], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "image.tar"
    content = content() if callable(content) else content
    path.write_bytes(content) if isinstance(content, bytes) else saved_image(tmp_path, content)
    with pytest.raises(ArchiveRejected) as refusal:
        repack_image(path, tmp_path / "repacked.tar")
    assert str(refusal.value) == sentence
    assert [one.name for one in tmp_path.iterdir()] == ["image.tar"]


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (
            special("x", tarfile.SYMTYPE, "../../etc/passwd"),
            "Entry 'x' is a link to '../../etc/passwd', which is no file of the archive.",
        ),
        (
            special("x", tarfile.SYMTYPE, "/etc/passwd"),
            "Entry 'x' is a link to '/etc/passwd', which is no file of the archive.",
        ),
        (special("x", tarfile.SYMTYPE, "x"), "Entry 'x' is a link to 'x', which is no file of the archive."),
        (special("x", tarfile.LNKTYPE, "manifest.json"), f"Entry 'x' is neither a file nor a folder; {AGAIN}"),
        (special("x", tarfile.FIFOTYPE), f"Entry 'x' is neither a file nor a folder; {AGAIN}"),
        (special("x", tarfile.CHRTYPE), f"Entry 'x' is neither a file nor a folder; {AGAIN}"),
        (file("manifest.json", b"[]"), f"Entry 'manifest.json' is in the archive twice; {AGAIN}"),
        (file("./manifest.json", b"[]"), f"Entry 'manifest.json' is in the archive twice; {AGAIN}"),
        (file("../x", b""), f"Entry '../x' has a path that leaves the archive, or no proper name; {AGAIN}"),
        (file("/x", b""), f"Entry '/x' has a path that leaves the archive, or no proper name; {AGAIN}"),
        (file("a\nb", b""), f"Entry 'a\\nb' has a path that leaves the archive, or no proper name; {AGAIN}"),
        ((SPARSE, b""), "The tar holds a sparse file, which unpacks to more than it takes; write it in full."),
    ],
)
def test_members_that_no_image_has_are_refused(member: tuple, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected) as refusal:
        repack_image(saved_image(tmp_path, legacy(), member), tmp_path / "repacked.tar")
    assert str(refusal.value) == sentence


def test_limits_hold(tmp_path: Path) -> None:
    path = saved_image(tmp_path, legacy())
    with pytest.raises(ArchiveRejected, match=r"^The tar holds more than 3 files; leave out what is not needed\.$"):
        repack_image(path, tmp_path / "b", ArchiveLimits(max_entries=3))
    with pytest.raises(ArchiveRejected, match=r"^The image is larger than .* GiB; leave out what is not needed\.$"):
        repack_image(path, tmp_path / "b", ArchiveLimits(max_unpacked_bytes=1024))
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(
        ArchiveRejected, match=r"^The file unpacks to more than .* GiB; leave out what is not needed\.$"
    ):
        repack_image(path, tmp_path / "b", ArchiveLimits(max_unpacked_bytes=1024))


def test_layers_that_inflate_are_counted_together(tmp_path: Path) -> None:
    big = layer({"zeros": bytes(3 * 1024**2)})
    path = saved_image(tmp_path, oci([big, LAYERS[0]], config([big, LAYERS[0]]), compressed=True))
    with pytest.raises(ArchiveRejected, match=r"^The file unpacks to more than 0.00195 GiB; "):
        repack_image(path, tmp_path / "b", ArchiveLimits(max_unpacked_bytes=2 * 1024**2))
    assert repack_image(path, tmp_path / "b", ArchiveLimits(max_unpacked_bytes=4 * 1024**2)).size_bytes > 3 * 1024**2


def test_bytes_at_random_never_break_the_reader(tmp_path: Path) -> None:
    """Every cut and every flipped byte of a header is either read or refused."""
    whole = tar([file(name, content) for name, content in legacy().items()])
    path = tmp_path / "image.tar"
    for place in range(0, len(whole), 97):
        for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]):
            path.write_bytes(content)
            try:
                repack_image(path, tmp_path / "b")
            except ArchiveRejected as refusal:
                assert str(refusal).endswith(".")  # noqa: PT017 - most are refused, some read the same


def test_no_more_is_unpacked_than_up_to_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gzip that would fill the disk for a minute before its first member was looked at."""
    bad = [special("x", tarfile.FIFOTYPE), file("big", b"0123456789abcdef" * 1024**2)]
    path = tmp_path / "image.tar"
    path.write_bytes(gzip.compress(tar(bad), compresslevel=1))
    written = []
    whole = Inflating.holds

    def holds(self: Inflating, size_bytes: int) -> bool:
        found = whole(self, size_bytes)
        written.append(self._size_bytes)
        return found

    monkeypatch.setattr(Inflating, "holds", holds)
    with pytest.raises(ArchiveRejected, match="is neither a file nor a folder"):
        repack_image(path, tmp_path / "repacked.tar")
    assert max(written) <= 1024**2
