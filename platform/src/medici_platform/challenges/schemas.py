from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from medici_bundles.schema import ChallengeDefinition
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
    data_notice: str
    """What the data are, real or made by a program. Empty: the organizers do not say."""
    organizer: str
    collaborators: list[str]
    """User names of further organizers."""
    competition_type: str
    reward: str
    contact_email: str
    version: int
    """1, and one more with each update."""
    published: bool
    phases: list[PhaseOut]


class ImportOut(BaseModel):
    """How a bundle was read, and what was made of it."""

    slug: str
    title: str
    version: int
    published: bool
    dry_run: bool = False
    """Nothing was stored: this is what an import would say."""
    format: str
    """`Codabench 2`, `CodaLab 1.5` or `CodaLab 1.8`."""
    ignored: list[str]
    """Keys of the bundle that nothing reads."""
    mapped: list[str]
    """Keys that say something else here."""
    notes: list[str]
    """What works in a way that could surprise."""
    remarks: list[str]
    """What this platform lacks, withholds, or asks to be done."""
    summary: list[str]
    """One line for each task, phase and leaderboard."""


class OrganizersOut(BaseModel):
    owner: str
    collaborators: list[str]


class PinsOut(BaseModel):
    """Which images a phase was pinned to when its first run used them."""

    index: int
    phase: str
    pins: dict[str, str]
    """Image → digest, or id."""


def summarise(definition: ChallengeDefinition) -> list[str]:
    tasks = [f"task {task.index} {task.label!r}" for task in definition.tasks]
    phases = [
        f"phase {phase.index} {phase.name!r}: from {phase.start:%Y-%m-%d %H:%M %Z}"
        f"{f' until {phase.end:%Y-%m-%d %H:%M %Z}' if phase.end else ''}, tasks {', '.join(map(str, phase.tasks))}, "
        f"accepts {', '.join(phase.accepts)}"
        for phase in definition.phases
    ]
    boards = [
        f"leaderboard {board.key!r}: {', '.join(column.key for column in board.columns)}"
        for board in definition.leaderboards
    ]
    return [*tasks, *phases, *boards]


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
        data_notice=challenge.data_notice,
        organizer=challenge.owner.username,
        collaborators=sorted(each.username for each in challenge.collaborators),
        competition_type=challenge.competition_type,
        reward=challenge.reward,
        contact_email=challenge.contact_email,
        version=challenge.version,
        published=challenge.published_at is not None,
        phases=[present_phase(phase, now) for phase in challenge.phases],
    )
