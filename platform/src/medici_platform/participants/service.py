from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge
from medici_platform.challenges.service import require_organizer_of
from medici_platform.errors import NotFound
from medici_platform.participants import queries
from medici_platform.participants.models import Participant
from medici_platform.participants.rules import ParticipantStatus, may_organize

__all__ = ["decide", "join", "require_organizer_of"]


def join(session: Session, challenge: Challenge, user: User, *, now: datetime) -> Participant:
    """Joining twice changes nothing. Organizers of the challenge are approved at once."""
    participant = queries.find_participant(session, challenge, user)
    if participant is None:
        approved = challenge.auto_approve or may_organize(user, challenge)
        participant = Participant(
            challenge_id=challenge.id,
            user_id=user.id,
            user=session.get_one(User, user.id),
            status=ParticipantStatus.APPROVED if approved else ParticipantStatus.PENDING,
            joined_at=now,
            decided_at=now if approved else None,
        )
        session.add(participant)
        session.flush()
    return participant


def decide(
    session: Session,
    challenge: Challenge,
    organizer: User,
    *,
    username: str,
    status: ParticipantStatus,
    now: datetime,
) -> Participant:
    require_organizer_of(challenge, organizer)
    participant = session.scalar(
        select(Participant)
        .join(Participant.user)
        .where(Participant.challenge_id == challenge.id, User.username == username.lower())
    )
    if participant is None:
        raise NotFound(f"{username!r} has not asked to join {challenge.slug!r}.")
    participant.status = status
    participant.decided_at = now
    return participant
