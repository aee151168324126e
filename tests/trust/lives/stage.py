"""The platform that is played on: real API, services and database, filled once and reset for each play."""

import contextlib
import hashlib
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import Connection, delete, insert, select, text

from medici_platform import models
from medici_platform.accounts.rules import Role
from medici_platform.clock import Clock
from medici_platform.errors import NotFound
from medici_platform.queues.service import enroll_worker, revoke_worker
from tests.factories.platform import (
    BUNDLE_FILES,
    CONTAINER_ZIP,
    NO_TLS,
    RESULTS_ZIP,
    RunningPlatform,
    import_bundle,
    join,
)
from tests.trust.lives.model import BOARDS, MAX_ATTEMPTS, QUOTA, QUOTA_PER_DAY, TASKS

MORNING = datetime(2026, 11, 20, 10, tzinfo=UTC)
SETTINGS = {"upload_attempts": "1000000/minute", "max_attempts": MAX_ATTEMPTS, "lease_s": 60, "sweep_s": 15}
UPLOADS = {"container": CONTAINER_ZIP, "results": RESULTS_ZIP}
PEOPLE = ("alice", "bob")
WORKERS = ("w1", "w2")
RULES = {"best": "Force_Best", "latest": "Force_Last", "all": "Force_Latest_Multiple"}


def _competition() -> str:
    tasks = [
        f"  - {{index: {index}, name: Task {index}, scoring_program: scoring_program, reference_data: reference_data, "
        "input_data: input_data}\n"
        for index in TASKS[1]
    ]
    limits = f"max_submissions: {QUOTA}, max_submissions_per_day: {QUOTA_PER_DAY}, start: 2026-01-01, hidden: false"
    boards = [
        f"  - {{title: {key}, key: {key}, submission_rule: {RULES[key]}, primary_index: {int(column == 'seconds')}, "
        "columns: [{title: F1, key: f1, index: 0}, {title: Seconds, key: seconds, index: 1, sorting: asc}]}\n"
        for key, (column, _) in BOARDS.items()
    ]
    return "".join(
        [
            "version: 2\ntitle: Tiny\nslug: tiny\nimage: logo.png\nterms: terms.md\nregistration_auto_approve: true\n",
            "pages:\n  - {title: Overview, file: overview.md}\ntasks:\n",
            *tasks,
            "phases:\n",
            f"  - {{index: 0, name: First, tasks: [0], parallel: true, end: 2030-01-01, {limits}}}\n",
            f"  - {{index: 1, name: Second, tasks: [0, 1], parent: 0, {limits}}}\n",
            "leaderboards:\n",
            *boards,
        ]
    )


class Stage:
    """`platform` with a challenge of two phases, three boards, two participants and two workers."""

    def __init__(self, platform: RunningPlatform) -> None:
        self.platform = platform
        self.context = platform.context
        self.database = platform.context.database
        platform.clock.frozen_at = MORNING
        self.tokens = {"olga": platform.user("olga", Role.ORGANIZER)}
        import_bundle(
            platform, self.tokens["olga"], BUNDLE_FILES | {"competition.yaml": _competition()}
        ).raise_for_status()
        for name in PEOPLE:
            self.tokens[name] = platform.user(name)
            join(platform, self.tokens[name])
        self.credentials = {name: platform.worker(name) for name in WORKERS}
        self._credentials = dict(self.credentials)
        self.clocks = {name: Clock(self.context) for name in ("one", "two")}
        self.http = httpx.Client(base_url=platform.url, timeout=30, verify=NO_TLS)
        with self.database.engine.connect() as connection:
            self._rows = {table.name: list(connection.execute(select(table)).mappings()) for table in _tables()}

    def reset(self) -> None:
        """As it was when the play began, in one transaction."""
        self.platform.clock.offset *= 0
        self.platform.hints.hints.clear()
        self.credentials = dict(self._credentials)
        with self.database.engine.begin() as connection:
            for table in reversed(_tables()):
                connection.execute(delete(table))
            for table in _tables():
                if self._rows[table.name]:
                    connection.execute(insert(table), [dict(row) for row in self._rows[table.name]])
            _renumber(connection)

    def call(self, method: str, path: str, token: str, **content: Any) -> httpx.Response:
        """Nobody ever gets an answer of 500 or more."""
        headers = {"Authorization": f"Bearer {token}", **content.pop("headers", {})}
        answer = self.http.request(method, path, headers=headers, **content)
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, (method, path, answer.status_code, answer.text)
        return answer

    def submit(self, user: str, phase: int, kind: str) -> httpx.Response:
        path = f"/api/v1/challenges/tiny/submissions?phase={phase}"
        return self.call("POST", path, self.tokens[user], files={"file": ("submission.zip", UPLOADS[kind])})

    def of_run(self, run: int, token: str, what: str, body: Any = None) -> httpx.Response:
        return self.call("POST", f"/api/worker/v1/runs/{run}/{what}", token, json=body if body is not None else {})

    def put_outputs(self, run: int, token: str, content: bytes) -> httpx.Response:
        headers = {"X-Content-SHA256": hashlib.sha256(content).hexdigest()}
        return self.call("PUT", f"/api/worker/v1/runs/{run}/outputs", token, content=content, headers=headers)

    def revoke(self, worker: str) -> None:
        with self.database.write() as session, contextlib.suppress(NotFound):  # it is revoked already
            revoke_worker(session, worker, now=self.context.now())

    def enroll(self, worker: str) -> None:
        with self.database.write() as session:
            self.credentials[worker] = enroll_worker(session, name=worker, queue="default", now=self.context.now())

    def close(self) -> None:
        self.http.close()


def _tables() -> list[Any]:
    return models.metadata.sorted_tables


def _renumber(connection: Connection) -> None:
    """The same play gets the same numbers, so that a failure that was found is found again."""
    if connection.dialect.name == "postgresql":
        for table in ("submission", "run", "run_attempt", "score", "run_log", "leaderboard_entry"):
            connection.execute(text(f"ALTER SEQUENCE {table}_id_seq RESTART WITH 1"))
