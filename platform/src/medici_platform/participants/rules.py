from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from medici_platform.challenges.rules import may_organize
from medici_platform.errors import NotAllowed

if TYPE_CHECKING:
    from medici_platform.challenges.models import Challenge
    from medici_platform.participants.models import Participant


__all__ = ["ParticipantStatus", "may_organize", "require_approved"]


class ParticipantStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


def require_approved(participant: Participant | None, challenge: Challenge) -> Participant:
    """Raises NotAllowed with what to do next."""
    if participant is None:
        raise NotAllowed(
            f"You have not joined this challenge: accept its terms on its page, or run `medici join {challenge.slug}`.",
            code="not_joined",
        )
    if participant.status == ParticipantStatus.PENDING:
        raise NotAllowed("The organizers have not approved your request to join yet.", code="not_approved")
    if participant.status == ParticipantStatus.DENIED:
        raise NotAllowed("The organizers have declined your request to join.", code="not_approved")
    return participant
