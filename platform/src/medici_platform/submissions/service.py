"""From an upload to a submission whose runs are queued."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_bundles.archives import ArchiveLimits, ArchiveListing, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.packing import repack_zip
from medici_bundles.submissions import recognise
from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Phase
from medici_platform.context import Context
from medici_platform.errors import InvalidRequest
from medici_platform.participants.models import Participant
from medici_platform.participants.queries import find_participant
from medici_platform.participants.rules import require_approved
from medici_platform.states import State
from medici_platform.storage import StoredFile
from medici_platform.submissions import rules
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import quota_of
from medici_worker.protocol import FailureKind


class SubmissionArchiveRejected(InvalidRequest):
    code = FailureKind.ARCHIVE_REJECTED.value


@dataclass(frozen=True)
class Upload:
    """A file that has been received and looked through."""

    filename: str
    stored: StoredFile
    package: StoredFile
    """What runs: the same without a wrapping folder and noise."""
    kind: str
    path: Path
    package_path: Path
    """Drafts, until the submission is accepted."""


def require_may_submit(
    session: Session, challenge: Challenge, phase: Phase, user: User, *, now: datetime
) -> Participant:
    """Asked before the body is read, so that nobody uploads gigabytes for a refusal, and again when it is complete."""
    rules.require_open(phase, now)
    participant = require_approved(find_participant(session, challenge, user), challenge)
    rules.require_quota(phase, quota_of(session, phase, participant, now=now))
    return participant


@contextmanager
def taken_apart(path: Path, stored: StoredFile, filename: str, context: Context) -> Iterator[Upload]:
    """Look through the whole archive. Nothing of it stays but what `accept` keeps.

    Raises SubmissionArchiveRejected with one sentence that names the entry and the fault.
    """
    settings = context.settings
    limits = ArchiveLimits(max_entries=settings.max_archive_entries, max_unpacked_bytes=settings.max_unpacked_bytes)
    draft = context.storage.draft()
    try:
        listing = check_zip(path, limits)
        kind = recognise(listing).kind
        if _is_plain(listing):
            yield Upload(filename, stored, stored, kind, path, path)
        else:
            package = StoredFile(*repack_zip(path, draft, strip_root=True))
            yield Upload(filename, stored, package, kind, path, draft)
    except ArchiveRejected as error:
        raise SubmissionArchiveRejected(str(error)) from error
    finally:
        draft.unlink(missing_ok=True)


def accept(
    session: Session, context: Context, challenge: Challenge, phase: Phase, user: User, upload: Upload
) -> Submission:
    """Record the submission and queue its runs, in one transaction.

    The participant's row is locked while the quota is counted: of many uploads at once exactly as many get in as
    there are places left.
    """
    now = context.now()
    participant = require_approved(find_participant(session, challenge, user), challenge)
    session.execute(select(Participant.id).where(Participant.id == participant.id).with_for_update())
    require_may_submit(session, challenge, phase, user, now=now)
    rules.require_kind(phase, upload.kind)
    submission = Submission(
        challenge_id=challenge.id,
        phase_id=phase.id,
        phase=phase,
        participant_id=participant.id,
        participant=participant,
        filename=upload.filename,
        sha256=upload.stored.sha256,
        size_bytes=upload.stored.size_bytes,
        package_sha256=upload.package.sha256,
        package_bytes=upload.package.size_bytes,
        kind=upload.kind,
        state=State.SUBMITTED,
        scores={},
        counts=True,
        submitted_at=now,
    )
    session.add(submission)
    session.flush()
    _keep(context, upload)
    context.start_runs(session, context, submission.id)
    return submission


def _keep(context: Context, upload: Upload) -> None:
    """Once nothing can refuse the upload any more, and before a worker can ask for it."""
    if upload.package_path != upload.path:
        context.storage.keep(upload.package_path, upload.package.sha256)
    context.storage.keep(upload.path, upload.stored.sha256)


def _is_plain(listing: ArchiveListing) -> bool:
    """The upload runs as it is when there is nothing to strip, to leave out, or to spell anew."""
    with ZipFile(listing.path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    return not listing.root and sorted(names) == sorted(file.name for file in listing.files)
