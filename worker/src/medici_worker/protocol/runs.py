"""What worker and platform say to each other about one run. JSON over HTTP; both ends parse with these models.

A worker claims a run with its own credential and gets a `Claim`: a `RunSpec` and a token bound to this attempt. Every
later call carries that token; 410 means the attempt is over (cancelled, or its lease was lost): stop the container.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from medici_worker.protocol.failures import FailureKind

PROTOCOL_VERSION = 3
"""Raised when a worker of the old version could no longer speak with the platform."""


LARGEST_INTEGER = 2**31 - 1
"""Of a database's integer column."""
LONGEST_WORD = 120


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


Text = Annotated[str, AfterValidator(_storable)]
"""Without NUL, which PostgreSQL does not store, and without halves of characters, which no page can show."""
Word = Annotated[str, AfterValidator(lambda text: _storable(text)[:LONGEST_WORD])]
"""What a machine says of itself. However long that is, no run fails for it: the rest is cut off."""
Integer = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]


CASES_LIMIT_BYTES = 32 * 1024**2
"""Of the table of single cases that a scoring program may write. A larger one is not kept."""


SPARE_NAME_BYTES = 64 * 1024
ARCHIVE_OVERHEAD_BYTES = 16 * 1024**2
"""What deflate adds to bytes that it can't make fewer: 0.03 %, of 50 GB."""


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stage(StrEnum):
    """The states of a run in which a worker holds it; the names are those of the run's state."""

    PREPARING = "preparing"  # fetch, check, build the image
    RUNNING = "running"  # the participant's container
    SCORING = "scoring"  # the organizer's container


class SubmissionKind(StrEnum):
    CONTAINER = "container"  # a zip with a Dockerfile: built, then run on the test set
    CODE = "code"  # a zip that runs in the challenge's image, by its own command, under an ingestion program, or both
    IMAGE = "image"  # an image made elsewhere: an archive of `docker save`, or a reference
    RESULTS = "results"  # a zip with predictions: scored as it is


class FileRole(StrEnum):
    SUBMISSION = "submission"
    OUTPUTS = "outputs"  # of a rescore: what the run wrote when it ran
    INPUT_DATA = "input_data"
    INGESTION_PROGRAM = "ingestion_program"
    REFERENCE_DATA = "reference_data"  # handed out in the scoring stage alone
    SCORING_PROGRAM = "scoring_program"


class FileRef(Message):
    """A file in the platform's storage, named by its content: a zip, or the tar of an image submission."""

    role: FileRole
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    name: str = ""


class Limits(Message):
    """What one container may use. Exceeding any of them ends the run with a typed failure."""

    time_s: float = Field(default=600, gt=0)
    memory_bytes: int = Field(default=4 * 1024**3, gt=0)
    cpus: float = Field(default=2, gt=0)
    pids: int = Field(default=512, gt=0)
    output_bytes: int = Field(default=256 * 1024**2, gt=0)
    output_files: int = Field(default=10_000, gt=0)
    shm_bytes: int = Field(default=256 * 1024**2, gt=0)
    tmp_bytes: int = Field(default=256 * 1024**2, gt=0)
    log_bytes: int = Field(default=1024**2, gt=0)
    gpus: int = Field(default=0, ge=0)

    @property
    def name_bytes(self) -> int:
        """All paths of an output folder together, in UTF-8: 256 bytes a file, and some more where there are few."""
        return SPARE_NAME_BYTES + self.output_files * 256

    @property
    def archive_bytes(self) -> int:
        """The largest zip of outputs within these limits: every path stands in it twice, beside headers."""
        return self.output_bytes + ARCHIVE_OVERHEAD_BYTES + 3 * self.name_bytes


class BuildPolicy(Message):
    """What a Dockerfile may do. Builds see no data, and no network but the one package index that `index` names."""

    allowed_bases: tuple[str, ...] = ("medici/*", "python:3.*", "projectmonai/monai:*")
    """Patterns (fnmatch) of names that FROM and COPY --from may use, before mapping; `scratch` is never one."""
    image_map: dict[str, str] = Field(default_factory=dict)
    """Pattern of a public name → image on the worker's engine, tried first, in order."""
    pins: dict[str, str] = Field(default_factory=dict)
    """Image on the worker's engine, as named after mapping → digest (or id) that the phase was pinned to."""
    pull: Literal["never", "missing", "always"] = "missing"
    time_s: float = Field(default=1800, gt=0)
    memory_bytes: int = Field(default=4 * 1024**3, gt=0)
    cpus: float = Field(default=2, gt=0)
    context_bytes: int = Field(default=8 * 1024**3, gt=0)
    """Of the archive's files, unpacked: what is sent to the builder, or laid out beside a program."""
    image_bytes: int = Field(default=20 * 1024**3, gt=0)
    """What a build may add to its base images, all stages together; the size of an image that comes from elsewhere."""
    index: str | None = Field(default=None, max_length=300)
    """Address of the one package index that builds may ask (`https://host/simple`); workers list what they allow."""


