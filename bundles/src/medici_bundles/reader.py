"""A bundle, opened: its definition, its pages, and its data as zips."""

import re
import tempfile
from pathlib import Path
from typing import Self

from medici_bundles.archives import DATA_LIMITS, ArchiveLimits
from medici_bundles.content_checks import content_faults, read_notice, read_references
from medici_bundles.entry_names import ArchiveRejected, is_noise
from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.file_checks import file_faults, locate, mentions
from medici_bundles.formats import read_definition
from medici_bundles.notes import notes
from medici_bundles.packing import Packed, extract_zip, pack_folder, repack_zip
from medici_bundles.reference_results import ReferenceRow
from medici_bundles.report import ImportReport
from medici_bundles.schema import ChallengeDefinition, Leaderboard, Page
from medici_bundles.yaml_lines import MAX_FILE_BYTES, YamlDocument, read_yaml

DEFINITION_NAMES = ("competition.yaml", "competition.yml")
MAX_PAGE_BYTES = 2 * 1024**2
MAX_IMAGE_BYTES = 10 * 1024**2
_PHASES = re.compile(rb"^(phases|'phases'|\"phases\")\s*:", re.MULTILINE)
LEFT_OUT = ("__pycache__", "*.pyc", ".git", ".gitignore", ".gitkeep")
"""Patterns of what is never packed: it would change the archive without changing the challenge."""


class Bundle:
    """A challenge as its organizer wrote it. Use it in a `with` statement: an unpacked zip is removed at the end."""

    def __init__(
        self, folder: Path, document: YamlDocument, definition: ChallengeDefinition, report: ImportReport
    ) -> None:
        self.folder = folder
        """The folder that holds competition.yaml."""
        self.definition = definition
        self.report = report
        self._document = document
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._unpacked is not None:
            self._unpacked.cleanup()

    def page_text(self, page: Page | str) -> str:
        """The page's Markdown or HTML, as it is written: clean it before it is shown."""
        ref = page.file if isinstance(page, Page) else page
        try:
            return self._bytes(ref, MAX_PAGE_BYTES).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BundleRejected([Fault(ref, 0, "is not UTF-8 text; save it as UTF-8")]) from None

    @property
    def definition_name(self) -> str:
        """Usually competition.yaml."""
        return self._document.file

    @property
    def terms_text(self) -> str:
        """Empty when the challenge has no terms."""
        return self.page_text(self.definition.terms) if self.definition.terms else ""

    @property
    def data_notice_text(self) -> str:
        """One line of plain text; empty when the challenge has none."""
        return read_notice(self.folder, self.definition.data_notice) if self.definition.data_notice else ""

    def references(self, board: Leaderboard) -> tuple[ReferenceRow, ...]:
        """The published figures beside a board of the definition."""
        return read_references(self.folder, self.definition, board)

    @property
    def image_bytes(self) -> bytes | None:
        """The challenge's picture; `definition.image` is its file name."""
        return self._bytes(self.definition.image, MAX_IMAGE_BYTES) if self.definition.image else None

    def pack(self, ref: str, destination: Path) -> Packed:
        """Write a data value of the definition as a deterministic zip; of a zip, one wrapping folder is stripped.

        Raises BundleRejected, naming the line of competition.yaml, when it cannot be packed.
        """
        source = self.located(ref)
        try:
            if source.is_dir():
                return pack_folder(source, destination, exclude=LEFT_OUT)
            return repack_zip(source, destination, strip_root=True)
        except ArchiveRejected as refusal:
            raise BundleRejected([self.fault(ref, f"which cannot be used: {refusal}")]) from None

    def _bytes(self, ref: str, max_bytes: int) -> bytes:
        path = self.folder / ref
        if path.stat().st_size > max_bytes:
            raise BundleRejected([self.fault(ref, f"which is larger than {max_bytes // 1024**2} MiB")])
        return path.read_bytes()

    def data_refs(self) -> list[str]:
        """All data values of the definition, each once."""
        return sorted({mention.ref for mention in mentions(self._document) if mention.is_data})

    def holds(self, ref: str) -> bool:
        """Whether a data value of the definition is there; only a kit can lack one."""
        return locate(self.folder, ref) is not None

    def located(self, ref: str) -> Path:
        """The zip or folder that a data value names."""
        place = locate(self.folder, ref)
        if place is None:
            raise BundleRejected([self.fault(ref, "which the bundle does not hold")])
        return place

    def fault(self, ref: str, problem: str) -> Fault:
        path = next((mention.path for mention in mentions(self._document) if mention.ref == ref), ())
        subject = f"{self._document.name(path)} names {ref}" if path else f"{ref} is asked for"
        return self._document.fault(path, f"{subject}, {problem}")


