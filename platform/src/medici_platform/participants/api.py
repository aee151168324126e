from datetime import datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from medici_platform.accounts.access import SignedIn, opened_by
from medici_platform.accounts.rules import Scope
from medici_platform.challenges.queries import get_challenge
from medici_platform.paging import Listing, Page, fetch_slice, listing
from medici_platform.participants import queries, service
from medici_platform.participants.models import Participant
from medici_platform.participants.rules import ParticipantStatus
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1/challenges/{slug}/participants", tags=["participants"])


class ParticipantOut(BaseModel):
    username: str
    status: ParticipantStatus
    joined_at: datetime


def present(participant: Participant) -> ParticipantOut:
    return ParticipantOut(
        username=participant.user.username, status=participant.status, joined_at=participant.joined_at
    )


@router.post("", status_code=HTTPStatus.CREATED)
@opened_by(Scope.SUBMIT)
def join(slug: str, user: SignedIn, context: CurrentContext, session: CurrentSession) -> ParticipantOut:
    """Accept the challenge's terms and take part, at once or after the organizers' approval."""
    challenge = get_challenge(session, slug, user)
    return present(service.join(session, challenge, user, now=context.now()))


@router.get("")
@opened_by(Scope.READ)
def list_participants(slug: str, user: SignedIn, page: Page, session: CurrentSession) -> Listing[ParticipantOut]:
    challenge = get_challenge(session, slug, user)
    service.require_organizer_of(challenge, user)
    return listing(fetch_slice(session, queries.participants_of(challenge), page), present)


@router.post("/{username}/{decision}")
def decide(
    slug: str,
    username: str,
    decision: Literal["approve", "deny"],
    user: SignedIn,
    context: CurrentContext,
    session: CurrentSession,
) -> ParticipantOut:
    challenge = get_challenge(session, slug, user)
    status = ParticipantStatus.APPROVED if decision == "approve" else ParticipantStatus.DENIED
    return present(service.decide(session, challenge, user, username=username, status=status, now=context.now()))
