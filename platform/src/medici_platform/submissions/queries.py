from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from medici_platform.accounts.access import require_own_act
from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Phase
from medici_platform.challenges.queries import score_filter, visible_challenges
from medici_platform.challenges.rules import ScoreFilter
from medici_platform.errors import NotFound, NotSignedIn
from medici_platform.participants.models import Participant
from medici_platform.participants.rules import may_organize
from medici_platform.settings import Settings
from medici_platform.states import State
from medici_platform.submissions.fact_sheets import questions_of
from medici_platform.submissions.models import Submission
from medici_platform.submissions.rules import Quota, kind_sentence, quota, start_of_day
from medici_platform.submissions.schemas import FormOut, KindOut


def submissions_of(challenge: Challenge, user: User) -> Select[Submission]:
    """The user's own, newest first; all of them for the challenge's organizers."""
    statement = select(Submission).where(Submission.challenge_id == challenge.id).order_by(Submission.id.desc())
    if may_organize(user, challenge):
        return statement
    return statement.join(Submission.participant).where(Participant.user_id == user.id)


def get_submission(session: Session, submission_id: int, user: User) -> Submission:
    """Raises NotFound also for somebody else's submission: its existence is not told."""
    submission = session.get(Submission, submission_id)
    if submission is None or not may_see(submission, user):
        raise NotFound(f"You have no submission {submission_id}.")
    return submission


def get_submission_to_act_on(session: Session, submission_id: int, user: User) -> Submission:
    """As its participant, or as an organizer with more than a participant's token."""
    submission = get_submission(session, submission_id, user)
    require_own_act(user, is_own=submission.participant.user_id == user.id)
    return submission


def get_downloadable(session: Session, submission_id: int, user: User | None) -> Submission:
    """One's own, any for its organizers, and public ones for everybody who sees the challenge."""
    submission = session.get(Submission, submission_id)
    if submission is not None and submission.is_public and _sees_challenge(session, submission, user):
        return submission
    if user is None:
        raise NotSignedIn("Sign in first (programs: send `Authorization: Bearer <token>`).")
    return get_submission_to_act_on(session, submission_id, user)


def _sees_challenge(session: Session, submission: Submission, user: User | None) -> bool:
    seen = visible_challenges(user).where(Challenge.id == submission.challenge_id)
    return session.scalar(select(seen.exists())) is True


def public_submissions_of(challenge: Challenge) -> Select[Submission]:
    return (
        select(Submission)
        .where(Submission.challenge_id == challenge.id, Submission.is_public.is_(True))
        .order_by(Submission.id.desc())
    )


def parent_of(session: Session, phase: Phase) -> Phase | None:
    if phase.parent_index is None:
        return None
    return session.scalar(
        select(Phase).where(Phase.challenge_id == phase.challenge_id, Phase.index == phase.parent_index)
    )


def has_finished_in(session: Session, phase: Phase, participant: Participant) -> bool:
    """Whether some submission of the participant has ended well there."""
    finished = select(Submission.id).where(
        Submission.participant_id == participant.id,
        Submission.phase_id == phase.id,
        Submission.state == State.FINISHED,
    )
    return session.scalar(finished.limit(1)) is not None


def form_of(phase: Phase, settings: Settings) -> FormOut:
    return FormOut(
        challenge=phase.challenge.slug,
        phase=phase.name,
        phase_index=phase.index,
        accepts=[KindOut(kind=kind, sentence=kind_sentence(kind)) for kind in phase.accepts],
        has_ingestion=any(task.ingestion_program_sha256 for task in phase.tasks),
        unwrap_results=phase.unwrap_results,
        allowed_images=phase.allowed_images,
        questions=questions_of(phase.challenge.fact_sheet),
        max_upload_bytes=settings.max_upload_bytes,
    )


def may_see(submission: Submission, user: User) -> bool:
    return submission.participant.user_id == user.id or may_organize(user, submission.phase.challenge)


def quota_of(session: Session, phase: Phase, participant: Participant, *, now: datetime) -> Quota:
    counted = select(func.count()).where(
        Submission.participant_id == participant.id, Submission.phase_id == phase.id, Submission.counts.is_(True)
    )
    used_today = session.scalar(counted.where(Submission.submitted_at >= start_of_day(now))) or 0
    return quota(phase, used_total=session.scalar(counted) or 0, used_today=used_today, now=now)


def scores_shown_to(session: Session, challenge: Challenge, user: User) -> ScoreFilter:
    return score_filter(session, challenge, organizes=may_organize(user, challenge))
