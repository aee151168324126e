"""Stands in until medici_bundles recognises every kind of file itself."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from medici_bundles.archives import ArchiveFile, ArchiveLimits, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.submissions import recognise


@dataclass(frozen=True)
class RecognisedSubmission:
    kind: str
    root: str
    files: tuple[ArchiveFile, ...]
    sentence: str = ""
    reference: str | None = None


@dataclass(frozen=True)
class SavedImage:
    sha256: str
    size_bytes: int


def recognise_file(path: Path, limits: ArchiveLimits, *, has_ingestion: bool = False) -> RecognisedSubmission:
    content = path.read_bytes()
    if content[257:262] == b"ustar":
        return RecognisedSubmission("image", "", ())
    if len(content) < 400 and b"@sha256:" in content and b"PK" not in content:
        return RecognisedSubmission("image", "", (), reference=content.decode().strip())
    listing = check_zip(path, limits)
    try:
        found = recognise(listing)
    except ArchiveRejected:
        if not has_ingestion:
            raise
        return RecognisedSubmission("code", listing.root, listing.files)
    kind = "code" if has_ingestion and found.kind == "results" else found.kind
    return RecognisedSubmission(kind, found.root, found.files)


def repack_image(path: Path, destination: Path, limits: ArchiveLimits) -> SavedImage:
    shutil.copy(path, destination)
    return SavedImage(hashlib.sha256(destination.read_bytes()).hexdigest(), destination.stat().st_size)
