"""Organizers' programs on their way into a container; what goes wrong with one is theirs to mend."""

import contextlib
from collections.abc import Iterator

from medici_worker.containers.archives import ArchiveUnusable
from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import ContainerPlan, ImageUnavailable, OnLog, StartRefused
from medici_worker.outcome import RunFailure
from medici_worker.programs import Program, ProgramUnusable
from medici_worker.progress import Progress
from medici_worker.protocol import FailureKind, FileRef
from medici_worker.python2 import advice, image_advice


def failed(sentence: str, log_tail: str = "", code: int | None = None) -> RunFailure:
    """`log_tail` is for the organizers."""
    detail = " ".join(filter(None, [advice(log_tail), sentence]))
    if log_tail:
        detail = f"{detail}\n\nThe end of its log:\n{log_tail}"
    return RunFailure(FailureKind.SCORING_FAILED, private_detail=detail, exit_code=code)


def program_of(run: Progress, file: FileRef, name: str) -> Program:
    """`name`: "scoring" or "ingestion"."""
    try:
        return run.site.programs.get(file.sha256, lambda path: run.host.fetch(file, path))
    except (ProgramUnusable, ArchiveUnusable) as error:
        raise failed(f"The {name} program: {error}") from error


def image_of(run: Progress, program: Program, file: FileRef, name: str, on_log: OnLog) -> BuiltImage:
    """The program's own image, built by the same rules as a submission's; else the challenge's."""
    builder = run.site.builder
    with _images_named(f"The {name} program's image"):
        if program.has_dockerfile:
            image = builder.image_for(file.sha256, lambda: program.archive, run.spec.build, on_log, run.attempt.stop)
        else:
            image = builder.local(run.spec.program_image, run.spec.build, run.attempt.stop)
    run.used(image)
    return image


def challenge_image(run: Progress) -> BuiltImage:
    """The image in which participants' code runs."""
    with _images_named("The challenge's image"):
        image = run.site.builder.local(run.spec.program_image, run.spec.build, run.attempt.stop)
    run.used(image)
    return image


def require_runnable(image: BuiltImage, plan: ContainerPlan, name: str) -> None:
    if sentence := image.refused_in(plan):
        raise failed(f"{name}: {sentence}")


def not_started(name: str, reason: StartRefused | Exception) -> RunFailure:
    return failed(f"The {name} program's command could not be started: {reason}")


@contextlib.contextmanager
def _images_named(name: str) -> Iterator[None]:
    try:
        yield
    except RunFailure as failure:
        raise failed(f"{name}: {failure.kind}. {failure.public_detail}", failure.private_detail) from failure
    except ImageUnavailable as error:
        raise failed(f"{name} is not to be had. {image_advice(str(error))} {error}") from error
