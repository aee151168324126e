"""From an upload to a submission whose runs are queued, and what its participant may change afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Phase
from medici_platform.context import Context
from medici_platform.errors import Conflict, NotAllowed
from medici_platform.participants.models import Participant
from medici_platform.participants.queries import find_participant
from medici_platform.participants.rules import may_organize, require_approved
from medici_platform.states import State
from medici_platform.submissions import queries, rules
from medici_platform.submissions.fact_sheets import answered, questions_of
from medici_platform.submissions.models import Submission
from medici_platform.submissions.packages import Upload


def require_may_submit(
    session: Session, challenge: Challenge, phase: Phase, user: User, *, now: datetime
) -> Participant:
    """Asked before the body is read, so that nobody uploads gigabytes for a refusal, and again when it is complete."""
    rules.require_open(phase, now)
    participant = require_approved(find_participant(session, challenge, user), challenge)
    parent = queries.parent_of(session, phase)
    if parent is not None:
        has_passed = queries.has_finished_in(session, parent, participant)
        rules.require_parent_passed(phase, parent, has_passed=has_passed)
    rules.require_quota(phase, queries.quota_of(session, phase, participant, now=now))
    return participant


def accept(
    session: Session,
    context: Context,
    challenge: Challenge,
    phase: Phase,
    user: User,
    *,
    upload: Upload,
    answers: Mapping[str, Any],
) -> Submission:
    """Record the submission and queue its runs, in one transaction.

    The participant's row is locked while the quota is counted: of many uploads at once exactly as many get in as
    there are places left.
    """
    now = context.now()
    participant = require_approved(find_participant(session, challenge, user), challenge)
    session.execute(select(Participant.id).where(Participant.id == participant.id).with_for_update(key_share=True))
    require_may_submit(session, challenge, phase, user, now=now)
    rules.require_kind(upload.kind, phase.accepts, phase=phase.name)
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
        image_reference=upload.image_reference,
        fact_sheet=answered(questions_of(challenge.fact_sheet), answers),
        is_late=rules.takes_late(phase, now),
        is_public=False,
        state=State.SUBMITTED,
        scores={},
        counts=True,
        submitted_at=now,
    )
    session.add(submission)
    session.flush()
    _keep(context, upload)
    if challenge.auto_run:
        context.start_runs(session, context, submission.id)
    return submission


def start(session: Session, context: Context, submission: Submission, user: User) -> None:
    """An organizer's word, in challenges that do not start submissions by themselves."""
    if not may_organize(user, submission.phase.challenge):
        raise NotAllowed("Only the organizers of this challenge may start a submission.")
    session.refresh(submission, ["state"], with_for_update={"key_share": True})
    if submission.state != State.SUBMITTED:
        raise Conflict(f"Submission {submission.id} has been started already: it is {submission.state}.")
    context.start_runs(session, context, submission.id)


def edit_facts(submission: Submission, user: User, answers: Mapping[str, Any]) -> None:
    """The answers that are given replace the earlier ones; all together must do."""
    require_own(submission, user, "change what its fact sheet says")
    questions = questions_of(submission.phase.challenge.fact_sheet)
    known = {question.key for question in questions}
    kept = {key: answer for key, answer in submission.fact_sheet.items() if key in known}
    submission.fact_sheet = answered(questions, {**kept, **answers})


def set_publicity(submission: Submission, user: User, *, public: bool) -> None:
    require_own(submission, user, "make it public")
    if public and not submission.phase.challenge.public_submissions:
        raise Conflict("The organizers of this challenge do not let participants make submissions public.")
    submission.is_public = public


def require_own(submission: Submission, user: User, what: str) -> None:
    if submission.participant.user_id != user.id:
        raise NotAllowed(f"Only the participant whose submission this is may {what}.")


def _keep(context: Context, upload: Upload) -> None:
    """Once nothing can refuse the upload any more, and before a worker can ask for it."""
    if upload.package_path != upload.path:
        context.storage.keep(upload.package_path, upload.package.sha256)
    context.storage.keep(upload.path, upload.stored.sha256)
