from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from medici_platform.runs.record_format import Record
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


class DifferenceOut(BaseModel):
    what: str
    """A score's key, or for example `the engine's version`."""
    before: str
    now: str
    """Both empty: it is another than before, which is all that is told."""
    text: str


class ComparisonOut(BaseModel):
    """Of an attempt with the latest one before it that came to something."""

    attempt_before: int
    reproduced: bool | None
    """None: what was run and scored is not the same."""
    sentence: str
    results: list[DifferenceOut]
    """Scores that you may see, and how it ended."""
    material: list[DifferenceOut]
    """Of what was run and scored."""
    surroundings: list[DifferenceOut]
    """Of where it ran."""


class RecordOut(BaseModel):
    """A signed record of one attempt. `GET /api/v1/runs/{run}/record` downloads it."""

    run: int
    attempt: int
    task: str
    created_at: datetime
    key_id: str
    comparison: ComparisonOut | None
    """None: there is nothing before it to compare with."""
    content: Record
    """Your copy: not everything in the organizers' is for participants."""


class SigningKeyOut(BaseModel):
    key_id: str
    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str
    """32 bytes in hex."""
    first_used_at: datetime


class SigningKeysOut(BaseModel):
    """All keys that records of this platform were ever signed with."""

    keys: list[SigningKeyOut]


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
