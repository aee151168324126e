"""One run, from its claim to its report: fetch, build, infer, score.

`execute` is the story. The platform (`client.HttpRunHost`) and `medici try` (`local.LocalRunHost`) both tell it.
"""

import contextlib
import shutil
from collections.abc import Iterator

import structlog

from medici_worker.attempt import Attempt, heartbeats
from medici_worker.code import infer_code, prepare_code
from medici_worker.containers.archives import ArchiveUnusable
from medici_worker.containers.bench import BenchSize
from medici_worker.containers.engine import EngineError, ImageBroken, ImageUnavailable
from medici_worker.host import HandedBack, HostRefuses, HostUnreachable, LeaseLost, RunHost
from medici_worker.inference import infer, prepare
from medici_worker.logs import LogSender
from medici_worker.machine import applied, machine_of
from medici_worker.outcome import RunFailure
from medici_worker.predictions import rescored, results
from medici_worker.progress import Progress, scratch_folder
from medici_worker.protocol import FailureKind, Fault, Report, RunSpec, ScoreFiles, SubmissionKind
from medici_worker.scoring import score
from medici_worker.worksite import Worksite

HEARTBEAT_S = 10.0
AROUND_S = 2 * 3600.0
"""What a run may take beside its limits: files on their way, images that are fetched."""
PUBLIC_CHARACTERS = 4_000
PRIVATE_CHARACTERS = 20_000

_ENDS = (LeaseLost, HandedBack)
_PASSING = (EngineError, HostUnreachable, OSError)
"""An engine or a platform that is away, a full disk: another attempt, perhaps on another machine, may be spared it."""
_LASTING = (HostRefuses, ImageUnavailable, ImageBroken)
_log = structlog.get_logger("medici.worker.run")


def execute(
    spec: RunSpec,
    host: RunHost,
    site: Worksite,
    *,
    gpus: tuple[str, ...] = (),
    heartbeat_s: float = HEARTBEAT_S,
    attempt: Attempt | None = None,
) -> Report:
    """Run to the end and report it; returns what was reported.

    `gpus` are ids that the caller has leased. `attempt.end` stops the run from another thread. Raises `LeaseLost`
    (nothing was reported), `HandedBack` (the run was released), `HostUnreachable` (the report could not be delivered).
    """
    attempt = attempt or Attempt()
    try:
        with heartbeats(host, attempt, heartbeat_s):
            report = _told(spec, host, site, attempt, gpus)
            attempt.go_on()
            host.report(report)
            return report
    except HandedBack:
        with contextlib.suppress(LeaseLost, HostUnreachable):
            host.release()
        raise


def _told(spec: RunSpec, host: RunHost, site: Worksite, attempt: Attempt, gpus: tuple[str, ...]) -> Report:
    """The run's report; everything that went wrong is in it, but for the end of the attempt itself."""
    try:
        with _progress(spec, host, site, attempt, gpus) as run:
            try:
                scores = _scored(run)
                return _report(run, scores=scores)
            except RunFailure as failure:
                return _report(run, failure=_blamed(run, failure))
            except _ENDS:
                raise
            except Exception as error:  # noqa: BLE001 - a bug of ours must not leave a run without an end
                return _report(run, failure=_broken(spec, attempt, error))
    except _ENDS:
        raise
    except Exception as error:  # noqa: BLE001 - see above; there is not even a bench
        broken = _broken(spec, attempt, error)
        detail = broken.private_detail[:PRIVATE_CHARACTERS]
        machine = machine_of(site, gpus)
        return Report(failure=broken.kind, may_pass=broken.may_pass, private_detail=detail, machine=machine)


def _blamed(run: Progress, failure: RunFailure) -> RunFailure:
    """Nobody's program failed when the engine lost the bench beneath it: what lay there in memory is gone."""
    if failure.kind.fault is Fault.SYSTEM:
        return failure
    try:
        is_held = run.bench.holder.holds()
    except EngineError as error:
        return _broken(run.spec, run.attempt, error)
    lost = EngineError(f"The container engine lost the run's volumes. What was seen of it: {failure}")
    return failure if is_held else _broken(run.spec, run.attempt, lost)


def _broken(spec: RunSpec, attempt: Attempt, error: Exception) -> RunFailure:
    """The system's fault. Raises the attempt's end when that is what broke the run."""
    attempt.go_on()
    foreseen = isinstance(error, (EngineError, HostUnreachable, ArchiveUnusable))
    may_pass = isinstance(error, _PASSING) and not isinstance(error, _LASTING)
    _log.error(
        "run_broken", run_id=spec.run_id, error=str(error), may_pass=may_pass, exc_info=None if foreseen else error
    )
    detail = str(error) if foreseen or isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    return RunFailure(FailureKind.SYSTEM_ERROR, private_detail=detail, may_pass=may_pass)


def _scored(run: Progress) -> ScoreFiles:
    predictions = _predictions(run)
    run.attempt.go_on()
    return score(run, predictions)


def _predictions(run: Progress) -> str:
    """The volume that holds what is scored: kept from an earlier attempt, uploaded as it is, or made now."""
    spec = run.spec
    if spec.outputs is not None:
        return rescored(run, spec.outputs)
    if spec.kind is SubmissionKind.RESULTS:
        return results(run, spec.submission)
    if spec.kind is SubmissionKind.CODE:
        code = prepare_code(run)
        return infer_code(run, code) if code.runs else results(run, spec.submission)
    return infer(run, prepare(run))


@contextlib.contextmanager
def _progress(
    spec: RunSpec, host: RunHost, site: Worksite, attempt: Attempt, gpus: tuple[str, ...]
) -> Iterator[Progress]:
    """Everything that a run holds while it runs, given back however it ends."""
    folder = scratch_folder(site, spec)
    logs = LogSender(host, attempt)
    for_s = spec.build.time_s + spec.limits.time_s + spec.scoring_limits.time_s + AROUND_S
    bench = site.benches.take(BenchSize.of(spec.limits, spec.scoring_limits), for_s=for_s)
    run = Progress(spec, host, site, attempt, logs, bench, folder, gpus)
    try:
        yield run
    finally:
        logs.close()
        site.benches.give_back(bench)
        site.uses.let_go(run.held_images)
        shutil.rmtree(folder, ignore_errors=True)


def _report(run: Progress, *, scores: ScoreFiles | None = None, failure: RunFailure | None = None) -> Report:
    private = failure.private_detail if failure else "\n".join(run.remarks)
    code = failure.exit_code if failure is not None and failure.exit_code is not None else run.exit_code
    return Report(
        failure=failure.kind if failure else None,
        may_pass=failure is not None and failure.may_pass,
        public_detail=_clean(failure.public_detail)[:PUBLIC_CHARACTERS] if failure else "",
        private_detail=_clean(private)[-PRIVATE_CHARACTERS:],
        exit_code=code,
        scores=scores,
        image_digest=run.image_digest,
        scoring_image_digest=run.scoring_image_digest,
        base_images=run.base_images,
        build_index=run.build_index,
        images=run.images,
        limits=applied(run.spec.limits, run.site),
        scoring_limits=applied(run.spec.scoring_limits, run.site),
        machine=machine_of(run.site, run.gpus),
        stage_seconds=run.stage_seconds,
    )


def _clean(text: str) -> str:
    """As no text travels: a NUL, and half of a pair of surrogates."""
    return text.encode(errors="replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
