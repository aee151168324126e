"""ADD of what the engine would unpack: known by content."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from medici_worker.containers.added_archives import refused_archives
from medici_worker.containers.build_policy import Added


def tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as opened:
        info = tarfile.TarInfo("x")
        info.size = 5
        opened.addfile(info, io.BytesIO(b"hello"))
    return made.getvalue()


ARCHIVES = {
    "plain": tar(),
    "gzip": gzip.compress(tar()),
    "bzip2": bz2.compress(tar()),
    "xz": lzma.compress(tar()),
    "xz that asks for a gigabyte": lzma.compress(
        tar(), filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1024**3 // 4, "mode": lzma.MODE_FAST}]
    ),
    "zstd": b"\x28\xb5\x2f\xfd" + b"\0" * 20,
}
OTHERS = {
    "a compressed image": gzip.compress(b"\x5c\x01\0\0" * 1000),
    "a large compressed table": bz2.compress(b"a,b\n" * 500_000),
    "text": b"hello",
    "nothing": b"",
    "a tar of nothing": b"\0" * 10240,
    "broken gzip": b"\x1f\x8b\x08" + b"\xff" * 100,
    "cut off": gzip.compress(tar())[:30],
}


@pytest.fixture
def sentences(tmp_path):
    def found(files: dict[str, bytes], *sources: str) -> list[str]:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as opened:
            for name, content in files.items():
                opened.writestr(name, content)
        return [str(one) for one in refused_archives(tmp_path / "x.zip", [Added(3, sources)])]

    return found


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_are_refused_by_content(sentences, kind):
    assert sentences({"weights.bin": ARCHIVES[kind], "a": b"x"}, "a", "weights.bin") == [
        "Line 3 of the Dockerfile: ADD would unpack 'weights.bin': use COPY, and a RUN line that unpacks it."
    ]


@pytest.mark.parametrize("kind", OTHERS)
def test_what_holds_no_tar_is_copied(sentences, kind):
    assert sentences({"weights.tar.gz": OTHERS[kind]}, "weights.tar.gz") == []


@pytest.mark.parametrize("source", ["d/a.tar", "./d/a.tar", "/d//a.tar", "d/*", "*/a.t?r", "d/[^x].tar", "d/[a-c]*"])
def test_each_way_to_name_one(sentences, source):
    assert len(sentences({"d/a.tar": tar()}, source)) == 1


@pytest.mark.parametrize("source", [".", "/", "./", "d", "d/", "*", "a.tar", "d/b*", "e/a.tar"])
def test_a_folder_is_copied_with_its_archives_packed(sentences, source):
    assert sentences({"d/a.tar": tar()}, source) == []
