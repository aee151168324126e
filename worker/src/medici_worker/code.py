"""The participant's half of a run for code: its own command, the ingestion program, or both at the same time."""

from contextlib import ExitStack
from dataclasses import dataclass

from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import ContainerPlan, Exit, Mount
from medici_worker.ingestion import Ingestion, in_prediction, ready, submission_volume
from medici_worker.offered import forgiven, offer
from medici_worker.organizers import challenge_image, not_started, require_runnable
from medici_worker.outcome import RunFailure
from medici_worker.places import IN, INPUT, INPUT_DATA, OUT, OUTPUT, PROGRAM, SHARED, SUBMISSION_WORDS
from medici_worker.predictions import keep, rejected
from medici_worker.programs import Program, ProgramUnusable, look_at
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import FailureKind, Stage
from medici_worker.side_by_side import Part, PartRefused, first_wrong, run_together

LABEL = "submission"
ENVIRONMENT = {"PROGRAM": PROGRAM, "IN": INPUT_DATA, "OUT": OUTPUT}
NO_COMMAND = (
    "Its file 'metadata' names no command, and this task has no ingestion program that would run it: add a line such "
    "as `command: python3 $program/main.py $input $output`, or a Dockerfile."
)


@dataclass(frozen=True, slots=True)
class Code:
    """What will run in the prediction step: the submission's own command, the ingestion program, or both."""

    program: Program
    image: BuiltImage | None
    ingestion: Ingestion | None

    @property
    def runs(self) -> bool:
        """False: its files are the predictions, and the ingestion program sees them beside the scoring program."""
        return self.image is not None or self.ingestion is not None


def prepare_code(run: Progress) -> Code:
    """Read what the submission says of itself, and find the images. Raises `RunFailure`."""
    spec = run.spec
    with run.stage(Stage.PREPARING, spec.limits.log_bytes):
        program = _read(run)
        image = challenge_image(run) if program.words is not None else None
        ingestion = None if spec.ingestion_only_during_scoring else ready(run)
        if image is None and spec.ingestion_program is None:
            raise RunFailure(FailureKind.ARCHIVE_REJECTED, NO_COMMAND)
    used = image or (ingestion.image if ingestion else None)
    run.image_digest = used.image_id if used else None
    run.base_images = used.bases if used else ()
    return Code(program, image, ingestion)


def infer_code(run: Progress, code: Code) -> str:
    """Run it; returns the volume that holds its predictions. Raises `RunFailure`."""
    with run.stage(Stage.RUNNING, run.spec.limits.log_bytes):
        run.enter(Stage.RUNNING)
        with ExitStack() as held:
            parts = _parts(run, code, held)
            with rejected():
                is_data = code.image is None and offer(run)
            ended = _run(run, parts)
            if is_data:
                ended = forgiven(run, ended)
        return keep(run, ended)


def _read(run: Progress) -> Program:
    with rejected():
        try:
            return look_at(run.fetch(run.spec.submission))
        except ProgramUnusable as error:
            raise RunFailure(FailureKind.ARCHIVE_REJECTED, str(error)) from error


def _parts(run: Progress, code: Code, held: ExitStack) -> list[Part]:
    alone = code.image is None or code.ingestion is None
    parts = []
    if code.ingestion is not None:
        parts.append(in_prediction(run, code.ingestion, held, alone=alone))
    if code.image is not None:
        parts.append(_own(run, code.program, code.image, held, alone=alone))
    return parts


def _own(run: Progress, program: Program, image: BuiltImage, held: ExitStack, *, alone: bool) -> Part:
    mounts = [
        Mount(submission_volume(run, held), PROGRAM),
        Mount(run.bench.outputs, OUTPUT, read_only=False),
        Mount(run.bench.outputs, OUT, read_only=False),
    ]
    if not alone:
        mounts.append(Mount(run.bench.shared, SHARED, read_only=False))
    if (data := run.spec.input_data) is not None:
        volume = held.enter_context(run.volume(data))
        mounts += [Mount(volume, place) for place in (INPUT_DATA, INPUT, IN)]
    limits = run.spec.limits
    plan = ContainerPlan(
        name=run.container_name(LABEL),
        image=image.image_id,
        profile=run.profile(image.user, limits, places=(SHARED,) if alone else (), shares=not alone),
        mounts=tuple(mounts),
        command=program.command(SUBMISSION_WORDS),
        environment=run.environment(ENVIRONMENT),
        working_dir=PROGRAM,
        labels=run.labels(limits),
    )
    require_runnable(image, plan, "The challenge's image")
    return Part(plan, limits, run.on_log(Stage.RUNNING), "" if alone else LABEL)


def _run(run: Progress, parts: list[Part]) -> Ended:
    """The end of the first that went wrong; when none did, all have ended well."""
    try:
        ends = run_together(run, parts)
    except PartRefused as refused:
        raise _not_started(run, refused) from refused
    wrong = first_wrong(ends)
    if wrong is not None:
        return wrong[1]
    return Ended(Exit(0, out_of_memory=False), over_time=False, elapsed_s=max(end.elapsed_s for _, end in ends))


def _not_started(run: Progress, refused: PartRefused) -> RunFailure:
    if refused.part.plan.name != run.container_name(LABEL):
        return not_started("ingestion", refused)
    return RunFailure(
        FailureKind.RUN_FAILED,
        "Its command could not be started: check the command in 'metadata', and that the file is there and executable.",
        private_detail=str(refused),
    )
