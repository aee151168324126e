"""Canaries in what a run's container tells, looked for as it comes in, and what of a report participants may read.

Looking is bounded: the names of all output files, and the first 32 MiB of what they hold. It costs nothing where a task
has no canaries.
"""

import zipfile
import zlib
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Task
from medici_platform.context import Context
from medici_platform.runs import alerts, queries
from medici_platform.runs.models import Run, RunLog
from medici_platform.runs.redaction import CanaryWatch, Secrets, redact, shown_sentence
from medici_platform.runs.task_secrets import secrets_of
from medici_platform.runs.views import reports_are_open
from medici_worker.protocol import FailureKind, Fault, LogChunk, Report, Stage, SubmissionKind

LOOK_BACK_CHARACTERS = 4_096
"""More than any canary takes, in every form that is looked for, with line breaks in it."""
LARGEST_CHUNK_CHARACTERS = 65_536
LOOKED_AT_BYTES = 32 * 1024**2
PIECE_BYTES = 1024**2


def watch_log(session: Session, context: Context, run: Run, chunk: LogChunk) -> None:
    """Called before the chunk is stored. The scoring program's log may hold what it likes: no participant reads it."""
    canaries = run.task.canaries
    if not canaries or chunk.stage == Stage.SCORING or alerts.is_told(session, run):
        return
    if holds_canary(_end_of_log(session, run, chunk) + chunk.text, canaries):
        where = "the log of the build" if chunk.stage == Stage.PREPARING else "the log"
        alerts.tell_canary(session, run, where, now=context.now())


def where_in_outputs(context: Context, run_id: int, sha256: str) -> str | None:
    """Read outside of every transaction that writes: it can take a second."""
    with context.database.read() as session:
        canaries = session.scalar(select(Task.canaries).join(Run, Run.task_id == Task.id).where(Run.id == run_id))
    return where_in_zip(context.storage.path(sha256), canaries) if canaries else None


def where_in_zip(archive: Path, canaries: list[str]) -> str | None:
    """`the name of an output file`, `an output file`, or None."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if holds_canary("\n".join(opened.namelist()), canaries):
                return "the name of an output file"
            return "an output file" if _content_holds(opened, canaries) else None
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError):
        return None  # nothing that can be read, by us or by anybody else


def holds_canary(text: str, canaries: list[str]) -> bool:
    return CanaryWatch(canaries).sees(text.encode(errors="surrogatepass"))


def made_fit(context: Context, run_id: int, token: str, report: Report) -> tuple[Report, str | None]:
    """The report without what its participant may not read, and where it held a canary.

    Called before the transaction that stores it: names of a large data set take seconds to read the first time.
    """
    with context.database.read() as session:
        run = session.scalar(queries.run_by_token(run_id, token))
        if run is None:
            return report, None  # storing it will say so
        return _with_fit_sentence(context, run, report), _where_in_report(context, run, report)


def _with_fit_sentence(context: Context, run: Run, report: Report) -> Report:
    """The scoring program's sentence may echo the predictions, and a container may have copied test data there."""
    phase, said = run.submission.phase, report.public_detail
    if report.failure == FailureKind.PREDICTIONS_INVALID:
        fit = shown_sentence(said, secrets_of(run.task, phase, context.storage), is_hidden=phase.hidden)
    else:
        fit = redact(said, Secrets(canaries=tuple(run.task.canaries)))
    if fit == said:
        return report
    private = f"In its own words: {said}\n\n{report.private_detail}".strip()
    return report.model_copy(update={"public_detail": fit, "private_detail": private})


def _where_in_report(context: Context, run: Run, report: Report) -> str | None:
    """Of what a participant's program could have made: a scoring program that failed may say what it likes."""
    canaries = run.task.canaries
    if not canaries:
        return None
    html = report.scores.detailed_html if report.scores else None
    is_own_error = report.failure is not None and report.failure.fault == Fault.PARTICIPANT
    is_invalid = report.failure == FailureKind.PREDICTIONS_INVALID
    texts = {
        "the message to its participant": report.public_detail,
        "its error text": report.private_detail if is_own_error and not is_invalid else "",
        "the detailed results, which participants read": html if reports_are_open(run.submission.phase) else "",
    }
    for where, text in texts.items():
        if text and holds_canary(text, canaries):
            return where
    is_uploaded = run.submission.kind == SubmissionKind.RESULTS
    found = where_in_zip(context.storage.path(run.submission.package_sha256), canaries) if is_uploaded else None
    return "the predictions that were handed in" if found else None


def _end_of_log(session: Session, run: Run, chunk: LogChunk) -> str:
    """What stands before the chunk: a canary may be torn in two, or into many small writes."""
    before = session.scalars(
        select(RunLog.text)
        .where(
            RunLog.run_id == run.id,
            RunLog.attempt == run.attempt,
            RunLog.stage == chunk.stage.value,
            RunLog.position < chunk.position,
            RunLog.position >= chunk.position - LOOK_BACK_CHARACTERS - LARGEST_CHUNK_CHARACTERS,
        )
        .order_by(RunLog.position)
    )
    return "".join(before)[-LOOK_BACK_CHARACTERS:]


def _content_holds(opened: zipfile.ZipFile, canaries: list[str]) -> bool:
    left = LOOKED_AT_BYTES
    for info in opened.infolist():
        watch = CanaryWatch(canaries)
        with opened.open(info) as file:
            while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                if watch.sees(piece):
                    return True
    return False
