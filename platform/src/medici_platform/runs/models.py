from datetime import datetime

from sqlalchemy import JSON, Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from medici_platform.challenges.models import Challenge, Task
from medici_platform.database import Base, Bytes, text_enum
from medici_platform.queues.models import Queue, Worker
from medici_platform.states import State
from medici_platform.submissions.models import Submission


class Run(Base):
    """One task of one submission. A worker holds it by a lease; every write of a worker names its attempt."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("submission_id", "task_id"),
        Index("ix_run_state_lease", "state", "lease_until"),
        Index("ix_run_queue", "queue_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    queue_id: Mapped[int] = mapped_column(ForeignKey("queue.id"))
    gpus: Mapped[int] = mapped_column(default=0)
    scoring_only: Mapped[bool] = mapped_column(default=False)
    """A rescore: the outputs that were kept are scored again, the participant's container does not run."""
    state: Mapped[State] = mapped_column(text_enum(State))
    attempt: Mapped[int] = mapped_column(default=0)
    attempts_left: Mapped[int]
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("worker.id"))
    token_hash: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    queued_at: Mapped[datetime]
    hinted_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(24))
    public_detail: Mapped[str] = mapped_column(Text, default="")
    private_detail: Mapped[str] = mapped_column(Text, default="")
    exit_code: Mapped[int | None]
    image_digest: Mapped[str | None] = mapped_column(String(160))
    scoring_image_digest: Mapped[str | None] = mapped_column(String(160))
    outputs_sha256: Mapped[str | None] = mapped_column(String(64))
    outputs_bytes: Mapped[Bytes] = mapped_column(default=0)
    cases_sha256: Mapped[str | None] = mapped_column(String(64))
    """The scoring program's results of single cases, a CSV file that tells answers: the organizers' alone."""
    cases_bytes: Mapped[Bytes] = mapped_column(default=0)
    detailed_html: Mapped[str | None] = mapped_column(Text, deferred=True)
    stage_seconds: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    met_data: Mapped[bool] = mapped_column(default=False)
    """In some attempt the participant's program, or what was made of its outputs, has met the task's data."""

    submission: Mapped[Submission] = relationship(lazy="joined", innerjoin=True)
    task: Mapped[Task] = relationship(lazy="joined", innerjoin=True)
    queue: Mapped[Queue] = relationship(lazy="joined", innerjoin=True)
    worker: Mapped[Worker | None] = relationship()
    scores: Mapped[list["Score"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class RunAttempt(Base):
    """The history: which worker tried when, and how it ended."""

    __tablename__ = "run_attempt"
    __table_args__ = (UniqueConstraint("run_id", "attempt"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    worker_id: Mapped[int] = mapped_column(ForeignKey("worker.id"))
    claimed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(24))
    """`finished`, a failure's name, `lease_lost`, `worker_failed` (it is tried again), or `released`."""

    worker: Mapped[Worker] = relationship(lazy="joined", innerjoin=True)


class Score(Base):
    """One number of one run. Unscored is the absence of the row, never zero."""

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("run_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(100))
    value: Mapped[float] = mapped_column(Float)


class RunLog(Base):
    """A piece of one stage's log."""

    __tablename__ = "run_log"
    __table_args__ = (UniqueConstraint("run_id", "attempt", "stage", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    stage: Mapped[str] = mapped_column(String(16))
    position: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]


class RunRecord(Base):
    """What an attempt was made of and what came of it, signed once it has ended, never changed afterwards."""

    __tablename__ = "run_record"
    __table_args__ = (UniqueConstraint("run_id", "attempt"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    created_at: Mapped[datetime]
    document: Mapped[str] = mapped_column(Text)
    """What its participant may know: JSON, byte for byte as it was signed."""
    organizers_document: Mapped[str] = mapped_column(Text)
    """All of it, signed likewise."""
    differs: Mapped[bool | None]
    """Whether it came to something else than the attempt before it, on the same material; None: there is none such."""


class SigningKey(Base):
    """Public halves of all keys that have signed a record: what an old key signed can be checked for ever."""

    __tablename__ = "signing_key"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    public_key: Mapped[str] = mapped_column(String(64))
    first_used_at: Mapped[datetime]


class Alert(Base):
    """Something that the organizers of a challenge have to mend or to know, one of a kind a run."""

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("run_id", "kind"),
        Index("ix_alert_challenge", "challenge_id", "resolved_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(24))
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    """Dismissed by an organizer, or the run has ended well since."""

    challenge: Mapped[Challenge] = relationship()
    run: Mapped[Run | None] = relationship()
