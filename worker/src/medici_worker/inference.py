"""The participant's half of a run: build the image, run it on the test set, take what it wrote."""

from contextlib import ExitStack

from medici_worker.containers.archives import tar_of_zip
from medici_worker.containers.bench import OUTPUTS, PREDICTIONS
from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import ContainerPlan, Mount, StartRefused
from medici_worker.containers.outputs import Outputs, OutputTooLarge, collect
from medici_worker.containers.profile import OUTPUT_SLACK_BYTES
from medici_worker.outcome import RunFailure
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import FailureKind, Limits, Stage

IN = "/mnt/in"
OUT = "/mnt/out"
MIB = 1024**2
NEARLY_BYTES = 64 * 1024
"""A place for outputs with less room than this counts as full: many small files fill it by pages, not by bytes."""
EXIT_CODES = {
    126: "Its command can't be executed.",
    127: "Its command was not found.",
    139: "It ended with a segmentation fault.",
}
"""What participants are told. Any other number is the organizers' alone: a container could speak through it."""


def prepare(run: Progress) -> BuiltImage:
    """Build the submission's image, or find it built."""
    with run.stage(Stage.PREPARING, run.spec.limits.log_bytes):
        submission = run.spec.submission
        image = run.site.builder.image_for(
            submission.sha256,
            lambda: run.fetch(submission),
            run.spec.build,
            run.on_log(Stage.PREPARING),
        )
    run.image_digest = image.image_id
    return image


def infer(run: Progress, image: BuiltImage) -> str:
    """Run the participant's container; returns the volume that holds its predictions. Raises `RunFailure`."""
    limits = run.spec.limits
    with run.stage(Stage.RUNNING, limits.log_bytes):
        run.enter(Stage.RUNNING)
        with ExitStack() as held:
            mounts = [Mount(run.bench.outputs, OUT, read_only=False)]
            if (data := run.spec.input_data) is not None:
                volume = held.enter_context(run.site.datasets.volume(data.sha256, lambda: run.fetch(data)))
                mounts.append(Mount(volume, IN))
            ended = _run(run, image, tuple(mounts), limits)
        run.exit_code = ended.exit.code
        outputs = _taken(run, limits, ended)
        run.host.save_outputs(outputs.archive, outputs.sha256)
        return handed_on(run, outputs)


def results(run: Progress) -> str:
    """A result submission: its zip is what a container would have written. Returns the volume that holds it."""
    with run.stage(Stage.PREPARING, run.spec.limits.log_bytes):
        archive = run.fetch(run.spec.submission)
        run.bench.holder.put(PREDICTIONS, tar_of_zip(archive))
    return run.bench.predictions


def handed_on(run: Progress, outputs: Outputs) -> str:
    """The outputs' own volume when nothing in it has to be kept back; else a copy of what may be seen."""
    if outputs.as_they_are:
        return run.bench.outputs
    run.bench.holder.put(PREDICTIONS, tar_of_zip(outputs.archive))
    return run.bench.predictions


def verdict(ended: Ended, limits: Limits) -> RunFailure | None:
    """What the end of the container says by itself, before its outputs are looked at."""
    code = ended.exit.code
    if ended.over_time:
        detail = f"The limit is {limits.time_s:g} s."
        return RunFailure(FailureKind.TIME_LIMIT, detail, exit_code=code)
    if ended.exit.out_of_memory:
        detail = f"The limit is {limits.memory_bytes // MIB} MiB."
        return RunFailure(FailureKind.MEMORY_LIMIT, detail, exit_code=code)
    return None


def _run(run: Progress, image: BuiltImage, mounts: tuple[Mount, ...], limits: Limits) -> Ended:
    plan = ContainerPlan(
        name=run.container_name("inference"),
        image=image.image_id,
        profile=run.profile(image.user, limits),
        mounts=mounts,
        labels=run.labels,
    )
    if sentence := image.refused_in(plan):
        raise RunFailure(FailureKind.IMAGE_REFUSED, sentence)
    try:
        return run.run_container(plan, limits, Stage.RUNNING)
    except StartRefused as error:
        raise RunFailure(
            FailureKind.RUN_FAILED,
            "Its command could not be started: check CMD and ENTRYPOINT, and that the file is there and executable.",
            private_detail=str(error),
        ) from error


def _taken(run: Progress, limits: Limits, ended: Ended) -> Outputs:
    """The outputs of a container that ended well. What it wrote before it failed is never scored."""
    code = ended.exit.code
    tail = run.logs.tail(Stage.RUNNING)
    failure = verdict(ended, limits)
    if failure is not None:
        raise failure
    outputs = _collected(run, limits, code)
    if code != 0 and outputs.used_bytes >= limits.output_bytes + OUTPUT_SLACK_BYTES - NEARLY_BYTES:
        raise _over_output(limits, code, "the place for outputs was full when the container failed")
    if code != 0:
        raise RunFailure(FailureKind.RUN_FAILED, EXIT_CODES.get(code, ""), private_detail=tail, exit_code=code)
    if not outputs.files:
        skipped = outputs.describe_skipped()
        detail = "It wrote files, but none that this phase takes as an output." if skipped else ""
        raise RunFailure(FailureKind.OUTPUT_MISSING, detail, private_detail=skipped or tail, exit_code=code)
    return outputs


def _collected(run: Progress, limits: Limits, code: int) -> Outputs:
    try:
        return collect(
            run.bench.holder.get(OUTPUTS),
            run.folder / "outputs.zip",
            limit_bytes=limits.output_bytes,
            limit_files=limits.output_files,
            patterns=run.spec.output_patterns,
        )
    except OutputTooLarge as error:
        raise _over_output(limits, code, str(error)) from error


def _over_output(limits: Limits, code: int, private: str) -> RunFailure:
    detail = f"The limit is {limits.output_bytes // MIB} MiB and {limits.output_files} files."
    return RunFailure(FailureKind.OUTPUT_LIMIT, detail, private_detail=private, exit_code=code)
