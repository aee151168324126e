"""What a worker is told about a run."""

from medici_platform.challenges.models import Phase, Task
from medici_platform.challenges.rules import build_policy
from medici_platform.runs.models import Run
from medici_platform.settings import Settings
from medici_worker.protocol import (
    FileRef,
    FileRole,
    Limits,
    RunSpec,
    ScoringGrant,
    SubmissionKind,
)

ZIP = "application/zip"


def run_spec(run: Run, settings: Settings) -> RunSpec:
    phase, task = run.submission.phase, run.task
    return RunSpec(
        run_id=run.id,
        attempt=run.attempt,
        challenge=phase.challenge.slug,
        phase=phase.name,
        task=task.name,
        kind=SubmissionKind(run.submission.kind),
        submission=_submission(run),
        image_reference=run.submission.image_reference,
        outputs=_kept_outputs(run),
        input_data=_input_data(task) if _reads_input(run) else None,
        ingestion_program=_ingestion_program(task) if _reads_input(run) else None,
        ingestion_only_during_scoring=task.ingestion_only_during_scoring,
        build=build_policy(phase, settings),
        limits=limits_of(phase),
        scoring_limits=scoring_limits_of(phase),
        program_image=phase.challenge.docker_image or settings.program_image,
        output_patterns=tuple(phase.outputs) or ("*",),
    )


def limits_of(phase: Phase) -> Limits:
    return Limits.model_validate({**phase.limits, "gpus": phase.gpus})


def scoring_limits_of(phase: Phase) -> Limits:
    return Limits.model_validate(phase.scoring_limits)


def scoring_grant(task: Task) -> ScoringGrant:
    return ScoringGrant(
        scoring_program=FileRef(
            role=FileRole.SCORING_PROGRAM,
            sha256=task.scoring_program_sha256,
            size_bytes=task.scoring_program_bytes,
        ),
        reference_data=FileRef(
            role=FileRole.REFERENCE_DATA, sha256=task.reference_data_sha256, size_bytes=task.reference_data_bytes
        ),
    )


def sha256_of(run: Run, role: FileRole) -> str | None:
    task = run.task
    return {
        FileRole.SUBMISSION: run.submission.package_sha256,
        FileRole.OUTPUTS: run.outputs_sha256 if run.scoring_only else None,
        FileRole.INPUT_DATA: task.input_data_sha256,
        FileRole.INGESTION_PROGRAM: task.ingestion_program_sha256,
        FileRole.REFERENCE_DATA: task.reference_data_sha256,
        FileRole.SCORING_PROGRAM: task.scoring_program_sha256,
    }[role]


def media_type_of(run: Run, role: FileRole) -> str:
    """Everything is a zip, but for what an image submission consists of."""
    if role != FileRole.SUBMISSION or run.submission.kind != SubmissionKind.IMAGE:
        return ZIP
    return "text/plain" if run.submission.image_reference else "application/x-tar"


def _reads_input(run: Run) -> bool:
    """Whether some program of this run reads the input data: the participant's, or one that helps the scorer."""
    if run.task.ingestion_program_sha256 and run.task.ingestion_only_during_scoring:
        return True
    return not run.scoring_only and run.submission.kind != SubmissionKind.RESULTS


def _submission(run: Run) -> FileRef:
    submission = run.submission
    return FileRef(
        role=FileRole.SUBMISSION,
        sha256=submission.package_sha256,
        size_bytes=submission.package_bytes,
        name=submission.filename,
    )


def _kept_outputs(run: Run) -> FileRef | None:
    """Of a rescore. Predictions are their own outputs."""
    if not run.scoring_only or run.outputs_sha256 is None or run.submission.kind == SubmissionKind.RESULTS:
        return None
    return FileRef(role=FileRole.OUTPUTS, sha256=run.outputs_sha256, size_bytes=run.outputs_bytes, name="outputs.zip")


def _input_data(task: Task) -> FileRef | None:
    if task.input_data_sha256 is None:
        return None
    return FileRef(role=FileRole.INPUT_DATA, sha256=task.input_data_sha256, size_bytes=task.input_data_bytes)


def _ingestion_program(task: Task) -> FileRef | None:
    if task.ingestion_program_sha256 is None:
        return None
    return FileRef(
        role=FileRole.INGESTION_PROGRAM, sha256=task.ingestion_program_sha256, size_bytes=task.ingestion_program_bytes
    )
