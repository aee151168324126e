from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.queries import find_phase, get_challenge
from medici_platform.leaderboards.migration import migrate_now
from medici_platform.participants.service import require_organizer_of
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1", tags=["leaderboards"])


class MigrationOut(BaseModel):
    phase: str
    entered: int
    """How many submissions were entered; those that were there before are not counted."""


@router.post("/challenges/{slug}/migrate")
def migrate(
    slug: str,
    to: Annotated[str, Query(min_length=1, max_length=200, description="Name or index of the phase to fill")],
    user: SignedIn,
    context: CurrentContext,
    session: CurrentSession,
) -> MigrationOut:
    """For organizers: enter what stands on the boards of the phase before into this one. Once is enough."""
    challenge = get_challenge(session, slug, user)
    require_organizer_of(challenge, user)
    phase = find_phase(challenge, to, now=context.now())
    return MigrationOut(phase=phase.name, entered=migrate_now(session, context, phase, now=context.now()))
