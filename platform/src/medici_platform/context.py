"""What every part of the web process shares, made once by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy.orm import Session

from medici_platform.database import Database
from medici_platform.dispatch import Dispatcher
from medici_platform.settings import Settings
from medici_platform.storage import Storage


def utc_now() -> datetime:
    return datetime.now(UTC)


class StartRuns(Protocol):
    """Creates and queues the runs of a submission. `submissions` lies below `runs`, so it is handed in."""

    def __call__(self, session: Session, context: "Context", submission_id: int) -> None: ...


class PlaceOnBoard(Protocol):
    """Brings the leaderboards up to date with a submission that has ended. `leaderboards` lies above `runs`."""

    def __call__(self, session: Session, context: "Context", submission_id: int) -> None: ...


class Renumber(Protocol):
    """Chooses and numbers all entries of a challenge's leaderboards anew, after its columns or rules have changed."""

    def __call__(self, session: Session, context: "Context", challenge_id: int) -> None: ...


class Usage(NamedTuple):
    """What participants have made of a challenge: the ids of what cannot be taken away without losing it."""

    phases: frozenset[int]
    """With submissions."""
    tasks: frozenset[int]
    """With runs."""
    leaderboards: frozenset[int]
    """With entries."""


class FindUsage(Protocol):
    """`challenges` lies below all that uses them, so it is handed in."""

    def __call__(self, session: Session, challenge_id: int) -> Usage: ...


class BoardOffer(NamedTuple):
    """What a submission's own page says of the leaderboards, and what its participant may do there."""

    stands: bool
    """On at least one board."""
    may_put: bool
    may_withdraw: bool


class OfferOf(Protocol):
    """`leaderboards` lies above the page of a submission, so it is handed in."""

    def __call__(self, session: Session, submission: Any) -> BoardOffer: ...


class CountAlerts(Protocol):
    """How much waits for a challenge's organizers. `runs` lies above the head of a challenge's pages."""

    def __call__(self, session: Session, challenge_id: int) -> int: ...


@dataclass(frozen=True)
class Context:
    settings: Settings
    database: Database
    storage: Storage
    dispatcher: Dispatcher
    start_runs: StartRuns
    place_on_board: PlaceOnBoard
    renumber: Renumber
    usage_of: FindUsage
    offer_of: OfferOf
    count_alerts: CountAlerts
    now: Callable[[], datetime] = utc_now
