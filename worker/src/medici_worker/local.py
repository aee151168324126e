"""A run without a platform: the same story as the worker's, told to a callback. `medici try` uses it."""

import hashlib
import shutil
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medici_worker.containers.archives import FIXED_TIME
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import Engine
from medici_worker.janitor import images_over, remove_overdue
from medici_worker.protocol import (
    BuildPolicy,
    FileRef,
    FileRole,
    Limits,
    LogChunk,
    Report,
    RunSpec,
    ScoringGrant,
    Stage,
    SubmissionKind,
)
from medici_worker.run import execute
from medici_worker.settings import WorkerSettings, default_lock_folder
from medici_worker.worksite import DEFAULT_HOLDER_IMAGE, open_worksite

NOT_PACKED = frozenset({"__MACOSX", ".DS_Store", ".git", "__pycache__"})
EXECUTABLE = 0o111
IMAGE_OWNER = "try"
KEPT_IMAGES = 4


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is "stage", "log" or "report"; `text` is the stage's log, "" for a stage."""

    kind: Literal["stage", "log", "report"]
    stage: Stage | None = None
    text: str = ""
    report: Report | None = None


OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class LocalTask:
    """One task of a challenge on this machine. Every path is a folder or a zip."""

    reference_data: Path
    scoring_program: Path
    input_data: Path | None = None
    limits: Limits = field(default_factory=Limits)
    scoring_limits: Limits = field(default_factory=Limits)
    build: BuildPolicy = field(default_factory=BuildPolicy)
    ingestion_program: Path | None = None
    ingestion_only_during_scoring: bool = False
    program_image: str = "medici/codalab:latest"
    output_patterns: tuple[str, ...] = ("*",)
    name: str = "local"
    """The task's, which its containers find in MEDICI_TASK."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Files to write of what a run leaves behind; None: it goes with the run."""

    outputs: Path | None = None
    """The run's outputs, as a zip."""
    cases: Path | None = None
    """The scoring program's results of single cases, if it writes any."""


class LocalRunHost:
    """`RunHost` on zips of this machine. `kept` says where what the run leaves behind goes."""

    def __init__(
        self, archives: Mapping[str, Path], grant: ScoringGrant, on_event: OnEvent, kept: Kept | None = None
    ) -> None:
        self._archives = archives
        self._grant = grant
        self._on_event = on_event
        self._kept = kept or Kept()

    def fetch(self, file: FileRef, destination: Path) -> None:
        shutil.copyfile(self._archives[file.sha256], destination)

    def enter(self, stage: Stage) -> ScoringGrant | None:
        self._on_event(Event("stage", stage))
        return self._grant if stage is Stage.SCORING else None

    def send_log(self, chunk: LogChunk) -> None:
        self._on_event(Event("log", chunk.stage, chunk.text))

    def save_outputs(self, archive: Path, sha256: str) -> None:  # noqa: ARG002 - nobody else reads it
        if self._kept.outputs is not None:
            shutil.copyfile(archive, self._kept.outputs)

    def save_cases(self, table: Path, sha256: str) -> None:  # noqa: ARG002 - nobody else reads it
        if self._kept.cases is not None:
            shutil.copyfile(table, self._kept.cases)

    def heartbeat(self) -> None:
        """Nobody waits for it."""

    def report(self, report: Report) -> None:
        self._on_event(Event("report", report=report))

    def release(self) -> None:
        """There is no queue to go back to."""


def try_submission(  # noqa: PLR0913 - keyword-only options of one command
    submission: Path,
    kind: SubmissionKind,
    task: LocalTask,
    *,
    engine: Engine,
    on_event: OnEvent,
    image_reference: str | None = None,
    kept: Kept | None = None,
    gpus: tuple[str, ...] = (),
    holder_image: str = DEFAULT_HOLDER_IMAGE,
    runtime: str | None = None,
) -> Report:
    """Build, run and score a submission (a zip or a folder) on an engine, by the same code as a worker's.

    Of an image submission `submission` is the archive of `docker save`, or a text file beside its `image_reference`.
    Leaves nothing at the engine but the last few images and the datasets' volumes, which the next try uses again.
    """
    with tempfile.TemporaryDirectory(prefix="medici-try-") as folder:
        packed = _Packed(Path(folder))
        spec = _spec(packed, submission, kind, task, image_reference)
        host = LocalRunHost(packed.archives, _grant(packed, task), on_event, kept)
        worker = f"try-{uuid.uuid4().hex[:8]}"
        site = open_worksite(
            engine,
            Path(folder),
            worker=worker,
            lock_folder=default_lock_folder(),
            image_owner=IMAGE_OWNER,
            holder_image=holder_image,
            runtime=runtime,
            prewarm=False,
            indexes=WorkerSettings().indexes if task.build.index else None,  # whoever tries is the operator here
        )
        try:
            on_event(Event("stage", Stage.PREPARING))
            return execute(spec, host, site, gpus=gpus)
        finally:
            site.close()
            site.datasets.remove(spec.submission.sha256)
            remove_overdue(engine, now=time.time())
            for reference in images_over(engine, IMAGE_OWNER, KEPT_IMAGES):
                engine.remove_image(reference)


class _Packed:
    """Folders and zips of this machine, as archives named by their sha256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.archives: dict[str, Path] = {}

    def ref(self, role: FileRole, path: Path) -> FileRef:
        archive = pack(path, self._folder / f"{role}.zip") if path.is_dir() else path
        with archive.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.archives[sha256] = archive
        return FileRef(role=role, sha256=sha256, size_bytes=archive.stat().st_size, name=path.name)


def pack(folder: Path, archive: Path) -> Path:
    """A folder's regular files as a zip: the same files give the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in _files(folder):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), FIXED_TIME)
            executable = path.stat().st_mode & EXECUTABLE
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, packed.open(info, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
    return archive


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and not NOT_PACKED.intersection(parts):
            yield path


def _spec(
    packed: _Packed, submission: Path, kind: SubmissionKind, task: LocalTask, image_reference: str | None
) -> RunSpec:
    data, ingestion = task.input_data, task.ingestion_program
    return RunSpec(
        run_id=0,
        attempt=1,
        challenge="local",
        phase="local",
        task=task.name,
        kind=kind,
        submission=packed.ref(FileRole.SUBMISSION, submission),
        input_data=packed.ref(FileRole.INPUT_DATA, data) if data is not None else None,
        image_reference=image_reference,
        ingestion_program=packed.ref(FileRole.INGESTION_PROGRAM, ingestion) if ingestion is not None else None,
        ingestion_only_during_scoring=task.ingestion_only_during_scoring,
        build=task.build,
        limits=task.limits,
        scoring_limits=task.scoring_limits,
        program_image=task.program_image,
        output_patterns=task.output_patterns,
    )


def _grant(packed: _Packed, task: LocalTask) -> ScoringGrant:
    return ScoringGrant(
        scoring_program=packed.ref(FileRole.SCORING_PROGRAM, task.scoring_program),
        reference_data=packed.ref(FileRole.REFERENCE_DATA, task.reference_data),
    )


@contextmanager
def local_engine(base_url: str | None = None) -> Iterator[Engine]:
    """The engine of this machine (or of `base_url`), closed afterwards."""
    engine = DockerEngine(base_url)
    try:
        yield engine
    finally:
        engine.close()
