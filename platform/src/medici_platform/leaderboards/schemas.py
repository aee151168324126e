from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel


class ColumnOut(BaseModel):
    key: str
    title: str
    group: str
    sorting: Literal["desc", "asc"]
    precision: int
    primary: bool
    computation: str | None
    """How it is computed from other columns; None: the scoring program gives it."""


class TaskOut(BaseModel):
    index: int
    name: str


class FactOut(BaseModel):
    key: str
    title: str


class EntryOut(BaseModel):
    id: int
    rank: int | None
    """None: without a number in the primary column."""
    participant: str
    submission: int
    submissions: int
    scores: dict[str, float]
    """Over all tasks."""
    task_scores: dict[str, dict[str, float]]
    """Index of a task → column key → number. A task that failed is absent."""
    facts: dict[str, Any]
    detailed_results: list[str]
    """Paths of the reports that you may read, one a task."""
    file: str | None
    """Path of the submission itself, when its participant has made it public."""
    scored_at: datetime


class ReferenceOut(BaseModel):
    """A published figure: no entry, and without a rank."""

    method: str
    data: str
    """On what it was measured: `published, real data`."""
    sources: list[str]
    scores: dict[str, float]
    """Over all tasks."""
    task_scores: dict[str, dict[str, float]]
    """Index of a task → column key → number, where the phase has several."""


class LeaderboardOut(BaseModel):
    challenge: str
    data_notice: str
    """What the data are, real or made by a program. Empty: the organizers do not say."""
    phase: str
    title: str
    submission_rule: str
    columns: list[ColumnOut]
    tasks: list[TaskOut]
    """Empty where the phase has one task."""
    facts: list[FactOut]
    """Questions of the fact sheet whose answers stand on the board."""
    frozen_since: datetime | None
    entries: list[EntryOut]
    reference: list[ReferenceOut]
    """Published figures beside the entries, the best first; all of them on every page."""
    page: int
    pages: int
    total: int


class BoardChoiceOut(BaseModel):
    submission: int
    on_board: bool | None
    """What was chosen: put there, withdrawn, or nothing yet."""
    stands: bool
    """Whether a board shows it."""