class RunSpec(Message):
    """All that a worker needs to know of one run, but for the reference data (see `ScoringGrant`)."""

    run_id: int
    attempt: int
    challenge: str
    phase: str
    task: str
    kind: SubmissionKind
    submission: FileRef
    """Of a submission by reference: a text file that holds the reference."""
    image_reference: str | None = Field(default=None, max_length=300)
    """Of an image submission: `registry/name@sha256:…`, to be pulled. None: `submission` is the image's archive."""
    outputs: FileRef | None = None
    """A rescore: these kept outputs are scored, and nothing of the participant's runs. None for result submissions."""
    input_data: FileRef | None = None
    """Mounted read-only at /mnt/in. None: the task has none."""
    ingestion_program: FileRef | None = None
    """Runs beside participants' code. It never sees the reference data, since participants' code runs inside it."""
    ingestion_only_during_scoring: bool = False
    """The ingestion program runs beside the scoring program instead, and they share /app/shared."""
    build: BuildPolicy = BuildPolicy()
    limits: Limits = Limits()
    scoring_limits: Limits = Limits()
    program_image: str = "medici/codalab:latest"
    """Image of programs without a Dockerfile of their own: scoring, ingestion, participants' code."""
    output_patterns: tuple[str, ...] = ("*",)
    """Which files of /mnt/out (fnmatch on the path below it) are handed to the scoring program."""


class ScoringGrant(Message):
    """Handed out when the participant's container has ended and its outputs are safe."""

    scoring_program: FileRef
    reference_data: FileRef


class ClaimRequest(Message):
    protocol: Integer = PROTOCOL_VERSION
    run_id: Integer
    free_gpus: Integer = Field(default=0, ge=0)


class Claim(Message):
    spec: RunSpec
    token: str
    lease_s: float
    heartbeat_s: float


class Refusal(Message):
    """The body of every 4xx answer: a code for programs and a sentence for people."""

    code: str
    message: str


class StageRequest(Message):
    stage: Stage


class StageAnswer(Message):
    lease_until: datetime
    scoring: ScoringGrant | None = None
    """Present in the scoring stage."""


class LogChunk(Message):
    stage: Stage
    position: Integer = Field(ge=0)
    """Characters of this stage's log that were sent before: a repeated chunk is recognised and dropped."""
    text: Text = Field(max_length=65_536)


class ScoreFiles(Message):
    """Texts that the scoring program wrote, unread: the platform parses them."""

    scores_json: str | None = None
    scores_txt: str | None = None
    detailed_html: str | None = None


class GpuUsed(Message):
    id: Word
    model: Word = ""


class Machine(Message):
    """On what a run ran, as only its worker knows it. Empty: not known."""

    worker_version: Word = ""
    engine: Word = ""
    """docker or podman."""
    engine_version: Word = ""
    runtime: Word = ""
    """OCI runtime of its containers: runc, runsc, nvidia."""
    architecture: Word = ""
    kernel: Word = ""
    gpus: tuple[GpuUsed, ...] = Field(default=(), max_length=64)
    """Those that the run leased."""


class Report(Message):
    """How the run ended. Repeating it is a no-op."""

    failure: FailureKind | None = None
    may_pass: bool = False
    """Of a system error: the trouble may be this worker's machine's, or pass. The run is queued again while it has
    attempts left, and this worker is not given it for a while."""
    public_detail: Text = Field(default="", max_length=4_000)
    """One or two sentences for the participant beside the failure's own; never echoes a container's output."""
    private_detail: Text = Field(default="", max_length=20_000)
    """For organizers and administrators."""
    exit_code: Integer | None = None
    scores: ScoreFiles | None = None
    image_digest: Text | None = Field(default=None, max_length=160)
    scoring_image_digest: Text | None = Field(default=None, max_length=160)
    images: dict[Text, Text] = Field(default_factory=dict, max_length=40)
    """Every image that was used by its name (after mapping) → its digest, or its id where it has none."""
    build_index: Text | None = Field(default=None, max_length=300)
    """Address of the package index that the submission's build could ask; None: it had no network."""
    base_images: tuple[Text, ...] = Field(default=(), max_length=40)
    """Digests (or ids) of the base images of the submission's image."""
    limits: Limits | None = None
    """As they were applied: no more processors than the machine has."""
    scoring_limits: Limits | None = None
    machine: Machine | None = None
    stage_seconds: dict[Stage, float] = Field(default_factory=dict)


class WorkerHello(Message):
    """Sent at start and every minute: what the administrators see, and what lets the queue say why a run waits."""

    protocol: Integer = PROTOCOL_VERSION
    version: Text
    hostname: Text
    slots: Integer = Field(ge=1)
    gpus: tuple[Text, ...] = ()
    """Models of the GPUs that this worker may lease."""
    is_low_on_disk: bool = False
    """It claims nothing until there is room again; said as soon as it changes."""
    engine: dict[Word, Word] = Field(default_factory=dict, max_length=20)
    """What its container engine says of itself."""
    is_engine_away: bool = False
    """Its container engine does not answer: it claims nothing until it does."""


class WorkerWelcome(Message):
    worker_id: int
    name: str
    queue: str
    overlooked: tuple[int, ...] = ()
    """Runs that this worker could have taken long ago, oldest first: their hints, or the worker's ears, are lost."""
