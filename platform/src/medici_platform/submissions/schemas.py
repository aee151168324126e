from datetime import datetime
from typing import Any

from pydantic import BaseModel

from medici_platform.challenges.rules import ScoreFilter
from medici_platform.states import State
from medici_platform.submissions.fact_sheets import Question
from medici_platform.submissions.models import Submission
from medici_platform.submissions.rules import kind_sentence, waiting_sentence
from medici_worker.protocol import FailureKind


class SubmissionOut(BaseModel):
    id: int
    challenge: str
    phase: str
    participant: str
    filename: str
    sha256: str
    size_bytes: int
    kind: str
    """What it was recognised as: container, code, image or results."""
    kind_sentence: str
    image_reference: str | None
    state: State
    waiting: str
    """Why nothing happens yet, when an organizer has to start it; otherwise empty."""
    failure: str | None
    """The failure's type, for example `time_limit`."""
    fault: str | None
    """Whose: participant, organizer or system."""
    message: str
    """What went wrong, in a sentence or two."""
    scores: dict[str, float]
    costs_quota: bool
    fact_sheet: dict[str, Any]
    """Answers by the questions' keys."""
    on_board: bool | None
    is_public: bool
    is_late: bool
    """Handed in after the phase's end: never ranked."""
    origin_id: int | None
    """The submission of another phase that was entered into this one."""
    submitted_at: datetime
    finished_at: datetime | None


class PublicSubmissionOut(BaseModel):
    """Of a submission that its participant has made public: everybody may download its file."""

    id: int
    phase: str
    participant: str
    filename: str
    size_bytes: int
    sha256: str
    kind: str
    image_reference: str | None
    submitted_at: datetime


class QuotaOut(BaseModel):
    phase: str
    left: int
    used_today: int
    used_total: int
    max_per_day: int
    max_total: int
    next_day_at: datetime


class KindOut(BaseModel):
    kind: str
    sentence: str


class FormOut(BaseModel):
    """What a phase asks of a submission: everything that decides whether a file will do."""

    challenge: str
    phase: str
    phase_index: int
    accepts: list[KindOut]
    has_ingestion: bool
    """A zip without a Dockerfile is code then."""
    unwrap_results: bool
    allowed_images: list[str]
    """Patterns of image names that may be submitted by reference, with their digest."""
    questions: list[Question]
    max_upload_bytes: int

    @property
    def accepted(self) -> list[str]:
        return [each.kind for each in self.accepts]


class CheckOut(BaseModel):
    """What a file is, and what would become of it. Nothing has been stored."""

    kind: str
    kind_sentence: str
    image_reference: str | None
    size_bytes: int
    accepted: bool
    """Whether the phase would take it now."""
    message: str
    """That, and what it would cost, in a sentence or two."""
    quota_left: int
    still_asked: list[str]
    """One sentence for every question of the fact sheet that the answers sent along leave open."""


class PublicityIn(BaseModel):
    public: bool


class EditIn(BaseModel):
    fact_sheet: dict[str, Any]
    """Answers that replace earlier ones; those that are not named stay."""


def present(submission: Submission, shown: ScoreFilter) -> SubmissionOut:
    return SubmissionOut(
        id=submission.id,
        challenge=submission.phase.challenge.slug,
        phase=submission.phase.name,
        participant=submission.username,
        filename=submission.filename,
        sha256=submission.sha256,
        size_bytes=submission.size_bytes,
        kind=submission.kind,
        kind_sentence=kind_sentence(submission.kind),
        image_reference=submission.image_reference,
        state=submission.state,
        waiting=waiting_sentence(submission.state),
        failure=submission.failure,
        fault=FailureKind(submission.failure).fault.value if submission.failure else None,
        message=submission.failure_message,
        scores=shown.visible(submission.scores, hidden_phase=submission.phase.hidden),
        costs_quota=submission.counts,
        fact_sheet=submission.fact_sheet,
        on_board=submission.on_board,
        is_public=submission.is_public,
        is_late=submission.is_late,
        origin_id=submission.origin_id,
        submitted_at=submission.submitted_at,
        finished_at=shown.moment(submission.finished_at, hidden_phase=submission.phase.hidden),
    )


def present_public(submission: Submission) -> PublicSubmissionOut:
    return PublicSubmissionOut(
        id=submission.id,
        phase=submission.phase.name,
        participant=submission.username,
        filename=submission.filename,
        size_bytes=submission.size_bytes,
        sha256=submission.sha256,
        kind=submission.kind,
        image_reference=submission.image_reference,
        submitted_at=submission.submitted_at,
    )
