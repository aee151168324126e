"""Zips, specs and a recording host for the worker's tests."""

import hashlib
import shutil
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from medici_worker.host import LeaseLost
from medici_worker.protocol import FileRef, FileRole, LogChunk, Report, RunSpec, ScoringGrant, Stage, SubmissionKind

IMAGE = "medici/python:latest"
SCORER = (
    "import os, shutil\nprint('secret answer')\nshutil.copy('/app/input/ref/truth.txt', '/app/output/scores.txt')\n"
)


def make_zip(path: Path, files: dict[str, bytes | str]) -> Path:
    """The same files give the same bytes, whenever they are written."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return path


@dataclass
class Archives:
    """Zips in a folder, found again by sha256."""

    folder: Path
    by_sha256: dict[str, Path] = field(default_factory=dict)

    def ref(self, role: FileRole, files: dict[str, bytes | str]) -> FileRef:
        path = make_zip(self.folder / f"{role}-{len(self.by_sha256)}.zip", files)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.by_sha256[sha256] = path
        return FileRef(role=role, sha256=sha256, size_bytes=path.stat().st_size)


class RecordingHost:
    """A `RunHost` that remembers all it is told. `lost` makes every later heartbeat answer that the lease is lost."""

    def __init__(self, archives: Archives, grant: ScoringGrant) -> None:
        self._archives = archives
        self.grant = grant
        self.stages: list[Stage] = []
        self.fetched: list[FileRole] = []
        self.logs: dict[Stage, str] = {}
        self.outputs: dict[str, bytes] | None = None
        self.cases: bytes | None = None
        self._kept: FileRef | None = None
        self.reports: list[Report] = []
        self.released = 0
        self.lost = threading.Event()

    def fetch(self, file: FileRef, destination: Path) -> None:
        self.fetched.append(file.role)
        shutil.copyfile(self._archives.by_sha256[file.sha256], destination)

    def enter(self, stage: Stage) -> ScoringGrant | None:
        self.stages.append(stage)
        return self.grant if stage is Stage.SCORING else None

    def send_log(self, chunk: LogChunk) -> None:
        before = self.logs.get(chunk.stage, "")
        assert chunk.position == len(before)
        self.logs[chunk.stage] = before + chunk.text

    def save_outputs(self, archive: Path, sha256: str) -> None:
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == sha256
        kept = self._archives.folder / f"kept-{sha256}.zip"
        shutil.copyfile(archive, kept)
        self._archives.by_sha256[sha256] = kept
        self._kept = FileRef(role=FileRole.OUTPUTS, sha256=sha256, size_bytes=kept.stat().st_size)
        with zipfile.ZipFile(archive) as opened:
            self.outputs = {name: opened.read(name) for name in opened.namelist()}

    def save_cases(self, table: Path, sha256: str) -> None:
        self.cases = table.read_bytes()
        assert hashlib.sha256(self.cases).hexdigest() == sha256

    def kept_outputs(self) -> FileRef:
        """What was saved, for a rescore."""
        assert self._kept is not None
        return self._kept

    def heartbeat(self) -> None:
        if self.lost.is_set():
            raise LeaseLost("The attempt is over.")

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def release(self) -> None:
        self.released += 1


class RunMaker:
    """Specs and hosts for runs that differ in what they do."""

    def __init__(self, folder: Path, *, runs_before: int = 0) -> None:
        self.archives = Archives(folder)
        self._runs = runs_before

    def container(self, dockerfile: str, files: dict[str, bytes | str] | None = None, **spec: object) -> RunSpec:
        submission = self.archives.ref(FileRole.SUBMISSION, {"Dockerfile": dockerfile, **(files or {})})
        return self._spec(SubmissionKind.CONTAINER, submission, **spec)

    def results(self, files: dict[str, bytes | str], **spec: object) -> RunSpec:
        return self._spec(SubmissionKind.RESULTS, self.archives.ref(FileRole.SUBMISSION, files), **spec)

    def code(
        self, files: dict[str, bytes | str], ingestion: dict[str, bytes | str] | None = None, **spec: object
    ) -> RunSpec:
        """`ingestion`: the files of the task's ingestion program."""
        if ingestion is not None:
            spec = {"ingestion_program": self.archives.ref(FileRole.INGESTION_PROGRAM, ingestion), **spec}
        return self._spec(SubmissionKind.CODE, self.archives.ref(FileRole.SUBMISSION, files), **spec)

    def host(self, program: dict[str, bytes | str], reference: dict[str, bytes | str] | None = None) -> RecordingHost:
        grant = ScoringGrant(
            scoring_program=self.archives.ref(FileRole.SCORING_PROGRAM, program),
            reference_data=self.archives.ref(FileRole.REFERENCE_DATA, reference or {"truth.txt": "f1: 0.5\n"}),
        )
        return RecordingHost(self.archives, grant)

    def _spec(self, kind: SubmissionKind, submission: FileRef, **spec: object) -> RunSpec:
        self._runs += 1
        data = self.archives.ref(FileRole.INPUT_DATA, {"x.csv": "file,class\n"})
        values = {"challenge": "c", "phase": "p", "task": "t", "input_data": data, "attempt": 1}
        values |= {"program_image": IMAGE, **spec}
        return RunSpec(run_id=self._runs, kind=kind, submission=submission, **values)


def python_submission(code: str, *, base: str = IMAGE) -> tuple[str, dict[str, bytes | str]]:
    """Dockerfile and files of a submission that runs `code`."""
    return f'FROM {base}\nCOPY main.py /main.py\nCMD ["python", "/main.py"]\n', {"main.py": code}


def python_program(code: str = SCORER) -> dict[str, bytes | str]:
    """A scoring program without an image of its own."""
    return {"metadata": "command: python $program/score.py $input $output\n", "score.py": code}
