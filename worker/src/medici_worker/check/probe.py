"""The probe: a submission that tries to get out, run on an engine by the same code as every other."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from medici_worker.check import escapes
from medici_worker.containers.engine import Engine, EngineError
from medici_worker.containers.profile import has_own_kernel
from medici_worker.local import Event, Kept, LocalTask, try_submission
from medici_worker.protocol import FailureKind, Limits, Report, SubmissionKind
from medici_worker.worksite import DEFAULT_HOLDER_IMAGE

MIB = 1024**2
LIMITS = Limits(
    time_s=120,
    memory_bytes=128 * MIB,
    cpus=1,
    pids=64,
    output_bytes=8 * MIB,
    output_files=50,
    shm_bytes=4 * MIB,
    tmp_bytes=4 * MIB,
)
"""Small, so that reaching them costs the machine nothing."""
SHORT_S = 3
SOURCES = Path(escapes.__file__).parent
PROGRAM = ("python", "-B", "-m", "escapes")
"""How it is started in its image."""
IMAGE = """
RUN mkdir /probe && cp /bin/cat /probe/cat && chmod 4755 /probe/cat && \\
    echo secret > /probe/roots-alone && chmod 600 /probe/roots-alone
ENV NVIDIA_VISIBLE_DEVICES=all
COPY escapes /probe/escapes
ENV PYTHONPATH=/probe
"""
"""With what an image may bring along: a program that runs as root, and a wish for all GPUs."""
SCORER = {
    "metadata": "command: python $program/score.py\n",
    "score.py": "open('/app/output/scores.txt', 'w').write('probed: 1\\n')\n",
}
TIMED_OUT, OUT_OF_MEMORY = FailureKind.TIME_LIMIT, FailureKind.MEMORY_LIMIT
ENDINGS = {
    "a memory bomb": OUT_OF_MEMORY,
    "a memory bomb in children": OUT_OF_MEMORY,
    "ignore SIGTERM": TIMED_OUT,
    "stop its own parents": TIMED_OUT,
}
"""What would not end by itself, and how it ends."""
OnTried = Callable[["Tried"], None]


class Tried(NamedTuple):
    name: str
    stopped: bool
    detail: str


@dataclass(frozen=True)
class Probe:
    """`runtime` as in MEDICI_WORKER_RUNTIME; `base`: an image with Python, which also holds the volumes."""

    engine: Engine
    runtime: str | None = None
    base: str = DEFAULT_HOLDER_IMAGE

    def attempts(self) -> Iterator[Tried]:
        """Every attempt, the quiet ones in one run. Raises `EngineError` when the machine can't run the probe."""
        yield from self.quiet()
        for name, expected in ENDINGS.items():
            report, _ = self.run([name], LIMITS.model_copy(update={"time_s": SHORT_S} if expected is TIMED_OUT else {}))
            yield Tried(name, report.failure is expected, report.public_detail or str(report.failure))

    def quiet(self) -> list[Tried]:
        report, found = self.run(self.names, LIMITS)
        if report.failure is not None or set(found) != set(self.names):
            reason = report.private_detail or report.public_detail
            raise EngineError(f"The probe could not be run to its end: {report.failure or len(found)}. {reason}")
        return [Tried(name, *found[name]) for name in self.names]

    @property
    def names(self) -> list[str]:
        """Of the quiet attempts that mean something with this runtime."""
        meaningless = escapes.OF_ITS_KERNEL if has_own_kernel(self.runtime) else frozenset()
        return [name for name in escapes.ATTEMPTS if name not in meaningless]

    def run(self, names: list[str], limits: Limits) -> tuple[Report, dict[str, tuple[bool, str]]]:
        """One run of the probe with these attempts, or one ending, and what it found."""
        with tempfile.TemporaryDirectory(prefix="medici-probe-") as name:
            folder = Path(name)
            submission = _zip(folder / "probe.zip", files(self.base, names))
            task = LocalTask(
                _zip(folder / "truth.zip", {"truth.txt": "the answers"}),
                _zip(folder / "scorer.zip", SCORER),
                _zip(folder / "input.zip", {"case.txt": "a case"}),
                limits,
                LIMITS,
                program_image=self.base,
                name="probe",
            )
            report = try_submission(
                submission,
                SubmissionKind.CONTAINER,
                task,
                engine=self.engine,
                on_event=_ignore,
                kept=Kept(outputs=folder / "outputs.zip"),
                holder_image=self.base,
                runtime=self.runtime,
            )
            return report, _found(folder / "outputs.zip")


def files(base: str, names: list[str]) -> dict[str, str]:
    """The probe as a submission: its Dockerfile, and its program, which is told what to attempt."""
    command = json.dumps([*PROGRAM, "/mnt/out/found.json", json.dumps(names)])
    return {
        "Dockerfile": f"FROM {base}\n{IMAGE.lstrip()}CMD {command}\n",
        **{f"escapes/{path.name}": path.read_text() for path in sorted(SOURCES.glob("*.py"))},
    }


def _zip(path: Path, contents: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in contents.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without a time: the same probe is built once
    return path


def _found(outputs: Path) -> dict[str, tuple[bool, str]]:
    if not outputs.exists():
        return {}
    with zipfile.ZipFile(outputs) as archive:
        return {
            name: (bool(stopped), str(said)) for name, (stopped, said) in json.loads(archive.read("found.json")).items()
        }


def _ignore(_: Event) -> None:
    """Nobody reads the probe's log."""
