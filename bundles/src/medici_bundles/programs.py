"""Programs: folders or zips that a container runs, by their Dockerfile or by the command in their metadata."""

import re
from pathlib import Path

from medici_bundles.archives import DATA_LIMITS, ArchiveListing, OpenedArchive

METADATA_NAMES = ("metadata", "metadata.yaml")
_COMMAND = re.compile(rb"^[ \t]*command[ \t]*:", re.MULTILINE)


def names_command(metadata: bytes) -> bool:
    found = _COMMAND.search(metadata)
    return found is not None and bool(metadata[found.end() :].strip())


def stored_metadata(listing: ArchiveListing) -> list[tuple[str, bytes]]:
    """Name and beginning of the metadata files at the archive's root, or in its wrapping folder."""
    names = {listing.below_root(file.name): file.name for file in listing.files}
    return [(name, listing.read_bytes(names[name])) for name in METADATA_NAMES if name in names]


def wrong_with_program(path: Path) -> str:
    """What keeps a scoring program from being run, or an empty text. Raises ArchiveRejected for a zip out of order."""
    if path.is_dir():
        has_dockerfile = (path / "Dockerfile").is_file()
        metadata = [(path / name).read_bytes() for name in METADATA_NAMES if (path / name).is_file()]
    else:
        with OpenedArchive(path, DATA_LIMITS) as archive:
            listing = archive.listing()
        has_dockerfile = "Dockerfile" in {listing.below_root(file.name) for file in listing.files}
        metadata = [text for _, text in stored_metadata(listing)]
    if has_dockerfile or any(map(names_command, metadata)):
        return ""
    return "which holds neither a Dockerfile nor a metadata file with a `command:`; add one of them"
