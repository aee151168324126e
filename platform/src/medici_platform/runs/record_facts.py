"""The facts of one attempt, as its record states them."""

from importlib.metadata import version

from medici_platform.runs.models import Run
from medici_platform.runs.record_format import (
    OUTCOME_SCORED,
    AttemptFacts,
    ChallengeFacts,
    FileFacts,
    ImageFacts,
    LimitFacts,
    PlatformFacts,
    PrivateFacts,
    Record,
    SubmissionFacts,
)
from medici_platform.runs.specs import limits_of, scoring_limits_of
from medici_platform.settings import Settings
from medici_platform.submissions.models import Submission
from medici_worker.protocol import Report

DIGITS = 3
"""Of a second."""


def facts_of(settings: Settings, run: Run, scores: dict[str, float], report: Report | None) -> Record:
    """The organizers' copy. What the run's row keeps of an earlier attempt is not among it."""
    report = report or Report()
    submission, task = run.submission, run.task
    return Record(
        copy_for="organizers",
        platform=PlatformFacts(url=settings.public_url, version=version("medici-platform")),
        challenge=ChallengeFacts(
            slug=submission.phase.challenge.slug,
            version=submission.phase.challenge.version,
            phase=submission.phase.name,
            task=task.name,
            task_index=task.index,
        ),
        submission=_submission(submission),
        attempt=_attempt(run, report),
        files=FileFacts(
            input_data=task.input_data_sha256,
            reference_data=task.reference_data_sha256,
            scoring_program=task.scoring_program_sha256,
            ingestion_program=task.ingestion_program_sha256,
        ),
        images=ImageFacts(
            submission=report.image_digest,
            bases=list(report.base_images),
            index=report.build_index,
            scoring=report.scoring_image_digest,
        ),
        limits=LimitFacts(
            inference=report.limits or limits_of(submission.phase),
            scoring=report.scoring_limits or scoring_limits_of(submission.phase),
        ),
        machine=report.machine,
        scores=scores,
        organizers=PrivateFacts(
            worker=run.worker.name if run.worker else None,
            exit_code=report.exit_code,
            outputs_sha256=run.outputs_sha256,
            image_names=report.images,
        ),
    )


def _submission(submission: Submission) -> SubmissionFacts:
    return SubmissionFacts(
        id=submission.id,
        kind=submission.kind,
        upload_sha256=submission.sha256,
        upload_bytes=submission.size_bytes,
        package_sha256=submission.package_sha256,
        image_reference=submission.image_reference,
        submitted_at=submission.submitted_at,
    )


def _attempt(run: Run, report: Report) -> AttemptFacts:
    return AttemptFacts(
        run=run.id,
        attempt=run.attempt,
        rescored=run.scoring_only,
        outcome=run.failure or OUTCOME_SCORED,
        began_at=run.started_at,
        ended_at=run.finished_at or run.queued_at,
        seconds={stage.value: round(took, DIGITS) for stage, took in report.stage_seconds.items()},
    )
