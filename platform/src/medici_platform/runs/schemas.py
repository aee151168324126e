from datetime import datetime

from pydantic import BaseModel

from medici_platform.states import State
from medici_worker.protocol import Stage


class AttemptOut(BaseModel):
    attempt: int
    worker: str
    claimed_at: datetime
    ended_at: datetime | None
    outcome: str | None


class RunOut(BaseModel):
    id: int
    task: str
    task_index: int
    state: State
    attempt: int
    waiting: str | None
    """Why the run waits, while it does."""
    failure: str | None
    message: str
    scores: dict[str, float]
    has_outputs: bool
    has_detailed_results: bool
    has_cases: bool
    """For organizers: the scoring program wrote results of single cases."""
    stage_seconds: dict[str, float]
    started_at: datetime | None
    finished_at: datetime | None
    image_digest: str | None
    attempts: list[AttemptOut]
    private_detail: str | None
    """For organizers: None for everybody else."""
    exit_code: int | None
    """For organizers."""


class LogPiece(BaseModel):
    id: int
    """A place in the log, not a count."""
    run: int
    stage: Stage
    text: str


class LogOut(BaseModel):
    pieces: list[LogPiece]
    after: int
    """Pass as `after` to get what came since."""
    hidden: list[str]
    """Stages whose log is not shown to you."""
    at_end: list[str]
    """Stages whose log is shown to you when the submission has ended, without names of hidden test data."""
    is_tail: bool
    """Of these the last lines alone."""
