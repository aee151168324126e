from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from medici_platform.accounts.models import User
from medici_platform.database import Base, Bytes

phase_task = Table(
    "phase_task",
    Base.metadata,
    Column("phase_id", ForeignKey("phase.id", ondelete="CASCADE"), primary_key=True),
    Column("task_id", ForeignKey("task.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_phase_task_task", "task_id"),
)


class Challenge(Base):
    __tablename__ = "challenge"
    __table_args__ = (Index("ix_challenge_published", "published_at"), Index("ix_challenge_owner", "owner_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    terms: Mapped[str] = mapped_column(Text, default="")
    """HTML, cleaned at import."""
    logo_sha256: Mapped[str | None] = mapped_column(String(64))
    logo_type: Mapped[str | None] = mapped_column(String(40))
    kit_sha256: Mapped[str | None] = mapped_column(String(64))
    owner_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    docker_image: Mapped[str | None] = mapped_column(String(255))
    """Image of scoring programs without a Dockerfile. None: the platform's own."""
    auto_approve: Mapped[bool] = mapped_column(default=False)
    show_detailed_results: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    owner: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    pages: Mapped[list["ChallengePage"]] = relationship(order_by="ChallengePage.index", cascade="all, delete-orphan")
    tasks: Mapped[list["Task"]] = relationship(order_by="Task.index", cascade="all, delete-orphan")
    phases: Mapped[list["Phase"]] = relationship(
        order_by="Phase.index", cascade="all, delete-orphan", back_populates="challenge"
    )
    leaderboards: Mapped[list["Leaderboard"]] = relationship(order_by="Leaderboard.index", cascade="all, delete-orphan")


class ChallengePage(Base):
    __tablename__ = "challenge_page"
    __table_args__ = (UniqueConstraint("challenge_id", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    index: Mapped[int]
    slug: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    html: Mapped[str] = mapped_column(Text)
    """Cleaned at import."""


class Task(Base):
    """Input data, reference data and the scoring program; each a zip in the storage."""

    __tablename__ = "task"
    __table_args__ = (UniqueConstraint("challenge_id", "index"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    index: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    input_data_sha256: Mapped[str | None] = mapped_column(String(64))
    input_data_bytes: Mapped[Bytes] = mapped_column(default=0)
    reference_data_sha256: Mapped[str] = mapped_column(String(64))
    reference_data_bytes: Mapped[Bytes] = mapped_column(default=0)
    scoring_program_sha256: Mapped[str] = mapped_column(String(64))
    scoring_program_bytes: Mapped[Bytes]


class Phase(Base):
    __tablename__ = "phase"
    __table_args__ = (UniqueConstraint("challenge_id", "index"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    index: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    max_submissions: Mapped[int]
    max_submissions_per_day: Mapped[int]
    accepts: Mapped[list[str]] = mapped_column(JSON)
    hidden: Mapped[bool] = mapped_column(default=True)
    """The test data are hidden: participants see neither logs of their container nor its outputs."""
    participant_logs: Mapped[str] = mapped_column(String(8), default="none")
    """`none` or `full`: what participants see of their own container's log. Build logs are always shown."""
    gpus: Mapped[int] = mapped_column(default=0)
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    scoring_limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    build: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    outputs: Mapped[list[str]] = mapped_column(JSON, default=list)

    challenge: Mapped[Challenge] = relationship(back_populates="phases", lazy="joined", innerjoin=True)
    tasks: Mapped[list[Task]] = relationship(secondary=phase_task, order_by=Task.index)


class Leaderboard(Base):
    __tablename__ = "leaderboard"
    __table_args__ = (UniqueConstraint("challenge_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    index: Mapped[int]
    key: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    submission_rule: Mapped[str] = mapped_column(String(40))
    primary_index: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[bool] = mapped_column(default=False)

    columns: Mapped[list["LeaderboardColumn"]] = relationship(
        order_by="LeaderboardColumn.index", cascade="all, delete-orphan"
    )


class LeaderboardColumn(Base):
    __tablename__ = "leaderboard_column"
    __table_args__ = (UniqueConstraint("leaderboard_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    leaderboard_id: Mapped[int] = mapped_column(ForeignKey("leaderboard.id", ondelete="CASCADE"))
    index: Mapped[int]
    key: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    descending: Mapped[bool] = mapped_column(default=True)
    """True: larger is better."""
    precision: Mapped[int] = mapped_column(default=2)
    hidden: Mapped[bool] = mapped_column(default=False)
