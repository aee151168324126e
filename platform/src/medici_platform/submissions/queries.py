from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Phase
from medici_platform.challenges.queries import score_filter
from medici_platform.challenges.rules import ScoreFilter
from medici_platform.errors import NotFound
from medici_platform.participants.models import Participant
from medici_platform.participants.rules import may_organize
from medici_platform.submissions.models import Submission
from medici_platform.submissions.rules import Quota, quota, start_of_day


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
