import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from medici_bundles.archives import ArchiveFile, ArchiveLimits, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.submissions import RecognisedSubmission, recognise, recognise_file
from tests.unit.bundles.saved_images import legacy, saved_image
from tests.unit.bundles.zips import saved, zip_of

DOCKERFILE = b"FROM medici/python:latest\n"
EXPECTED = (
    "a submission holds a Dockerfile at its root (it is built and run), or predictions such as .csv, .json, .txt, "
    ".npz, .nii.gz or .png files (they are scored as they are)."
)
SEND_THE_TAR = (
    "The zip holds a saved Docker image; upload the tar itself, as `docker save NAME -o image.tar` writes it, "
    "without a "
    "zip around it."
)
LIMITS = ArchiveLimits()
SAVE_AS = "save the image as a tar, tar.gz or tar.xz, and everything else as a zip"
DIGEST = "sha256:" + "0123456789abcdef" * 4

OF_TWO_DISKS = (
    struct.pack("<4sLQL", b"PK\x06\x07", 1, 0, 2)
    + b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0"
)
"""How a zip64 ends whose other part is elsewhere."""


def _recognised(folder: Path, files: dict[str, bytes]) -> RecognisedSubmission:
    return recognise(check_zip(zip_of(folder, files)))


@pytest.mark.parametrize(
    ("files", "kind", "root"),
    [
        ({"Dockerfile": DOCKERFILE, "code/run.py": b"", "model/best.pth": b""}, "container", ""),
        ({"mine/Dockerfile": DOCKERFILE, "mine/run.py": b"", "__MACOSX/mine/._run.py": b""}, "container", "mine"),
        ({"Dockerfile": DOCKERFILE, "metadata": b"command: python run.py"}, "container", ""),
        ({"Dockerfile": DOCKERFILE, "docker/Dockerfile": DOCKERFILE}, "container", ""),
        ({"classification_results.csv": b""}, "results", ""),
        ({"mine/case1.nii.gz": b"", "mine/case2.nii.gz": b""}, "results", "mine"),
        ({"a.csv": b"", "metadata": b"description: my best\n# command: none"}, "results", ""),
        ({"a.csv": b"", "code/train.py": b""}, "results", ""),
        ({"labels.mha": b""}, "results", ""),
        ({"res/metadata": b"exitCode: 0", "res/a/b.predict": b""}, "results", "res"),
        ({"answers.yaml": b"a: 1"}, "results", ""),
        ({"predictions.pkl": b""}, "results", ""),
        ({"manifest.json": b"[]", "a.csv": b""}, "results", ""),
        ({"metadata": b"description: x\ncommand: python $program/run.py\n", "run.py": b""}, "code", ""),
        ({"mine/metadata.yaml": b"command: ./run", "mine/a.csv": b""}, "code", "mine"),
        ({"answer.txt": b""}, "results", ""),
    ],
)
def test_submissions_are_recognised(files: dict[str, bytes], kind: str, root: str, tmp_path: Path) -> None:
    recognised = _recognised(tmp_path, files)

    assert (recognised.kind, recognised.root) == (kind, root)


def test_files_are_named_as_they_are_below_the_root(tmp_path: Path) -> None:
    assert _recognised(tmp_path, {"mine/a.csv": b"12", "mine/b/c.csv": b""}) == RecognisedSubmission(
        "results", "mine", (ArchiveFile("a.csv", 2), ArchiveFile("b/c.csv", 0))
    )


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a/": b"", "a/b/": b""}, f"The zip holds no file; {EXPECTED}"),
        ({"__MACOSX/._a": b"", ".DS_Store": b""}, f"The zip holds no file; {EXPECTED}"),
        (
            {"run.py": b"", "model.pth": b"", "README.md": b"", "requirements.txt": b"", ".gitignore": b""},
            "The zip holds neither a Dockerfile nor predictions, only 'run.py', 'model.pth', 'README.md' and 2 more; "
            + EXPECTED,
        ),
        (
            {"mine/weights.ckpt": b""},
            f"The zip holds neither a Dockerfile nor predictions, only 'weights.ckpt'; {EXPECTED}",
        ),
        (
            {"code/docker/Dockerfile": DOCKERFILE, "code/run.py": b"", "x.csv": b""},
            "The Dockerfile was found at 'code/docker/Dockerfile'; it must be at the root of the zip.",
        ),
        (
            {"mine/docker/Dockerfile": DOCKERFILE, "mine/run.py": b""},
            (
                "The Dockerfile was found at 'mine/docker/Dockerfile'; it must be at the root of the zip or in its "
                "only folder 'mine'."
            ),
        ),
        (
            {"dockerfile": DOCKERFILE, "run.py": b""},
            "The file 'dockerfile' must be named 'Dockerfile', with a capital D and no ending.",
        ),
        (
            {"mine/Dockerfile.txt": DOCKERFILE, "mine/run.py": b""},
            "The file 'mine/Dockerfile.txt' must be named 'Dockerfile', with a capital D and no ending.",
        ),
        ({"Dockerfile": b""}, "The Dockerfile is empty; it has to say at least FROM and CMD."),
        ({"oci-layout": b"{}", "index.json": b"{}"}, SEND_THE_TAR),
        ({"mine/manifest.json": b"[]", "mine/repositories": b"{}"}, SEND_THE_TAR),
        ({"manifest.json": b"[]", "0a/layer.tar": b"{}"}, SEND_THE_TAR),
        (
            {"image.tar": b"x"},
            (
                "The zip holds nothing but 'image.tar'; if that is a saved Docker image, upload the tar itself, and "
                "if it holds predictions, zip those."
            ),
        ),
    ],
)
def test_what_is_no_submission_is_refused(files: dict[str, bytes], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected) as refusal:
        _recognised(tmp_path, files)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("files", [{"model.py": b""}, {"a.csv": b""}, {"deep/Dockerfile": b"FROM x", "b.py": b""}])
