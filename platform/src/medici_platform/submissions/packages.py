"""What has been uploaded, looked through: which kind of submission it is, and what of it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from medici_bundles.archives import ArchiveLimits
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.image_archives import repack_image
from medici_bundles.packing import repack_zip
from medici_bundles.submissions import RecognisedSubmission, recognise_file
from medici_platform.context import Context
from medici_platform.errors import InvalidRequest
from medici_platform.settings import Settings, listed
from medici_platform.storage import StoredFile
from medici_platform.submissions import rules
from medici_platform.submissions.references import parse_reference, require_allowed, require_registry
from medici_platform.submissions.schemas import FormOut
from medici_worker.protocol import FailureKind

_STRIPPED = frozenset({"container", "code"})
"""Kinds whose wrapping folder is always taken off: what runs in them is found at the root."""


class SubmissionArchiveRejected(InvalidRequest):
    code = FailureKind.ARCHIVE_REJECTED.value


@dataclass(frozen=True)
class Upload:
    """A file that has been received and looked through. `path` and `package_path` are drafts, until it is accepted."""

    filename: str
    kind: str
    stored: StoredFile
    path: Path
    package: StoredFile
    """What runs: the same without a wrapping folder and noise, or an image's archive without its tags."""
    package_path: Path
    image_reference: str | None = None


def archive_limits(settings: Settings) -> ArchiveLimits:
    return ArchiveLimits(max_entries=settings.max_archive_entries, max_unpacked_bytes=settings.max_unpacked_bytes)


def recognised(path: Path, settings: Settings, form: FormOut) -> RecognisedSubmission:
    """Look through the whole file. Raises SubmissionArchiveRejected with one sentence that says what is wrong."""
    try:
        return recognise_file(path, archive_limits(settings), has_ingestion=form.has_ingestion)
    except ArchiveRejected as error:
        raise SubmissionArchiveRejected(str(error)) from error


def require_taken(found: RecognisedSubmission, form: FormOut, settings: Settings | None = None) -> None:
    """Raises the phase's refusal of this kind, or of the image that is named."""
    rules.require_kind(found.kind, form.accepted, phase=form.phase)
    if found.reference is not None:
        reference = parse_reference(found.reference)
        require_allowed(reference, form.allowed_images, phase=form.phase)
        if settings is not None:  # commands, which don't know the platform's, ask for all but that
            require_registry(reference, listed(settings.image_registries))


@contextmanager
def packed(
    found: RecognisedSubmission, path: Path, stored: StoredFile, *, filename: str, context: Context, form: FormOut
) -> Iterator[Upload]:
    """The upload with what runs of it. Nothing stays but what is kept."""
    draft = context.storage.draft()
    try:
        yield _pack(
            found, path, stored, filename=filename, draft=draft, limits=archive_limits(context.settings), form=form
        )
    except ArchiveRejected as error:
        raise SubmissionArchiveRejected(str(error)) from error
    finally:
        draft.unlink(missing_ok=True)


def _pack(
    found: RecognisedSubmission,
    path: Path,
    stored: StoredFile,
    *,
    filename: str,
    draft: Path,
    limits: ArchiveLimits,
    form: FormOut,
) -> Upload:
    if found.reference is not None:
        reference = str(parse_reference(found.reference))
        return Upload(filename, found.kind, stored, path, stored, path, image_reference=reference)
    if found.kind == "image":
        image = repack_image(path, draft, limits)
        return Upload(filename, found.kind, stored, path, StoredFile(image.sha256, image.size_bytes), draft)
    strips = found.kind in _STRIPPED or form.unwrap_results
    if _is_plain(path, found, strips=strips):
        return Upload(filename, found.kind, stored, path, stored, path)
    package = StoredFile(*repack_zip(path, draft, strip_root=strips, limits=limits))
    return Upload(filename, found.kind, stored, path, package, draft)


def _is_plain(path: Path, found: RecognisedSubmission, *, strips: bool) -> bool:
    """The upload runs as it is when there is nothing to strip, to leave out, or to spell anew."""
    if strips and found.root:
        return False
    with ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    prefix = f"{found.root}/" if found.root else ""
    return sorted(names) == sorted(prefix + file.name for file in found.files)