def open_bundle(path: Path | str, *, limits: ArchiveLimits = DATA_LIMITS, is_kit: bool = False) -> Bundle:
    """Open a folder or a zip, with or without one wrapping folder. Raises BundleRejected with all faults at once.

    `is_kit`: it may be a participants' kit, which leaves out the data that are kept from them; see `Bundle.holds`.
    """
    source = Path(path)
    if source.is_dir():
        return _open_folder(source, is_kit=is_kit)
    if not source.exists():
        raise BundleRejected([Fault(source.name, 0, "does not exist; name a bundle's folder or zip")])
    unpacked = tempfile.TemporaryDirectory(prefix="medici-bundle-")
    try:
        folder = Path(unpacked.name)
        extract_zip(source, folder, limits)
        bundle = _open_folder(folder, is_kit=is_kit)
    except ArchiveRejected as refusal:
        unpacked.cleanup()
        raise BundleRejected([Fault(source.name, 0, str(refusal))]) from None
    except BaseException:
        unpacked.cleanup()
        raise
    bundle._unpacked = unpacked  # noqa: SLF001 - the bundle is made here
    return bundle


def _open_folder(folder: Path, *, is_kit: bool) -> Bundle:
    definition_file = _definition_file(folder)
    root = definition_file.parent
    reading = read_definition(read_yaml(definition_file.name, definition_file.read_bytes()))
    document = reading.document
    faults = [
        *reading.faults,
        *file_faults(root, reading.definition, document, is_kit=is_kit),
        *content_faults(root, reading.definition),
    ]
    if faults:
        raise BundleRejected(faults)
    definition = reading.definition.ordered()
    report = ImportReport(
        ignored=reading.ignored,
        mapped=reading.mapped,
        notes=(*_renamed(definition_file), *notes(definition, document)),
        format=reading.format,
    )
    return Bundle(root, document, definition, report)


def _definition_file(folder: Path) -> Path:
    """At the root, or in the one folder that wraps everything; of another name when it can only be that one."""
    places = [folder]
    below = [path for path in folder.iterdir() if not is_noise(path.name) and not path.name.startswith(".")]
    if len(below) == 1 and below[0].is_dir():
        places.append(below[0])
    candidates = [place / name for place in places for name in DEFINITION_NAMES]
    found = next((path for path in candidates if path.is_file()), None)
    if found is not None:
        return found
    others = [path for path in _other_yamls(places) if _names_phases(path)]
    if len(others) != 1:
        raise BundleRejected([Fault(DEFINITION_NAMES[0], 0, f"is missing{_found_elsewhere(folder)}")])
    return others[0]


def _other_yamls(places: list[Path]) -> list[Path]:
    found = (path for place in places for suffix in ("*.yaml", "*.yml") for path in place.glob(suffix))
    return sorted(path for path in found if path.is_file() and not is_noise(path.name))


def _names_phases(path: Path) -> bool:
    with path.open("rb") as file:
        return _PHASES.search(file.read(MAX_FILE_BYTES)) is not None


def _renamed(definition_file: Path) -> list[str]:
    if definition_file.name in DEFINITION_NAMES:
        return []
    return [f"{definition_file.name} is read as the challenge's definition: there is no {DEFINITION_NAMES[0]}"]


def _found_elsewhere(folder: Path) -> str:
    elsewhere = sorted(path for name in DEFINITION_NAMES for path in folder.rglob(name))
    if elsewhere:
        return f"; it was found at {elsewhere[0].relative_to(folder).as_posix()}, and belongs at the bundle's root"
    others = _other_yamls([folder])
    return f"; rename {others[0].name} if that is the challenge's definition" if others else " at the bundle's root"
