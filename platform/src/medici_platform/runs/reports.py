"""What a worker reports, turned into states and numbers."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from medici_platform.challenges.queries import leaderboards, score_filter
from medici_platform.context import Context
from medici_platform.errors import Gone
from medici_platform.runs import queries, service
from medici_platform.runs.computing import compute, is_computed, plan
from medici_platform.runs.models import Run, RunAttempt, RunLog
from medici_platform.runs.redaction import CanaryWatch
from medici_platform.runs.rules import STAGE_STATES
from medici_platform.states import State
from medici_scoring.scores import Scores, ScoresUnreadable, parse_scores
from medici_worker.protocol import FailureKind, LogChunk, Report, ScoreFiles, Stage

MAX_DETAILED_HTML = 2 * 1024**2
_SUPERSEDED = ("lease_lost", "released", "cancelled", service.WORKER_FAILED)


def enter_stage(session: Session, context: Context, run: Run, stage: Stage) -> None:
    state = STAGE_STATES[stage]
    if run.state != state:
        service.move(run, state)
        service.follow(session, context, run)
    run.met_data |= stage != Stage.PREPARING
    service.renew_lease(context, run)


def store_log(session: Session, context: Context, run: Run, chunk: LogChunk) -> None:
    """A chunk that is there already, wholly or in part, changes nothing."""
    if not chunk.text or chunk.position < queries.log_end(session, run, chunk.stage):
        return
    text = chunk.text.replace("\x00", "\ufffd")  # PostgreSQL stores no NUL
    session.add(
        RunLog(
            run_id=run.id,
            attempt=run.attempt,
            stage=chunk.stage.value,
            position=chunk.position,
            text=text,
            written_at=context.now(),
        )
    )


def store_report(session: Session, context: Context, run_id: int, token: str, report: Report) -> Run:
    """End the run as its worker says. The same report again is a no-op; one of a superseded attempt is refused."""
    run = session.scalar(queries.run_by_token(run_id, token).with_for_update(of=Run))
    if run is None:
        raise Gone("This attempt is over: the run was given to another worker.")
    attempt = queries.attempt_row(session, run)
    if attempt.outcome is not None:
        _require_own_end(attempt)
        return run
    if report.failure == FailureKind.SYSTEM_ERROR and report.may_pass and run.attempts_left > 0:
        service.try_again(session, context, run, private=report.private_detail)
        return run
    _copy_facts(run, report)
    if report.failure is not None:
        attempt.outcome = report.failure.value
        service.fail(
            session,
            context,
            run,
            report.failure,
            public=report.public_detail,
            private=report.private_detail,
            report=report,
        )
    else:
        _score(session, context, run, attempt, report)
    attempt.ended_at = context.now()
    service.pin_images(session, run, report.images)
    return run


def _require_own_end(attempt: RunAttempt) -> None:
    if attempt.outcome in _SUPERSEDED:
        raise Gone("This attempt is over: the run was cancelled or given to another worker.")


def _copy_facts(run: Run, report: Report) -> None:
    run.exit_code = report.exit_code
    run.image_digest = report.image_digest
    run.scoring_image_digest = report.scoring_image_digest
    run.stage_seconds = {stage.value: seconds for stage, seconds in report.stage_seconds.items()}
    html = report.scores.detailed_html if report.scores else None
    run.detailed_html = html.replace("\x00", "")[:MAX_DETAILED_HTML] if html else None


def _score(session: Session, context: Context, run: Run, attempt: RunAttempt, report: Report) -> None:
    scores, why = _read_scores(session, run, report)
    if not scores.values:
        attempt.outcome = FailureKind.SCORING_FAILED.value
        private = f"{report.private_detail}\n{why}".strip()
        service.fail(session, context, run, FailureKind.SCORING_FAILED, private=private, report=report)
        return
    attempt.outcome = State.FINISHED.value
    service.move(run, State.FINISHED)
    run.private_detail = f"{report.private_detail}\n{why}".strip()
    run.public_detail = _name_unscored(session, run, scores.unscored)
    service.finish(session, context, run, dict(scores.values), report)


def _read_scores(session: Session, run: Run, report: Report) -> tuple[Scores, str]:
    """The numbers with those computed from them, and what organizers should know of those that are none."""
    boards = leaderboards(session, run.submission.phase.challenge)
    given = [column.key for board in boards for column in board.columns if not is_computed(column)]
    files = report.scores or ScoreFiles()
    try:
        read = parse_scores(scores_json=files.scores_json, scores_txt=files.scores_txt, columns=given)
    except ScoresUnreadable as error:
        return Scores(values={}), str(error)
    if not read.values:
        return read, _remarks(read, [])
    read = _without_canaries(read, run.task.canaries)
    computed = compute([plan(board.columns) for board in boards], read.values)
    scores = Scores(computed.values, {**read.unscored, **computed.unscored}, read.ignored)
    return scores, _remarks(scores, sorted(computed.replaced))


def _without_canaries(read: Scores, canaries: list[str]) -> Scores:
    """In an open phase participants see numbers that no column has: by the names that the scoring program gave them."""
    if not canaries:
        return read
    told = [key for key in read.values if CanaryWatch(canaries).sees(key.encode())]
    values = {key: value for key, value in read.values.items() if key not in told}
    return Scores(values, read.unscored, {**read.ignored, **dict.fromkeys(told, "is not kept: a canary in its name")})


def _remarks(scores: Scores, replaced: list[str]) -> str:
    remarks = {**scores.unscored, **scores.ignored}
    remarks |= dict.fromkeys(replaced, "is computed by the board; the scoring program's own number is not used")
    return "\n".join(f"{key}: {reason}" for key, reason in remarks.items())


def _name_unscored(session: Session, run: Run, unscored: Mapping[str, str]) -> str:
    """Unscored is never zero: the columns without a number are named, but for hidden ones."""
    shown = score_filter(session, run.submission.phase.challenge, organizes=False).shown
    named = [key for key in unscored if key in shown]
    return f"Not scored: {', '.join(named)}." if named else ""