def test_under_an_ingestion_program_a_zip_without_a_dockerfile_is_code(files: dict[str, bytes], tmp_path: Path) -> None:
    listing = check_zip(zip_of(tmp_path, {**files, "x.txt": b""}))
    assert recognise(listing, has_ingestion=True).kind == "code"


def test_under_an_ingestion_program_a_dockerfile_is_still_a_container(tmp_path: Path) -> None:
    path = zip_of(tmp_path, {"Dockerfile": DOCKERFILE, "metadata": b"command: x"})
    assert recognise_file(path, LIMITS, has_ingestion=True).kind == "container"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_a_tar_is_an_image_whatever_its_name(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = pack(saved_image(tmp_path, legacy()).read_bytes())
    recognised = recognise_file(saved(tmp_path, content, "upload.zip"), LIMITS)
    assert (recognised.kind, recognised.reference, recognised.files) == ("image", None, ())


@pytest.mark.parametrize("name", [f"registry.example/team/model@{DIGEST}", "python:3.11", "ghcr.io/a/b"])
@pytest.mark.parametrize("form", ["{}", "{}\n", "\ufeff  {}\r\n"])
def test_a_text_with_one_image_is_an_image_by_reference(name: str, form: str, tmp_path: Path) -> None:
    path = saved(tmp_path, form.format(name).encode())
    assert recognise_file(path, LIMITS) == RecognisedSubmission("image", reference=name)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"Dockerfile": b"0" * 1500, "a": b""}, "a container submission: a zip with a Dockerfile (2 files, 1.5 kB)"),
        ({"a.csv": b"12"}, "a result submission: a zip with predictions (1 file, 2 bytes)"),
        (
            {"metadata": b"command: x", "a.bin": bytes(3_400_000)},
            "a code submission: a zip with a program, which runs in the challenge's image (2 files, 3.4 MB)",
        ),
    ],
)
def test_what_was_recognised_is_told(files: dict[str, bytes], sentence: str, tmp_path: Path) -> None:
    assert recognise_file(zip_of(tmp_path, files), LIMITS).sentence == sentence


def test_what_was_recognised_of_an_image_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, f"a/b@{DIGEST}".encode())
    assert recognise_file(path, LIMITS).sentence == f"an image submission: the image a/b@{DIGEST}"
    path = saved_image(tmp_path, legacy())
    assert recognise_file(path, LIMITS).sentence == "an image submission: a saved Docker image (30.7 kB)"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty: it holds not a single byte."),
        (b"Rar!\x1a\x07", f"The file is a RAR archive; {SAVE_AS}."),
        (b"7z\xbc\xaf\x27\x1c", f"The file is a 7z archive; {SAVE_AS}."),
        (b"BZh91AY", f"The file is compressed with bzip2; {SAVE_AS}."),
        (b"\x28\xb5\x2f\xfd\x00", f"The file is compressed with Zstandard; {SAVE_AS}."),
        (
            b"\n<!DOCTYPE html><html>",
            "The file is an HTML page, perhaps one that asks to sign in; download the file again and upload that.",
        ),
        (
            b"file,class\n1,2\n",
            (
                "The file is plain text; upload a zip with it (a text that holds nothing but "
                "registry/name@sha256:\u2026 submits that image)."
            ),
        ),
        (
            b"0.5",
            (
                "The file is plain text; upload a zip with it (a text that holds nothing but "
                "registry/name@sha256:\u2026 submits that image)."
            ),
        ),
        (
            f"a/b@{DIGEST} a/c@{DIGEST}".encode(),
            (
                "The file is plain text; upload a zip with it (a text that holds nothing but "
                "registry/name@sha256:\u2026 submits that image)."
            ),
        ),
        (b"\x01\x02\x00\xff" * 9, "The file is not a zip archive; upload a zip."),
        (
            gzip.compress(b"file,class\n", mtime=0),
            "The file is a compressed file that holds no tar; upload a zip with the file in it.",
        ),
        (
            gzip.compress(b"x" * 999, mtime=0)[:9],
            "The gzip file is damaged or cut off, perhaps because an upload stopped; send it again.",
        ),
        (
            b"PK\x03\x04 and no more",
            "The file is a broken zip: its end is missing, perhaps because an upload stopped; send it again.",
        ),
        (
            b"\x01\x02\x00\xff" * 9 + OF_TWO_DISKS,
            "The file is a zip that cannot be read; make it again with a usual program.",
        ),
    ],
)
def test_other_files_are_named(content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected) as refusal:
        recognise_file(saved(tmp_path, content), LIMITS)
    assert str(refusal.value) == sentence
