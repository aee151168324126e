from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge
from medici_platform.participants.models import Participant


def find_participant(session: Session, challenge: Challenge, user: User | None) -> Participant | None:
    if user is None:
        return None
    return session.scalar(
        select(Participant).where(Participant.challenge_id == challenge.id, Participant.user_id == user.id)
    )


def participants_of(challenge: Challenge) -> Select[Participant]:
    return select(Participant).where(Participant.challenge_id == challenge.id).order_by(Participant.id)
