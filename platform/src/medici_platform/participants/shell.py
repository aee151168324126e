"""What surrounds every page of one challenge: its head, its tabs, and whether the visitor takes part."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.orm import Session

from medici_platform.challenges.models import Challenge, Phase
from medici_platform.challenges.queries import get_challenge
from medici_platform.challenges.rules import PhaseStatus, current_phase, phase_status
from medici_platform.participants.models import Participant
from medici_platform.participants.queries import find_participant
from medici_platform.participants.rules import ParticipantStatus, may_organize
from medici_platform.presentation.visitors import Visitor


class Tab(NamedTuple):
    title: str
    path: str
    waiting: int = 0
    """How much waits there."""


@dataclass(frozen=True)
class Shell:
    challenge: Challenge
    participant: Participant | None
    organizes: bool
    phase: Phase
    """The current one."""
    phase_status: PhaseStatus
    tabs: list[Tab]

    @property
    def path(self) -> str:
        return f"/challenges/{self.challenge.slug}"

    @property
    def organizers(self) -> list[str]:
        """User names, the owner's first."""
        return [self.challenge.owner.username, *sorted(each.username for each in self.challenge.collaborators)]

    @property
    def takes_part(self) -> bool:
        return self.participant is not None and self.participant.status == ParticipantStatus.APPROVED


def open_shell(session: Session, visitor: Visitor, slug: str) -> Shell:
    """Raises NotFound for a challenge that this visitor may not see."""
    challenge = get_challenge(session, slug, visitor.user)
    now = visitor.context.now()
    phase = current_phase(challenge.phases, now)
    organizes = may_organize(visitor.user, challenge)
    return Shell(
        challenge=challenge,
        participant=find_participant(session, challenge, visitor.user),
        organizes=organizes,
        phase=phase,
        phase_status=phase_status(phase, now),
        tabs=_tabs(challenge, organizes=organizes, signed_in=visitor.user is not None)
        + ([_alerts(session, visitor, challenge)] if organizes else []),
    )


def _alerts(session: Session, visitor: Visitor, challenge: Challenge) -> Tab:
    count = visitor.context.count_alerts(session, challenge.id)
    return Tab("Alerts", f"/challenges/{challenge.slug}/alerts", count)


def _tabs(challenge: Challenge, *, organizes: bool, signed_in: bool) -> list[Tab]:
    path = f"/challenges/{challenge.slug}"
    pages = challenge.pages
    tabs = [Tab(pages[0].title if pages else "Overview", path)]
    tabs += [Tab(page.title, f"{path}/pages/{page.slug}") for page in pages[1:]]
    if challenge.terms:
        tabs.append(Tab("Terms", f"{path}/terms"))
    tabs += [
        Tab("Phases", f"{path}/phases"),
        Tab("Leaderboard", f"{path}/leaderboard"),
        Tab("Submit", f"{path}/submit"),
    ]
    if signed_in:
        tabs.append(Tab("Submissions" if organizes else "My submissions", f"{path}/submissions"))
    if organizes:
        tabs.append(Tab("Participants", f"{path}/participants"))
    return tabs
