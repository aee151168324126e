from datetime import datetime

from pydantic import BaseModel

from medici_platform.challenges.rules import ScoreFilter
from medici_platform.states import State
from medici_platform.submissions.models import Submission
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
    state: State
    failure: str | None
    """The failure's type, for example `time_limit`."""
    fault: str | None
    """Whose: participant, organizer or system."""
    message: str
    """What went wrong, in a sentence or two."""
    scores: dict[str, float]
    costs_quota: bool
    submitted_at: datetime
    finished_at: datetime | None


class QuotaOut(BaseModel):
    phase: str
    left: int
    used_today: int
    used_total: int
    max_per_day: int
    max_total: int
    next_day_at: datetime


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
        state=submission.state,
        failure=submission.failure,
        fault=FailureKind(submission.failure).fault.value if submission.failure else None,
        message=submission.failure_message,
        scores=shown.visible(submission.scores, hidden_phase=submission.phase.hidden),
        costs_quota=submission.counts,
        submitted_at=submission.submitted_at,
        finished_at=submission.finished_at,
    )
