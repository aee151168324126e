"""What a worker is told about a run."""

from medici_platform.challenges.models import Task
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


def run_spec(run: Run, settings: Settings) -> RunSpec:
    phase, task = run.submission.phase, run.task
    scored_as_it_is = run.scoring_only or run.submission.kind == SubmissionKind.RESULTS
    return RunSpec(
        run_id=run.id,
        attempt=run.attempt,
        challenge=phase.challenge.slug,
        phase=phase.name,
        task=task.name,
        kind=SubmissionKind.RESULTS if scored_as_it_is else SubmissionKind.CONTAINER,
        submission=_submission(run),
        input_data=_input_data(task) if not scored_as_it_is else None,
        build=build_policy(phase.build, settings.image_map),
        limits=Limits.model_validate({**phase.limits, "gpus": phase.gpus}),
        scoring_limits=Limits.model_validate(phase.scoring_limits),
        program_image=phase.challenge.docker_image or settings.program_image,
        output_patterns=tuple(phase.outputs) or ("*",),
    )


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
        FileRole.SUBMISSION: _submission(run).sha256,
        FileRole.INPUT_DATA: task.input_data_sha256,
        FileRole.REFERENCE_DATA: task.reference_data_sha256,
        FileRole.SCORING_PROGRAM: task.scoring_program_sha256,
    }[role]


def _submission(run: Run) -> FileRef:
    submission = run.submission
    if run.scoring_only and run.outputs_sha256:
        return FileRef(
            role=FileRole.SUBMISSION, sha256=run.outputs_sha256, size_bytes=run.outputs_bytes, name="outputs.zip"
        )
    return FileRef(
        role=FileRole.SUBMISSION,
        sha256=submission.package_sha256,
        size_bytes=submission.package_bytes,
        name=submission.filename,
    )


def _input_data(task: Task) -> FileRef | None:
    if task.input_data_sha256 is None:
        return None
    return FileRef(role=FileRole.INPUT_DATA, sha256=task.input_data_sha256, size_bytes=task.input_data_bytes)
