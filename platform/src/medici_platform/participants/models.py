from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge
from medici_platform.database import Base, text_enum
from medici_platform.participants.rules import ParticipantStatus


class Participant(Base):
    """One user in one challenge."""

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("challenge_id", "user_id"), Index("ix_participant_user", "user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenge.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    status: Mapped[ParticipantStatus] = mapped_column(text_enum(ParticipantStatus))
    joined_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    challenge: Mapped[Challenge] = relationship()
