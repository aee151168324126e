from datetime import datetime

from sqlalchemy import JSON, Float, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from medici_platform.database import Base
from medici_platform.participants.models import Participant
from medici_platform.submissions.models import Submission


class LeaderboardEntry(Base):
    """A submission's place in one phase: one a participant, or several by the board's rule.

    Ranks are written when a score arrives, not when a page is read.
    """

    __tablename__ = "leaderboard_entry"
    __table_args__ = (
        UniqueConstraint("leaderboard_id", "phase_id", "submission_id"),
        Index("ix_leaderboard_entry_participant", "leaderboard_id", "phase_id", "participant_id"),
        Index("ix_leaderboard_entry_order", "leaderboard_id", "phase_id", "place"),
        Index("ix_leaderboard_entry_submission", "submission_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    leaderboard_id: Mapped[int] = mapped_column(ForeignKey("leaderboard.id", ondelete="CASCADE"))
    phase_id: Mapped[int] = mapped_column(ForeignKey("phase.id", ondelete="CASCADE"))
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    rank: Mapped[int | None]
    """1, 1, 3: ties share the smallest rank. None: without a number in the primary column, and so last."""
    place: Mapped[int] = mapped_column(default=0)
    """The order of rows: by rank, then the earlier one first."""
    sort_value: Mapped[float | None] = mapped_column(Float)
    """The primary number, larger is better, on 12 significant digits so that rounding noise makes no order."""
    scores: Mapped[dict[str, float]] = mapped_column(JSON)
    """Column key → number over all tasks."""
    task_scores: Mapped[dict[str, dict[str, float]]] = mapped_column(JSON, default=dict)
    """Index of a task (as text) → column key → number; empty in phases with one task."""
    scored_at: Mapped[datetime]
    entries: Mapped[int] = mapped_column(default=1)
    """How many scored submissions the participant has in this phase."""

    participant: Mapped[Participant] = relationship(lazy="joined", innerjoin=True)
    submission: Mapped[Submission] = relationship(lazy="raise")
