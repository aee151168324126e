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

challenge_collaborator = Table(
    "challenge_collaborator",
    Base.metadata,
    Column("challenge_id", ForeignKey("challenge.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_challenge_collaborator_user", "user_id"),
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
    """Image of programs without a Dockerfile. None: the platform's own."""
    image_map: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """Pattern of a public image name → image on the workers' engines; wins over the platform's."""
    pull: Mapped[str | None] = mapped_column(String(8))
    """`never`, `missing` or `always`. None: as the platform's setting says."""
    queue_id: Mapped[int | None] = mapped_column(ForeignKey("queue.id"))
    """None: the default queue."""
    auto_approve: Mapped[bool] = mapped_column(default=False)
    auto_run: Mapped[bool] = mapped_column(default=True)
    """False: a submission waits until an organizer starts it."""
    public_submissions: Mapped[bool] = mapped_column(default=True)
    """Participants may let everybody download a submission of theirs."""
    show_detailed_results: Mapped[bool] = mapped_column(default=False)
    detailed_results_in_panel: Mapped[bool] = mapped_column(default=True)
    """On a submission's own page."""
    detailed_results_on_board: Mapped[bool] = mapped_column(default=True)
    competition_type: Mapped[str] = mapped_column(String(16), default="competition")
    reward: Mapped[str] = mapped_column(Text, default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    fact_sheet: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """Questions in order: `{key, type, title, choices, is_required, is_on_leaderboard}`."""
    data_notice: Mapped[str] = mapped_column(Text, default="")
    """What the data are, real or made by a program: shown wherever the challenge is. Plain text."""
    definition: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, deferred=True)
    """The bundle's definition, whole, as JSON: what an export writes."""
    version: Mapped[int] = mapped_column(default=1)
    """Counts imports into this challenge."""
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    owner: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    collaborators: Mapped[list[User]] = relationship(secondary=challenge_collaborator, lazy="selectin")
    files: Mapped[list["ChallengeFile"]] = relationship(order_by="ChallengeFile.path", cascade="all, delete-orphan")
    pages: Mapped[list["ChallengePage"]] = relationship(order_by="ChallengePage.index", cascade="all, delete-orphan")
    tasks: Mapped[list["Task"]] = relationship(order_by="Task.index", cascade="all, delete-orphan")
    phases: Mapped[list["Phase"]] = relationship(
        order_by="Phase.index", cascade="all, delete-orphan", back_populates="challenge"
    )
    leaderboards: Mapped[list["Leaderboard"]] = relationship(order_by="Leaderboard.index", cascade="all, delete-orphan")


class ChallengeFile(Base):
    """A file of the bundle as the storage holds it: a data value as a zip; a page, a picture or an asset as it is."""

    __tablename__ = "challenge_file"
    __table_args__ = (UniqueConstraint("challenge_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(500))
    """In the bundle."""
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[Bytes]
    is_data: Mapped[bool] = mapped_column(default=False)
    """A data value: a folder or a zip of the bundle, stored as a zip."""
    media_type: Mapped[str | None] = mapped_column(String(40))
    """Of a picture that pages may show, which everybody who sees the challenge may load. None: not served."""


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
    ingestion_program_sha256: Mapped[str | None] = mapped_column(String(64))
    ingestion_program_bytes: Mapped[Bytes] = mapped_column(default=0)
    ingestion_only_during_scoring: Mapped[bool] = mapped_column(default=False)
    canaries: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Marks that the organizer planted in the test data: no participant ever reads one."""


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
    """`none`, `tail` or `full`: what participants see of their own container's log. Build logs are always shown."""
    gpus: Mapped[int] = mapped_column(default=0)
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    scoring_limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    build: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    outputs: Mapped[list[str]] = mapped_column(JSON, default=list)
    detailed_results: Mapped[bool] = mapped_column(default=False)
    """Participants see the scoring program's report, where the challenge shows detailed results at all."""
    unwrap_results: Mapped[bool] = mapped_column(default=True)
    """A result zip's single wrapping folder is taken off before it is scored."""
    allowed_images: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Patterns of image names that may be submitted by reference."""
    image_pins: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """Image name → digest (or id) that the phase's first run used, and all later ones must."""
    public_data_sha256: Mapped[str | None] = mapped_column(String(64))
    public_data_bytes: Mapped[Bytes] = mapped_column(default=0)
    starting_kit_sha256: Mapped[str | None] = mapped_column(String(64))
    starting_kit_bytes: Mapped[Bytes] = mapped_column(default=0)
    hide_output: Mapped[bool] = mapped_column(default=False)
    hide_prediction_output: Mapped[bool] = mapped_column(default=False)
    hide_score_output: Mapped[bool] = mapped_column(default=False)
    parent_index: Mapped[int | None]
    """Index of the phase in which a participant must have succeeded before."""
    parallel: Mapped[bool] = mapped_column(default=False)
    """What has succeeded here is entered into the phases that name this one as their parent."""
    auto_migrate: Mapped[bool] = mapped_column(default=False)
    """When this phase opens, the entries of the phase before are entered into it."""
    migrated_at: Mapped[datetime | None]
    embargo_until: Mapped[datetime | None]
    freeze_at: Mapped[datetime | None]
    thawed_at: Mapped[datetime | None]
    """When the boards were brought up to date after the freeze."""
    late_until: Mapped[datetime | None]

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
    anonymous: Mapped[bool] = mapped_column(default=False)
    """Participants' names are the organizers' and their own to see."""
    primary_index: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[bool] = mapped_column(default=False)

    columns: Mapped[list["LeaderboardColumn"]] = relationship(
        order_by="LeaderboardColumn.index", cascade="all, delete-orphan"
    )
    references: Mapped[list["ReferenceResult"]] = relationship(
        order_by="ReferenceResult.position", cascade="all, delete-orphan", passive_deletes=True
    )


class LeaderboardColumn(Base):
    __tablename__ = "leaderboard_column"
    __table_args__ = (UniqueConstraint("leaderboard_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    leaderboard_id: Mapped[int] = mapped_column(ForeignKey("leaderboard.id", ondelete="CASCADE"))
    index: Mapped[int]
    key: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(String(200))
    group: Mapped[str] = mapped_column(String(100), default="")
    """Columns of one group share a heading."""
    computation: Mapped[str | None] = mapped_column(String(20))
    """avg, sum, min, max, avg_rank or reciprocal_rank of `computation_indexes`; None: the scoring program gives it."""
    computation_indexes: Mapped[list[int]] = mapped_column(JSON, default=list)
    computation_weights: Mapped[list[float]] = mapped_column(JSON, default=list)
    over_tasks: Mapped[bool] = mapped_column(default=False)
    """Ranks are those in each task of the phase, not those over all tasks."""
    descending: Mapped[bool] = mapped_column(default=True)
    """True: larger is better."""
    precision: Mapped[int] = mapped_column(default=2)
    hidden: Mapped[bool] = mapped_column(default=False)


class ReferenceResult(Base):
    """A published figure that stands beside a board: no entry, without a rank."""

    __tablename__ = "reference_result"
    __table_args__ = (Index("ix_reference_result_leaderboard", "leaderboard_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    leaderboard_id: Mapped[int] = mapped_column(ForeignKey("leaderboard.id", ondelete="CASCADE"))
    position: Mapped[int]
    """Its row in the bundle's file."""
    method: Mapped[str] = mapped_column(String(200))
    task: Mapped[str] = mapped_column(String(200), default="")
    """Name of a task; empty: over all of them."""
    scores: Mapped[dict[str, float]] = mapped_column(JSON)
    """Column key → number."""
    source: Mapped[str] = mapped_column(String(500), default="")
    data: Mapped[str] = mapped_column(String(100), default="")
    """On what data it was measured: `published, real data`."""
