"""The participant's half of a run for an image, built here or made elsewhere: run it on the test set."""

from contextlib import ExitStack

from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import ContainerPlan, Mount, PlaceTaken, StartRefused
from medici_worker.outcome import RunFailure
from medici_worker.places import IN, OUT
from medici_worker.predictions import keep
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import FailureKind, Stage, SubmissionKind


def prepare(run: Progress) -> BuiltImage:
    """The submission's image: built, or found built, or loaded. Raises `RunFailure`."""
    with run.stage(Stage.PREPARING, run.spec.limits.log_bytes):
        image = _built(run)
    run.image_digest = image.image_id
    run.base_images = image.bases
    run.build_index = image.index
    run.used(image)
    return image


def _built(run: Progress) -> BuiltImage:
    spec, builder, stop, on_log = run.spec, run.site.builder, run.attempt.stop, run.on_log(Stage.PREPARING)
    submission = spec.submission
    if spec.kind is SubmissionKind.IMAGE and spec.image_reference is not None:
        return builder.referenced_image(spec.image_reference, spec.build, on_log, stop)
    if spec.kind is SubmissionKind.IMAGE:
        return builder.loaded_image(submission.sha256, lambda: run.fetch(submission), spec.build, on_log, stop)
    return builder.image_for(submission.sha256, lambda: run.fetch(submission), spec.build, on_log, stop)


def infer(run: Progress, image: BuiltImage) -> str:
    """Run the participant's container; returns the volume that holds its predictions. Raises `RunFailure`."""
    with run.stage(Stage.RUNNING, run.spec.limits.log_bytes):
        run.enter(Stage.RUNNING)
        with ExitStack() as held:
            mounts = [Mount(run.bench.outputs, OUT, read_only=False)]
            if (data := run.spec.input_data) is not None:
                volume = held.enter_context(run.volume(data))
                mounts.append(Mount(volume, IN))
            ended = _run(run, image, tuple(mounts))
        return keep(run, ended)


def _run(run: Progress, image: BuiltImage, mounts: tuple[Mount, ...]) -> Ended:
    limits = run.spec.limits
    plan = ContainerPlan(
        name=run.container_name("inference"),
        image=image.image_id,
        profile=run.profile(image.user, limits),
        mounts=mounts,
        environment=run.environment(),
        labels=run.labels(limits),
    )
    if sentence := image.refused_in(plan):
        raise RunFailure(FailureKind.IMAGE_REFUSED, sentence)
    try:
        return run.run_container(plan, limits, Stage.RUNNING)
    except PlaceTaken as error:
        raise RunFailure(
            FailureKind.RUN_FAILED,
            "Its image has a file or a link where a folder is mounted: /mnt/in, /mnt/out and /tmp must be folders, or "
            "not there.",
            private_detail=str(error),
        ) from error
    except StartRefused as error:
        raise RunFailure(
            FailureKind.RUN_FAILED,
            "Its command could not be started: check CMD and ENTRYPOINT, and that the file is there and executable.",
            private_detail=str(error),
        ) from error
