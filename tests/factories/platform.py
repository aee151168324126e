"""A real platform for tests: its own data folder, database and port, served by uvicorn in a thread."""

import asyncio
import atexit
import hashlib
import io
import shutil
import sqlite3
import ssl
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import event

from medici_platform import migrate
from medici_platform.accounts.rules import Role
from medici_platform.accounts.service import create_user, issue_token
from medici_platform.app import create_app, make_context
from medici_platform.context import Context, utc_now
from medici_platform.database import Database
from medici_platform.dispatch import Hint
from medici_platform.observability import Metrics
from medici_platform.queues.service import enroll_worker
from medici_platform.security import hash_password
from medici_platform.settings import Settings
from medici_platform.throttle import install_throttle

PASSWORD = "correct horse battery"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. Each client that is made without it reads all certificates of the machine: 50 ms, a thousand times."""


@cache
def _password_hash() -> str:
    """Hashing is slow on purpose: once is enough."""
    return hash_password(PASSWORD)


@dataclass
class HintList:
    """The dispatcher's second life: what was sent, and no broker."""

    hints: list[Hint] = field(default_factory=list)

    def send(self, hint: Hint) -> None:
        self.hints.append(hint)


@dataclass
class TestClock:
    """Time that moves when a test says so."""

    __test__ = False
    offset: timedelta = timedelta()
    frozen_at: datetime | None = None
    """From then on it stands still in between."""

    def now(self) -> datetime:
        return (self.frozen_at or utc_now()) + self.offset

    def advance(self, **parts: float) -> None:
        self.offset += timedelta(**parts)


@dataclass
class RunningPlatform:
    url: str
    context: Context
    hints: HintList
    clock: TestClock

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=NO_TLS)

    def user(self, username: str, role: Role = Role.PARTICIPANT) -> str:
        """A user with the password PASSWORD; returns an API token."""
        with self.context.database.write() as session:
            user = create_user(session, username=username, password=None, role=role, now=self.clock.now())
            user.password_hash = _password_hash()
            return issue_token(session, user, name="test", now=self.clock.now())

    def worker(self, name: str = "w1", queue: str = "default") -> str:
        """An enrolled worker's credential."""
        with self.context.database.write() as session:
            return enroll_worker(session, name=name, queue=queue, now=self.clock.now())


