"""What every part of the web process shares, made once by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

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


@dataclass(frozen=True)
class Context:
    settings: Settings
    database: Database
    storage: Storage
    dispatcher: Dispatcher
    start_runs: StartRuns
    place_on_board: PlaceOnBoard
    now: Callable[[], datetime] = utc_now
