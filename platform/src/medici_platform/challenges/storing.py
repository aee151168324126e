"""A bundle's files on their way into the storage, before anything is recorded."""

from dataclasses import dataclass
from pathlib import Path

from medici_bundles import schema
from medici_bundles.kit import build_kit
from medici_bundles.reader import Bundle, open_bundle
from medici_bundles.reference_results import ReferenceRow
from medici_bundles.report import ImportReport
from medici_bundles.secrecy import overlap, secret_refs
from medici_platform.challenges.html import render_page
from medici_platform.challenges.pictures import Pictures, picture_type
from medici_platform.storage import Storage, StoredFile

_EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@dataclass(frozen=True)
class BundleFile:
    path: str
    stored: StoredFile
    is_data: bool = False
    media_type: str | None = None


@dataclass(frozen=True)
class PageText:
    index: int
    slug: str
    title: str
    html: str
    """Clean."""


@dataclass(frozen=True)
class StoredBundle:
    """A bundle whose files are in the storage."""

    definition: schema.ChallengeDefinition
    report: ImportReport
    files: dict[str, BundleFile]
    """By their paths in the bundle."""
    no_files: StoredFile
    """The reference data of a task that has none: a program that needs no answers gets an empty folder."""
    pages: list[PageText]
    terms: str
    """Clean HTML."""
    data_notice: str
    """One line of plain text."""
    references: dict[str, tuple[ReferenceRow, ...]]
    """Key of a leaderboard → published figures beside it."""
    kit: StoredFile
    remarks: list[str]

    def data(self, ref: str | None) -> StoredFile | None:
        return self.files[ref].stored if ref else None

    def public_data(self, ref: str | None) -> StoredFile | None:
        """Nothing where it would hand out what is kept from participants."""
        return None if ref is None or is_withheld(self.definition, ref) else self.data(ref)

    @property
    def size_bytes(self) -> int:
        return sum({file.stored.sha256: file.stored.size_bytes for file in self.files.values()}.values())


def store_bundle(path: Path, storage: Storage, *, slug: str | None = None) -> StoredBundle:
    """`slug`: the challenge's name where it is not the bundle's own.

    Raises medici_bundles' BundleRejected with all faults at once.
    """
    with open_bundle(path) as bundle:
        definition = bundle.definition
        pictures = Pictures(bundle, storage, slug or definition.slug)
        pages = _pages(bundle, pictures)
        terms = _rendered(bundle, definition.terms, pictures) if definition.terms else ""
        found = [BundleFile(each, file, media_type=picture_type(each)) for each, file in pictures.files.items()]
        return StoredBundle(
            definition=definition,
            report=bundle.report,
            files={file.path: file for file in [*found, *_plain_files(bundle, storage), *_data_files(bundle, storage)]},
            no_files=storage.store_bytes(_EMPTY_ZIP),
            pages=pages,
            terms=terms,
            data_notice=bundle.data_notice_text,
            references={board.key: bundle.references(board) for board in definition.leaderboards},
            kit=_store_kit(bundle, storage),
            remarks=[*withheld_remarks(definition), *dict.fromkeys(pictures.remarks)],
        )


def data_refs(definition: schema.ChallengeDefinition) -> list[str]:
    """All values of the definition that name a zip or a folder, each once."""
    of_tasks = [
        ref
        for task in definition.tasks
        for ref in (task.input_data, task.reference_data, task.scoring_program, task.ingestion_program)
    ]
    of_phases = [ref for phase in definition.phases for ref in (phase.public_data, phase.starting_kit)]
    named = [*of_tasks, *of_phases, *(solution.path for solution in definition.solutions)]
    return sorted({ref for ref in named if ref})


def is_withheld(definition: schema.ChallengeDefinition, ref: str) -> bool:
    return any(overlap(ref, secret.ref) for secret in secret_refs(definition))


def withheld_remarks(definition: schema.ChallengeDefinition) -> list[str]:
    """Of files that the bundle offers although they lie among hidden data."""
    image = definition.image
    of_image = (
        [f"image: {image} is not shown, since it lies among hidden data"] if _is_secret(definition, image) else []
    )
    return of_image + [
        f"phase {phase.name!r}: its {key} {ref} are not offered for download, since they hold hidden data"
        for phase in definition.phases
        for key, ref in (("public data", phase.public_data), ("starting kit", phase.starting_kit))
        if ref and is_withheld(definition, ref)
    ]


def shown_picture_type(definition: schema.ChallengeDefinition, ref: str | None) -> str | None:
    """None for what is no picture, and for one that is kept from participants."""
    return picture_type(ref) if ref and not _is_secret(definition, ref) else None


def _is_secret(definition: schema.ChallengeDefinition, ref: str | None) -> bool:
    return ref is not None and is_withheld(definition, ref)


def _data_files(bundle: Bundle, storage: Storage) -> list[BundleFile]:
    return [BundleFile(ref, _pack(bundle, ref, storage), is_data=True) for ref in data_refs(bundle.definition)]


def _plain_files(bundle: Bundle, storage: Storage) -> list[BundleFile]:
    """Pages, terms and the picture, byte for byte."""
    definition = bundle.definition
    named = [*(page.file for page in definition.pages), definition.terms, definition.image, definition.data_notice]
    named += [board.reference_results for board in definition.leaderboards]
    return [
        BundleFile(
            ref, storage.store_bytes((bundle.folder / ref).read_bytes()), media_type=shown_picture_type(definition, ref)
        )
        for ref in sorted({ref for ref in named if ref})
    ]


def _pack(bundle: Bundle, ref: str, storage: Storage) -> StoredFile:
    draft = storage.draft()
    try:
        sha256, size_bytes = bundle.pack(ref, draft)
        storage.keep(draft, sha256)
    finally:
        draft.unlink(missing_ok=True)
    return StoredFile(sha256, size_bytes)


def _store_kit(bundle: Bundle, storage: Storage) -> StoredFile:
    """What participants download: everything but the hidden data and all answers."""
    draft = storage.draft()
    try:
        build_kit(bundle.folder, draft)
        return storage.store_file(draft)
    finally:
        draft.unlink(missing_ok=True)


def _pages(bundle: Bundle, pictures: Pictures) -> list[PageText]:
    slugs: set[str] = set()
    pages = []
    for index, page in enumerate(bundle.definition.pages):
        slug = schema.slug_of(page.title) or f"page-{index + 1}"
        slug = slug if slug not in slugs else f"{slug}-{index + 1}"
        slugs.add(slug)
        pages.append(PageText(index, slug, page.title, _rendered(bundle, page.file, pictures)))
    return pages


def _rendered(bundle: Bundle, file: str, pictures: Pictures) -> str:
    return render_page(file, bundle.page_text(file), lambda src: pictures.address(file, src))
