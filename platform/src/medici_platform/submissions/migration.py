"""Submissions that are entered into another phase without their participant handing them in there."""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Phase
from medici_platform.context import Context
from medici_platform.states import State
from medici_platform.submissions.models import Submission
from medici_platform.submissions.references import is_allowed, parse_reference

log = structlog.get_logger()


def enter(
    session: Session, context: Context, origin: Submission, phase: Phase, *, submitted_at: datetime
) -> Submission | None:
    """The same file with the same facts in another phase, its runs queued. It costs no quota.

    None when there is nothing to do: it is there already, came from there, or is of a kind that the phase can't run.
    """
    if phase.id in _phases_behind(session, origin) or _is_entered(session, origin, phase):
        return None
    if not is_taken(origin, phase):
        log.info("kind_not_entered", submission_id=origin.id, phase_id=phase.id, kind=origin.kind)
        return None
    submission = Submission(
        challenge_id=origin.challenge_id,
        phase_id=phase.id,
        phase=phase,
        participant_id=origin.participant_id,
        participant=origin.participant,
        origin_id=origin.id,
        filename=origin.filename,
        sha256=origin.sha256,
        size_bytes=origin.size_bytes,
        package_sha256=origin.package_sha256,
        package_bytes=origin.package_bytes,
        kind=origin.kind,
        image_reference=origin.image_reference,
        fact_sheet=dict(origin.fact_sheet),
        is_late=origin.is_late,
        state=State.SUBMITTED,
        scores={},
        counts=False,
        submitted_at=submitted_at,
    )
    session.add(submission)
    session.flush()
    context.start_runs(session, context, submission.id)
    return submission


def is_taken(origin: Submission, phase: Phase) -> bool:
    """Of its kind, and from a registry that the phase names, where it names any of its own."""
    if origin.kind not in phase.accepts:
        return False
    if origin.image_reference is None or not phase.allowed_images:
        return True
    return is_allowed(parse_reference(origin.image_reference), phase.allowed_images)


def _is_entered(session: Session, origin: Submission, phase: Phase) -> bool:
    same = select(Submission.id).where(Submission.origin_id == origin.id, Submission.phase_id == phase.id)
    return session.scalar(same) is not None


def _phases_behind(session: Session, submission: Submission) -> set[int]:
    """The phase of the submission and those that it has come through: nothing goes round in a circle."""
    phases = {submission.phase_id}
    while submission.origin_id is not None:
        submission = session.get_one(Submission, submission.origin_id)
        phases.add(submission.phase_id)
    return phases
