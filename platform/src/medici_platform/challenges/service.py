from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.accounts.queries import user_by_name
from medici_platform.challenges.models import Challenge, Phase
from medici_platform.challenges.rules import may_organize, may_own
from medici_platform.errors import InvalidRequest, NotAllowed, NotFound


def require_organizer_of(challenge: Challenge, user: User) -> None:
    if not may_organize(user, challenge):
        raise NotAllowed("Only the organizers of this challenge may do this.")


def require_owner_of(challenge: Challenge, user: User) -> None:
    if not may_own(user, challenge):
        raise NotAllowed("Only the owner of this challenge decides who else organizes it.")


def add_collaborator(session: Session, challenge: Challenge, user: User, *, username: str) -> None:
    """Adding somebody twice changes nothing."""
    require_owner_of(challenge, user)
    added = user_by_name(session, username)
    if added is None:
        raise NotFound(f"There is no user {username!r}: ask them to sign up first.")
    if added.id == challenge.owner_id:
        raise InvalidRequest(f"{username!r} owns this challenge: there is nothing to add.")
    if added not in challenge.collaborators:
        challenge.collaborators.append(added)


def remove_collaborator(challenge: Challenge, user: User, *, username: str) -> None:
    require_owner_of(challenge, user)
    removed = next((each for each in challenge.collaborators if each.username == username.lower()), None)
    if removed is None:
        raise NotFound(f"{username!r} is no collaborator of {challenge.slug!r}.")
    challenge.collaborators.remove(removed)


def clear_pins(phase: Phase) -> None:
    """The next run pins the images anew, to what its worker finds then."""
    phase.image_pins = {}