class _Server(uvicorn.Server):
    """Ends when it is told to, not at its next look ten times a second: hundreds of tests wait for that."""

    accepts = False

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self.accepts = True
        await self._told.wait()

    def end(self) -> None:
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def running_platform(folder: Path, *, database_url: str = "", **settings: Any) -> Iterator[RunningPlatform]:
    hints, clock = HintList(), TestClock()
    chosen = Settings(data_dir=folder, database_url=database_url, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    _make_schema(chosen)
    context = replace(make_context(chosen, hints), now=clock.now)
    with _application(context, may_be_kept=not (database_url or settings)) as app:
        yield from _served(app, hints, clock)


def _served(app: FastAPI, hints: HintList, clock: TestClock) -> Iterator[RunningPlatform]:
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none", http="h11"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.accepts:
            assert thread.is_alive(), "the server ended before it answered"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield RunningPlatform(f"http://127.0.0.1:{port}", app.state.context, hints, clock)
    finally:
        server.end()
        thread.join()


_kept: list[FastAPI] = []


@contextmanager
def _application(context: Context, *, may_be_kept: bool) -> Iterator[FastAPI]:
    """One of the default settings is kept for the next test, which changes its folder: to make its routes and the text
    of its statements anew takes more than most tests do.
    """
    if not may_be_kept:
        yield create_app(context=context)
        return
    app = _kept.pop() if _kept else create_app(context=replace(context, database=_MovingDatabase(context)))
    database: _MovingDatabase = app.state.context.database
    database.file = context.settings.data_dir / "medici.sqlite3"
    app.state.context = replace(context, database=database)
    app.state.metrics = Metrics()
    install_throttle(app, context.settings.broker_url)
    yield app
    database.close()
    _kept.append(app)


class _MovingDatabase(Database):
    """Opens the file that it is told to."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.settings.database)
        self.file = Path()
        event.listen(self.engine, "do_connect", self._open)

    def _open(self, _dialect: object, _record: object, arguments: list[str], _named: object) -> None:
        arguments[0] = str(self.file)


def _make_schema(settings: Settings) -> None:
    """SQLite: a copy of one file that has been migrated once; anything else: by the migrations."""
    if settings.database_url:
        migrate.upgrade(settings.database)
    else:
        shutil.copy(_migrated_file(), settings.data_dir / "medici.sqlite3")


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="medici-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate.upgrade(f"sqlite:///{folder / 'schema.sqlite3'}")
    with sqlite3.connect(folder / "schema.sqlite3") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder / "schema.sqlite3"


def make_zip(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # with a time of its own: the same files are the same bytes, whenever
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


COMPETITION = """\
version: 2
title: Tiny
slug: tiny
description: A challenge as small as can be
image: logo.png
terms: terms.md
registration_auto_approve: true
enable_detailed_results: true
pages:
  - title: Overview
    file: overview.md
tasks:
  - index: 0
    name: Main
    scoring_program: scoring_program
    reference_data: reference_data
    input_data: input_data
phases:
  - index: 0
    name: Practice
    start: 2026-01-01
    end: 2026-06-01
    tasks: [0]
    hidden: false
  - index: 1
    name: Final
    start: 2026-06-01
    tasks: [0]
    max_submissions: 10
    max_submissions_per_day: 5
leaderboards:
  - title: Results
    key: main
    submission_rule: Force_Best
    columns:
      - {title: F1, key: f1, index: 0, sorting: desc, precision: 3}
      - {title: Seconds, key: seconds, index: 1, sorting: asc, precision: 1}
"""

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)

BUNDLE_FILES: dict[str, str | bytes] = {
    "competition.yaml": COMPETITION,
    "logo.png": PNG,
    "terms.md": "Be fair.",
    "overview.md": "# Welcome\n\nClassify **everything**.",
    "scoring_program/metadata": "command: python $program/score.py $input $output",
    "scoring_program/score.py": (
        "import sys, pathlib\n"
        "given = pathlib.Path(sys.argv[1], 'res', 'answer.txt').read_text()\n"
        "pathlib.Path(sys.argv[2], 'scores.txt').write_text(f'f1: {given}\\nseconds: 2')\n"
    ),
    "reference_data/truth.txt": "1",
    "input_data/case.txt": "one",
}

RESULTS_ZIP = make_zip({"answer.txt": "0.5"})
CONTAINER_ZIP = make_zip({"Dockerfile": 'FROM medici/python:latest\nCMD ["true"]\n'})


def import_bundle(
    platform: RunningPlatform, token: str, files: dict[str, str | bytes] | None = None, **params: Any
) -> httpx.Response:
    with platform.client(token) as client:
        return client.post(
            "/api/v1/challenges",
            params={"publish": True, **params},
            files={"file": ("bundle.zip", make_zip(files or BUNDLE_FILES))},
        )


def submit(platform: RunningPlatform, token: str, content: bytes = RESULTS_ZIP, *, slug: str = "tiny", **params: Any):
    with platform.client(token) as client:
        return client.post(
            f"/api/v1/challenges/{slug}/submissions", params=params, files={"file": ("submission.zip", content)}
        )


def join(platform: RunningPlatform, token: str, slug: str = "tiny") -> None:
    with platform.client(token) as client:
        client.post(f"/api/v1/challenges/{slug}/participants").raise_for_status()


class FakeWorker:
    """Speaks the worker's protocol without an engine: for tests of the platform's side."""

    def __init__(self, platform: RunningPlatform, credential: str) -> None:
        self._platform = platform
        self._credential = credential

    def hello(self, gpus: tuple[str, ...] = (), **more: Any) -> httpx.Response:
        body = {"version": "0", "hostname": "test", "slots": 1, "gpus": list(gpus), **more}
        return self._post("/hello", self._credential, body)

    def claim(self, run_id: int, free_gpus: int = 0) -> httpx.Response:
        return self._post("/claims", self._credential, {"run_id": run_id, "free_gpus": free_gpus})

    def call(self, run_id: int, token: str, what: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return self._post(f"/runs/{run_id}/{what}", token, body or {})

    def fetch(self, run_id: int, token: str, role: str) -> httpx.Response:
        with self._platform.client(token) as client:
            return client.get(f"/api/worker/v1/runs/{run_id}/files/{role}")

    def put_cases(self, run_id: int, token: str, table: bytes, sha256: str = "") -> httpx.Response:
        headers = {"X-Content-SHA256": sha256 or hashlib.sha256(table).hexdigest()}
        with self._platform.client(token) as client:
            return client.put(f"/api/worker/v1/runs/{run_id}/cases", content=table, headers=headers)

    def score(self, run_id: int, scores_txt: str, cases: bytes | None = None) -> None:
        """Claim, go through all stages and report these scores."""
        claim = self.claim(run_id)
        claim.raise_for_status()
        token = claim.json()["token"]
        for stage in ("preparing", "running", "scoring"):
            self.call(run_id, token, "stage", {"stage": stage}).raise_for_status()
        if cases is not None:
            self.put_cases(run_id, token, cases).raise_for_status()
        self.call(run_id, token, "report", {"scores": {"scores_txt": scores_txt}}).raise_for_status()

    def _post(self, path: str, token: str, body: dict[str, Any]) -> httpx.Response:
        with self._platform.client(token) as client:
            return client.post(f"/api/worker/v1{path}", json=body)
