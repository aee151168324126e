"""What the record of an attempt says. One copy is the organizers', the other holds what its participant may know.

Format version 1: further facts may be added to it, none may change its meaning.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from medici_platform.challenges.rules import shown_moment, shown_seconds
from medici_worker.protocol import Limits, Machine

OUTCOME_SCORED = "finished"

Copy = Literal["participant", "organizers"]


class Facts(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlatformFacts(Facts):
    url: str
    version: str


class ChallengeFacts(Facts):
    slug: str
    version: int
    """Counts imports into it."""
    phase: str
    task: str
    task_index: int


class SubmissionFacts(Facts):
    id: int
    kind: str
    upload_sha256: str
    """Of the uploaded file, byte for byte."""
    upload_bytes: int
    package_sha256: str
    """Of what ran: the upload without a wrapping folder."""
    image_reference: str | None = None
    submitted_at: datetime


class AttemptFacts(Facts):
    run: int
    attempt: int
    rescored: bool
    """The kept outputs were scored again; the participant's container did not run."""
    outcome: str
    """`finished`, or the failure's type."""
    began_at: datetime | None
    ended_at: datetime
    seconds: dict[str, float]
    """By stage; whole ones in a participant's copy of a hidden phase."""


class FileFacts(Facts):
    """Of each file its sha256; in a participant's copy an identity that this platform alone can make from it."""

    input_data: str | None = None
    reference_data: str | None = None
    scoring_program: str | None = None
    ingestion_program: str | None = None


class ImageFacts(Facts):
    submission: str | None = None
    bases: list[str] = Field(default_factory=list)
    """Digests, or ids, of the base images of the submission's."""
    index: str | None = None
    """Address of the package index that its build could ask; None: the build had no network."""
    scoring: str | None = None
    """Its id; in a participant's copy an identity."""


class LimitFacts(Facts):
    inference: Limits
    scoring: Limits


class PrivateFacts(Facts):
    """For organizers alone: each of them can tell of the test data, or of how to attack the machine."""

    worker: str | None = None
    exit_code: int | None = None
    outputs_sha256: str | None = None
    image_names: dict[str, str] = Field(default_factory=dict)
    """Every image that was used by its name → what the name stood for."""


class Record(Facts):
    copy_for: Copy
    platform: PlatformFacts
    challenge: ChallengeFacts
    submission: SubmissionFacts
    attempt: AttemptFacts
    files: FileFacts
    images: ImageFacts
    limits: LimitFacts
    machine: Machine | None
    """None: its worker was lost."""
    scores: dict[str, float]
    organizers: PrivateFacts | None = None


def for_participant(
    record: Record, *, scores: Mapping[str, float], exact: bool, identity: Callable[[str, str], str]
) -> Record:
    """The copy without what only organizers may know. `identity(name, sha256)` stands for a hash that could be guessed.

    `exact`: times; whole seconds where the test data are hidden.
    """

    def hidden(name: str, sha256: str | None) -> str | None:
        return identity(name, sha256) if sha256 is not None else None

    attempt = record.attempt
    times = {
        "began_at": shown_moment(attempt.began_at, exact=exact),
        "ended_at": shown_moment(attempt.ended_at, exact=exact),
        "seconds": {stage: shown_seconds(took, exact=exact) for stage, took in attempt.seconds.items()},
    }
    files = {name: hidden(name, sha256) for name, sha256 in record.files}
    scoring = hidden("scoring_image", record.images.scoring)
    return record.model_copy(
        update={
            "copy_for": "participant",
            "attempt": attempt.model_copy(update=times),
            "files": FileFacts(**files),
            "images": record.images.model_copy(update={"scoring": scoring}),
            "machine": _without_addresses(record.machine),
            "scores": dict(scores),
            "organizers": None,
        }
    )


def _without_addresses(machine: Machine | None) -> Machine | None:
    """Models of GPUs, without their ids; no kernel, which says what the machine is open to."""
    if machine is None:
        return None
    gpus = tuple(gpu.model_copy(update={"id": ""}) for gpu in machine.gpus)
    return machine.model_copy(update={"kernel": "", "gpus": gpus})
