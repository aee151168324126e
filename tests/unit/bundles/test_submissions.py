from pathlib import Path

import pytest

from medici_bundles.archives import ArchiveFile, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.submissions import RecognisedSubmission, recognise
from tests.unit.bundles.zips import zip_of

DOCKERFILE = b"FROM medici/python:latest\n"
EXPECTED = (
    "a submission holds a Dockerfile at its root (it is built and run), or predictions such as .csv, .json, .txt, "
    ".npz, .nii.gz or .png files (they are scored as they are)."
)


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
        (
            {"metadata": b"description: x\ncommand: python $program/run.py\n", "run.py": b""},
            (
                "The file 'metadata' names a command, which makes this a code submission; this version does not accept "
                "those yet, so put a Dockerfile beside it that runs the command."
            ),
        ),
        (
            {"mine/metadata.yaml": b"command: ./run", "mine/a.csv": b""},
            (
                "The file 'metadata.yaml' names a command, which makes this a code submission; this version does not "
                "accept those yet, so put a Dockerfile beside it that runs the command."
            ),
        ),
        (
            {"oci-layout": b"{}", "index.json": b"{}"},
            (
                "The zip holds a saved Docker image; this version does not accept those yet, so send the Dockerfile "
                "and the files that it was built from."
            ),
        ),
    ],
)
def test_what_is_no_submission_is_refused(files: dict[str, bytes], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected) as refusal:
        _recognised(tmp_path, files)

    assert str(refusal.value) == sentence
