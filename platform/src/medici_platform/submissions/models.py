from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from medici_platform.challenges.models import Challenge, Phase
from medici_platform.database import Base, Bytes, text_enum
from medici_platform.participants.models import Participant
from medici_platform.states import State


class Submission(Base):
    __tablename__ = "submission"
    __table_args__ = (
        Index("ix_submission_quota", "participant_id", "phase_id", "submitted_at"),
        Index("ix_submission_challenge", "challenge_id", "id"),
        Index("ix_submission_phase_state", "phase_id", "state"),
        UniqueConstraint("origin_id", "phase_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    phase_id: Mapped[int] = mapped_column(ForeignKey("phase.id", ondelete="CASCADE"))
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    filename: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    """The upload, byte for byte."""
    size_bytes: Mapped[Bytes]
    package_sha256: Mapped[str] = mapped_column(String(64))
    """What runs: the upload without a wrapping folder and without the noise of operating systems."""
    package_bytes: Mapped[Bytes]
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[State] = mapped_column(text_enum(State))
    failure: Mapped[str | None] = mapped_column(String(24))
    failure_message: Mapped[str] = mapped_column(Text, default="")
    """What the participant reads."""
    scores: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    """Column key → mean over all tasks, absent when one lacks it. A copy for lists: `score` rows are the source."""
    counts: Mapped[bool] = mapped_column(default=True)
    """Whether it costs quota."""
    image_reference: Mapped[str | None] = mapped_column(String(300))
    """Of a submission by reference: `registry/name@sha256:…`. Its file holds the same text."""
    fact_sheet: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Answers by the questions' keys."""
    on_board: Mapped[bool | None]
    """What its participant chose, where the board's rule lets them: True put, False withdrawn, None nothing yet."""
    is_public: Mapped[bool] = mapped_column(default=False)
    """Everybody who sees the challenge may download it."""
    is_late: Mapped[bool] = mapped_column(default=False)
    """Handed in after the phase's end: scored, and never ranked."""
    origin_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id", ondelete="SET NULL"))
    """The submission of another phase that this one repeats: migrated, or handed on by a parallel parent."""
    submitted_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    participant: Mapped[Participant] = relationship(lazy="joined", innerjoin=True)
    phase: Mapped[Phase] = relationship(lazy="joined", innerjoin=True)
    challenge: Mapped[Challenge] = relationship(viewonly=True)

    @property
    def username(self) -> str:
        return self.participant.user.username
