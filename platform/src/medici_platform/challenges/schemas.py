from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from medici_platform.challenges.models import Challenge, Phase
from medici_platform.challenges.rules import PhaseStatus, phase_status

PhaseName = Annotated[str | None, Query(max_length=200, description="Name or index; default: the current phase")]


class PhaseOut(BaseModel):
    index: int
    name: str
    status: PhaseStatus
    starts_at: datetime
    ends_at: datetime | None
    accepts: list[str]
    max_submissions: int
    max_submissions_per_day: int
    hidden: bool
    gpus: int


class ChallengeOut(BaseModel):
    slug: str
    title: str
    description: str
    organizer: str
    published: bool
    phases: list[PhaseOut]


class ImportOut(BaseModel):
    slug: str
    title: str
    published: bool
    remarks: list[str]
    """What the bundle said that is not honoured here."""


def present_phase(phase: Phase, now: datetime) -> PhaseOut:
    return PhaseOut(
        index=phase.index,
        name=phase.name,
        status=phase_status(phase, now),
        starts_at=phase.starts_at,
        ends_at=phase.ends_at,
        accepts=phase.accepts,
        max_submissions=phase.max_submissions,
        max_submissions_per_day=phase.max_submissions_per_day,
        hidden=phase.hidden,
        gpus=phase.gpus,
    )


def present(challenge: Challenge, now: datetime) -> ChallengeOut:
    return ChallengeOut(
        slug=challenge.slug,
        title=challenge.title,
        description=challenge.description,
        organizer=challenge.owner.username,
        published=challenge.published_at is not None,
        phases=[present_phase(phase, now) for phase in challenge.phases],
    )
