"""The ingestion program: an organizer's, but participants' code runs inside it, so it is held like theirs.

It never sees the reference data, whenever it runs.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from medici_worker.containers.builds import BuiltImage, require_small
from medici_worker.containers.engine import ContainerPlan, Mount
from medici_worker.organizers import image_of, program_of, require_runnable
from medici_worker.places import (
    INGESTED,
    INGESTION_IN_SCORING_WORDS,
    INGESTION_WORDS,
    INPUT_DATA,
    OUTPUT,
    PREDICTIONS,
    PROGRAM,
    SHARED,
)
from medici_worker.predictions import rejected
from medici_worker.programs import Program
from medici_worker.progress import Progress
from medici_worker.protocol import FailureKind, FileRef, Stage, SubmissionKind
from medici_worker.side_by_side import Part

LABEL = "ingestion"
ENVIRONMENT = {"PROGRAM": PROGRAM, "IN": INPUT_DATA, "OUT": OUTPUT}


@dataclass(frozen=True, slots=True)
class Ingestion:
    file: FileRef
    program: Program
    image: BuiltImage


def ready(run: Progress) -> Ingestion | None:
    """The task's ingestion program with its image; None where the task has none. Raises the organizer's failure."""
    file = run.spec.ingestion_program
    if file is None:
        return None
    program = program_of(run, file, LABEL)
    # The log of its build is not for participants, who read the log of this stage.
    return Ingestion(file, program, image_of(run, program, file, LABEL, lambda _: None))


def in_prediction(run: Progress, ingestion: Ingestion, held: ExitStack, *, alone: bool) -> Part:
    """It reads the input data, and what it writes is the run's outputs."""
    mounts = [*_always(run, ingestion, held), Mount(run.bench.outputs, OUTPUT, read_only=False)]
    if not alone:
        mounts.append(Mount(run.bench.shared, SHARED, read_only=False))
    plan = ContainerPlan(
        name=run.container_name(LABEL),
        image=ingestion.image.image_id,
        profile=run.profile(ingestion.image.user, run.spec.limits, places=(SHARED,) if alone else (), shares=not alone),
        mounts=tuple(mounts),
        command=ingestion.program.command(INGESTION_WORDS),
        environment=run.environment(ENVIRONMENT),
        working_dir=ingestion.program.working_dir,
        labels=run.labels(run.spec.limits),
    )
    return _part(run, ingestion, plan, Stage.RUNNING, label="" if alone else LABEL)


def beside_scoring(run: Progress, ingestion: Ingestion, predictions: str, held: ExitStack) -> Part:
    """It sees the predictions, and talks to the scoring program through the shared folder.

    What it writes to /app/output goes nowhere: scores are the scoring program's alone.
    """
    mounts = [
        *_always(run, ingestion, held),
        Mount(predictions, PREDICTIONS),
        Mount(run.bench.shared, SHARED, read_only=False),
    ]
    plan = ContainerPlan(
        name=run.container_name(LABEL),
        image=ingestion.image.image_id,
        profile=run.profile(ingestion.image.user, run.spec.limits, places=(OUTPUT,), shares=True),
        mounts=tuple(mounts),
        command=ingestion.program.command(INGESTION_IN_SCORING_WORDS),
        environment=run.environment(ENVIRONMENT),
        working_dir=ingestion.program.working_dir,
        labels=run.labels(run.spec.limits),
    )
    return _part(run, ingestion, plan, Stage.SCORING, label=LABEL)


def submission_volume(run: Progress, held: ExitStack) -> str:
    """The submission's files, read-only. Raises `RunFailure` when its archive can't be used."""
    submission = run.spec.submission

    def fetch() -> Path:
        archive = run.fetch(submission)
        require_small(archive, run.spec.build.context_bytes, FailureKind.ARCHIVE_REJECTED)
        return archive

    with rejected():
        return held.enter_context(run.volume(submission, fetch))


def _part(run: Progress, ingestion: Ingestion, plan: ContainerPlan, stage: Stage, *, label: str) -> Part:
    require_runnable(ingestion.image, plan, "The ingestion program's image")
    return Part(plan, run.spec.limits, run.on_log(stage), label)


def _always(run: Progress, ingestion: Ingestion, held: ExitStack) -> list[Mount]:
    program = held.enter_context(run.volume(ingestion.file, lambda: ingestion.program.archive))
    mounts = [Mount(program, PROGRAM)]
    if run.spec.kind is not SubmissionKind.IMAGE:  # that is no folder of files
        mounts.append(Mount(submission_volume(run, held), INGESTED))
    if (data := run.spec.input_data) is not None:
        mounts.append(Mount(held.enter_context(run.volume(data)), INPUT_DATA))
    return mounts
