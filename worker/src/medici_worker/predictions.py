"""What a run's prediction step leaves: judged, kept, and handed on to the scoring program."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from medici_worker.containers.archives import ArchiveUnusable, open_zip, tar_end, tar_file, tar_of_zip
from medici_worker.containers.bench import OUTPUTS, PREDICTIONS
from medici_worker.containers.engine import EngineError
from medici_worker.containers.outputs import Outputs, OutputTooLarge, collect
from medici_worker.containers.profile import OUTPUT_SLACK_BYTES
from medici_worker.host import HostFindsTooLarge
from medici_worker.outcome import RunFailure
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import FailureKind, FileRef, Limits, Stage

MIB = 1024**2
NEARLY_BYTES = 64 * 1024
"""A place for outputs with less room than this counts as full: many small files fill it by pages, not by bytes."""
EXIT_CODES = {
    126: "Its command can't be executed.",
    127: "Its command was not found.",
    139: "It ended with a segmentation fault.",
}
"""What participants are told. Any other number is the organizers' alone: a container could speak through it."""
NOTE = "metadata"
"""CodaLab's name for the file beside the predictions that says how the prediction step ended."""


def keep(run: Progress, ended: Ended) -> str:
    """Judge the step's end, save its outputs, hand them on; returns the volume that holds them. Raises `RunFailure`."""
    run.exit_code = ended.exit.code
    note = _note(ended.exit.code, ended.elapsed_s)
    outputs = _taken(run, run.spec.limits, ended, note)
    with ThreadPoolExecutor(1, thread_name_prefix="hand on") as meanwhile:  # the engine's work, while they are sent
        volume = meanwhile.submit(handed_on, run, outputs, note)
        try:
            run.host.save_outputs(outputs.archive, outputs.sha256)
        except HostFindsTooLarge as error:  # never the system's fault: a container could choose it, and pay no quota
            raise _over_output(run.spec.limits, ended.exit.code, str(error)) from error
    return volume.result()


def results(run: Progress, file: FileRef) -> str:
    """A zip of predictions is what a container would have written. Returns the volume that holds it."""
    with run.stage(Stage.PREPARING, run.spec.limits.log_bytes):
        archive = run.fetch(file)
        with rejected():
            _put(run, archive, _note(0, 0.0))
    return run.bench.predictions


def require_fits(archive: Path, limits: Limits) -> None:
    """Before anything is unpacked, where the disk is all the room there is. Raises `RunFailure`."""
    with open_zip(archive) as opened:
        entries = opened.infolist()
    size_bytes = sum(entry.file_size for entry in entries)
    if size_bytes > limits.output_bytes or len(entries) > limits.output_files:
        raise RunFailure(
            FailureKind.OUTPUT_LIMIT,
            f"The archive holds {-(-size_bytes // MIB)} MiB in {len(entries)} files and folders; the limit is "
            f"{limits.output_bytes // MIB} MiB and {limits.output_files} files.",
        )


def rescored(run: Progress, outputs: FileRef) -> str:
    """The outputs that an earlier attempt has saved, with what was noted of its end."""
    with run.stage(Stage.PREPARING, run.spec.limits.log_bytes):
        archive = run.fetch(outputs)
        with open_zip(archive) as opened:
            note = opened.comment
        _put(run, archive, note or _note(0, 0.0))
    return run.bench.predictions


def handed_on(run: Progress, outputs: Outputs, note: bytes) -> str:
    """The outputs' own volume when nothing in it has to be kept back; else a copy of what may be seen."""
    if outputs.as_they_are and _noted_in_place(run, outputs, note):
        return run.bench.outputs
    _put(run, outputs.archive, note)
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


def run_failed(code: int, log_tail: str) -> RunFailure:
    return RunFailure(FailureKind.RUN_FAILED, EXIT_CODES.get(code, ""), private_detail=log_tail, exit_code=code)


@contextlib.contextmanager
def rejected() -> Iterator[None]:
    """An archive that can't be used is its participant's to mend."""
    try:
        yield
    except ArchiveUnusable as error:
        raise RunFailure(FailureKind.ARCHIVE_REJECTED, str(error)) from error


def _note(code: int, elapsed_s: float) -> bytes:
    return f"exitCode: {code}\nelapsedTime: {elapsed_s:.3f}\n".encode()


def _put(run: Progress, archive: Path, note: bytes) -> None:
    """The note goes first: a file of that name among the predictions themselves takes its place."""
    require_fits(archive, run.spec.limits)
    run.bench.holder.put(PREDICTIONS, run.attempt.stop.passing(chain(tar_file(NOTE, note), tar_of_zip(archive))))


def _noted_in_place(run: Progress, outputs: Outputs, note: bytes) -> bool:
    """One small file into the outputs' own volume, which is copied only where that is too full to take it."""
    with open_zip(outputs.archive) as opened:
        if any(name.partition("/")[0] == NOTE for name in opened.namelist()):
            return True
    try:
        run.bench.holder.put(OUTPUTS, chain(tar_file(NOTE, note), [tar_end()]))
    except EngineError:
        return False
    return True


def _taken(run: Progress, limits: Limits, ended: Ended, note: bytes) -> Outputs:
    """The outputs of a step that ended well. What it wrote before it failed is never scored."""
    code = ended.exit.code
    tail = run.logs.tail(Stage.RUNNING)
    failure = verdict(ended, limits)
    if failure is not None:
        raise failure
    outputs = _collected(run, limits, code, note)
    if code != 0 and outputs.used_bytes >= limits.output_bytes + OUTPUT_SLACK_BYTES - NEARLY_BYTES:
        raise _over_output(limits, code, "the place for outputs was full when the container failed")
    if code != 0:
        raise run_failed(code, tail)
    if not outputs.files:
        skipped = outputs.describe_skipped()
        detail = "It wrote files, but none that this phase takes as an output." if skipped else ""
        raise RunFailure(FailureKind.OUTPUT_MISSING, detail, private_detail=skipped or tail, exit_code=code)
    return outputs


def _collected(run: Progress, limits: Limits, code: int, note: bytes) -> Outputs:
    try:
        return collect(
            run.bench.holder.get(OUTPUTS),
            run.folder / "outputs.zip",
            limits=limits,
            patterns=run.spec.output_patterns,
            comment=note,
            stop=run.attempt.stop,
        )
    except OutputTooLarge as error:
        raise _over_output(limits, code, str(error)) from error


def _over_output(limits: Limits, code: int, private: str) -> RunFailure:
    detail = f"The limit is {limits.output_bytes // MIB} MiB and {limits.output_files} files."
    return RunFailure(FailureKind.OUTPUT_LIMIT, detail, private_detail=private, exit_code=code)
