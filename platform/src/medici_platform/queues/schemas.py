from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class WorkerEnrolment(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    queue: str = Field(default="default", max_length=40)


class WorkerCredential(BaseModel):
    name: str
    queue: str
    credential: str


class WorkerOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    hostname: str
    version: str
    slots: int
    gpus: list[str]
    enrolled_at: datetime
    seen_at: datetime | None
    is_low_on_disk: bool
    """It takes no run until there is room again."""
    is_engine_away: bool
    """Its container engine does not answer: it takes no run until it does."""
    engine: dict[str, str]
    """What its container engine says of itself."""
