"""What a participant has uploaded, by its content: something to build, to run, to load, or predictions to score."""

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from medici_bundles.archives import ArchiveFile, ArchiveLimits, ArchiveListing, check_zip
from medici_bundles.entry_names import ArchiveRejected, shown
from medici_bundles.programs import names_command, stored_metadata
from medici_bundles.sniffing import ContentKind, image_reference_in, sniffed

Kind = Literal["container", "code", "image", "results"]

KINDS: dict[str, str] = {
    "container": "a container submission: a zip with a Dockerfile",
    "code": "a code submission: a zip with a program, which runs in the challenge's image",
    "image": "an image submission: what `docker save` writes, or an image's name with its digest",
    "results": "a result submission: a zip with predictions",
}
"""Names of the kinds for people."""
EXPECTED = (
    "a submission holds a Dockerfile at its root (it is built and run), or predictions such as .csv, .json, .txt, "
    ".npz, .nii.gz or .png files (they are scored as they are)"
)
_SEND_THE_TAR = (
    "The zip holds a saved Docker image; upload the tar itself, as `docker save NAME -o image.tar` writes it, "
    "without a zip around it."
)
_NO_PREDICTIONS = frozenset(
    {".py", ".pyc", ".ipynb", ".sh", ".bat", ".r", ".m", ".c", ".cc", ".cpp", ".h", ".hpp", ".java", ".js", ".jl"}
    | {".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".pkl", ".joblib", ".keras", ".pb", ".tflite", ".whl"}
    | {".md", ".rst", ".toml", ".cfg", ".ini", ".lock", ".yml", ".yaml"}
)
"""Suffixes of programs, models and their papers: a program with these alone was meant to have a Dockerfile."""
_PROGRAMS = frozenset({".py", ".ipynb", ".sh", ".bat", ".c", ".cc", ".cpp", ".java", ".js", ".jl"})
_PAPERS = re.compile(
    r"^(readme|license|licence|copying|notice|requirements.*|makefile|metadata|\..*)(\.txt)?$", re.IGNORECASE
)


@dataclass(frozen=True)
class RecognisedSubmission:
    kind: Kind
    root: str = ""
    """The wrapping folder to strip before use (`repack_zip(…, strip_root=True)`); empty when there is none."""
    files: tuple[ArchiveFile, ...] = ()
    """Names as they are below `root`; none of an image."""
    reference: str | None = None
    """Of an image by reference: the name that was uploaded."""
    size_bytes: int = field(default=0, compare=False)
    """Of the file that was looked at; 0 where only a listing was."""

    @property
    def sentence(self) -> str:
        """What was recognised, for people: `a container submission: a zip with a Dockerfile (12 files, 3.4 MB)`."""
        if self.reference is not None:
            return f"an image submission: the image {self.reference[:300]}"
        if self.kind == "image":
            return f"an image submission: a saved Docker image ({_readable(self.size_bytes)})"
        count = f"{len(self.files)} file{'s' if len(self.files) > 1 else ''}"
        size = _readable(sum(file.size_bytes for file in self.files))
        return f"{KINDS[self.kind]} ({count}, {size})"


def recognise_file(path: Path, limits: ArchiveLimits, *, has_ingestion: bool = False) -> RecognisedSubmission:
    """By content, whatever the file is called. A zip is checked whole; of a saved image `repack_image` checks the rest.

    Raises ArchiveRejected with one sentence that says what the file looks like.
    """
    size_bytes = path.stat().st_size
    if (reference := image_reference_in(path)) is not None:
        return RecognisedSubmission("image", reference=reference, size_bytes=size_bytes)
    if sniffed(path) is ContentKind.IMAGE:
        return RecognisedSubmission("image", size_bytes=size_bytes)
    return recognise(check_zip(path, limits), has_ingestion=has_ingestion)


def recognise(listing: ArchiveListing, *, has_ingestion: bool = False) -> RecognisedSubmission:
    """What a zip is. In a phase with an ingestion program (`has_ingestion`), a zip without a Dockerfile is code for it.

    Raises ArchiveRejected, with one sentence, when the archive is no submission.
    """
    files = tuple(ArchiveFile(listing.below_root(file.name), file.size_bytes) for file in listing.files)
    if not files:
        raise ArchiveRejected(f"The zip holds no file; {EXPECTED}.")
    by_name = {file.name: file for file in files}
    if "Dockerfile" in by_name:
        _refuse_empty_dockerfile(by_name["Dockerfile"])
        return RecognisedSubmission("container", listing.root, files)
    _refuse_image_archive(by_name)
    if has_ingestion or _names_command(listing):
        return RecognisedSubmission("code", listing.root, files)
    _refuse_misplaced_dockerfile(listing, files)
    if _is_program_alone(files):
        raise ArchiveRejected(f"The zip holds neither a Dockerfile nor predictions, only {_some(files)}; {EXPECTED}.")
    return RecognisedSubmission("results", listing.root, files)


def _refuse_empty_dockerfile(file: ArchiveFile) -> None:
    if file.size_bytes == 0:
        raise ArchiveRejected("The Dockerfile is empty; it has to say at least FROM and CMD.")


def _names_command(listing: ArchiveListing) -> bool:
    return any(names_command(content) for _, content in stored_metadata(listing))


def _refuse_image_archive(by_name: dict[str, ArchiveFile]) -> None:
    """Predictions may come with a manifest.json of their own: it takes a layer, or another file of an image's."""
    layers = any(PurePosixPath(name).name == "layer.tar" or name.startswith("blobs/sha256/") for name in by_name)
    if "oci-layout" in by_name or ("manifest.json" in by_name and (layers or "repositories" in by_name)):
        raise ArchiveRejected(_SEND_THE_TAR)
    if len(by_name) == 1 and next(iter(by_name)).lower().endswith((".tar", ".tar.xz")):
        raise ArchiveRejected(
            f"The zip holds nothing but {shown(next(iter(by_name)))}; if that is a saved Docker image, upload the tar "
            "itself, and if it holds predictions, zip those."
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


def _is_program_alone(files: tuple[ArchiveFile, ...]) -> bool:
    """A program or a model, and nothing that a scorer would read. Text in .yaml or .md alone may be the predictions."""
    if any(_could_be_predictions(file.name) for file in files):
        return False
    suffixes = {PurePosixPath(file.name).suffix.lower() for file in files}
    return bool(suffixes & _PROGRAMS) or not suffixes & {".pkl", ".yml", ".yaml", ".joblib", ".pt"}


def _could_be_predictions(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() not in _NO_PREDICTIONS and not _PAPERS.match(path.name)


def _readable(size_bytes: int) -> str:
    units = [(1000**3, "GB"), (1000**2, "MB"), (1000, "kB")]
    return next(
        (f"{size_bytes / unit:.1f} {name}" for unit, name in units if size_bytes >= unit), f"{size_bytes} bytes"
    )


def _some(files: tuple[ArchiveFile, ...]) -> str:
    names = [shown(file.name) for file in files[:3]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
