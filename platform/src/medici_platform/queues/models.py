from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from medici_platform.database import Base

DEFAULT_QUEUE = "default"


class Queue(Base):
    __tablename__ = "queue"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Worker(Base):
    """A machine, or a share of one, that runs containers. It holds a credential of its own, revocable at any time."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    queue_id: Mapped[int] = mapped_column(ForeignKey("queue.id"))
    credential_hash: Mapped[str] = mapped_column(String(64), unique=True)
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    hostname: Mapped[str] = mapped_column(String(255), default="")
    version: Mapped[str] = mapped_column(String(40), default="")
    slots: Mapped[int] = mapped_column(default=1)
    gpus: Mapped[list[str]] = mapped_column(JSON, default=list)
    is_low_on_disk: Mapped[bool] = mapped_column(default=False)
    """It claims nothing until there is room again."""
    is_engine_away: Mapped[bool] = mapped_column(default=False)
    """Its container engine does not answer: it claims nothing until it does."""
    engine: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What it says of its container engine: name, version, and the walls that it has."""

    queue: Mapped[Queue] = relationship(lazy="joined", innerjoin=True)
