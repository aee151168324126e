"""What a participant has uploaded: something to build and run, or predictions to score."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from medici_bundles.archives import ArchiveFile, ArchiveListing
from medici_bundles.entry_names import ArchiveRejected, shown
from medici_bundles.programs import names_command, stored_metadata

EXPECTED = (
    "a submission holds a Dockerfile at its root (it is built and run), or predictions such as .csv, .json, .txt, "
    ".npz, .nii.gz or .png files (they are scored as they are)"
)
_NO_PREDICTIONS = frozenset(
    {".py", ".pyc", ".ipynb", ".sh", ".bat", ".r", ".m", ".c", ".cc", ".cpp", ".h", ".hpp", ".java", ".js", ".jl"}
    | {".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".pkl", ".joblib", ".keras", ".pb", ".tflite", ".whl"}
    | {".md", ".rst", ".toml", ".cfg", ".ini", ".lock", ".yml", ".yaml"}
)
"""Suffixes of programs, models and their papers: a zip of these alone was meant to hold a Dockerfile."""
_PAPERS = re.compile(
    r"^(readme|license|licence|copying|notice|requirements.*|makefile|metadata|\..*)(\.txt)?$", re.IGNORECASE
)


@dataclass(frozen=True)
class RecognisedSubmission:
    kind: Literal["container", "results"]
    root: str
    """The wrapping folder to strip before use (`repack_zip(…, strip_root=True)`); empty when there is none."""
    files: tuple[ArchiveFile, ...]
    """Names as they are below `root`."""


def recognise(listing: ArchiveListing) -> RecognisedSubmission:
    """Raises ArchiveRejected, with one sentence, when the archive is neither."""
    files = tuple(ArchiveFile(listing.below_root(file.name), file.size_bytes) for file in listing.files)
    if not files:
        raise ArchiveRejected(f"The zip holds no file; {EXPECTED}.")
    by_name = {file.name: file for file in files}
    if "Dockerfile" in by_name:
        _refuse_empty_dockerfile(by_name["Dockerfile"])
        return RecognisedSubmission("container", listing.root, files)
    _refuse_command(listing)
    _refuse_image_archive(by_name)
    _refuse_misplaced_dockerfile(listing, files)
    if not any(_could_be_predictions(file.name) for file in files):
        raise ArchiveRejected(f"The zip holds neither a Dockerfile nor predictions, only {_some(files)}; {EXPECTED}.")
    return RecognisedSubmission("results", listing.root, files)


def _refuse_empty_dockerfile(file: ArchiveFile) -> None:
    if file.size_bytes == 0:
        raise ArchiveRejected("The Dockerfile is empty; it has to say at least FROM and CMD.")


def _refuse_command(listing: ArchiveListing) -> None:
    for name, content in stored_metadata(listing):
        if names_command(content):
            raise ArchiveRejected(
                f"The file {name!r} names a command, which makes this a code submission; this version does not accept "
                "those yet, so put a Dockerfile beside it that runs the command."
            )


def _refuse_image_archive(by_name: dict[str, ArchiveFile]) -> None:
    if "oci-layout" in by_name or {"manifest.json", "repositories"} <= by_name.keys():
        raise ArchiveRejected(
            "The zip holds a saved Docker image; this version does not accept those yet, so send the Dockerfile and "
            "the files that it was built from."
        )


def _refuse_misplaced_dockerfile(listing: ArchiveListing, files: tuple[ArchiveFile, ...]) -> None:
    here = "the root of the zip" + (f" or in its only folder {shown(listing.root)}" if listing.root else "")
    for file in files:
        path = PurePosixPath(file.name)
        stored = shown(f"{listing.root}/{file.name}" if listing.root else file.name)
        if path.name == "Dockerfile":
            raise ArchiveRejected(f"The Dockerfile was found at {stored}; it must be at {here}.")
        if path.name.lower() in {"dockerfile", "dockerfile.txt"} and len(path.parts) == 1:
            raise ArchiveRejected(f"The file {stored} must be named 'Dockerfile', with a capital D and no ending.")


def _could_be_predictions(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() not in _NO_PREDICTIONS and not _PAPERS.match(path.name)


def _some(files: tuple[ArchiveFile, ...]) -> str:
    names = [shown(file.name) for file in files[:3]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
