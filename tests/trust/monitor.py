"""What the database and the engine say of runs, while the parts of a platform are killed and afterwards."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from docker.errors import APIError, DockerException
from requests import RequestException
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tests.e2e.stack import Stack, until
from tests.trust.engines import answers

EVERY_S = 0.5
STRAY_S = 20.0
"""A container of a run whose attempt has been over for longer is an orphan."""
REAPED_S = 60.0
HELD = "('preparing', 'running', 'scoring')"


@dataclass
class Monitor:
    """Samples twice a second. What can't be asked at the moment, because it was killed, is asked the next time."""

    platform: Stack
    longest_overrun_s: float = 0.0
    """By how much the oldest lease had run out that still held a run."""
    orphans: set[str] = field(default_factory=set)
    samples: int = 0
    _over_since: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        url = self.platform.settings.get("MEDICI_DATABASE_URL", f"sqlite:///{self.platform.data / 'medici.sqlite3'}")
        self._engine: Engine = create_engine(url, poolclass=NullPool)

    @contextmanager
    def watching(self) -> Iterator["Monitor"]:
        thread = threading.Thread(target=self._watch, name="monitor", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def rows_when_there(self, sql: str) -> list[tuple[Any, ...]] | None:
        """None while the database is away."""
        try:
            return self.rows(sql)
        except SQLAlchemyError:
            return None

    def left_after_a_minute(self) -> int:
        """Containers of runs that are still there 60 seconds from now; fewer seconds when none is left before."""
        try:
            until(
                lambda: not self.platform.containers(run=True), "no container is left", within_s=REAPED_S, every_s=0.5
            )
        except AssertionError:
            return len(self.platform.containers(run=True))
        return 0

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            held = self.rows_when_there(f"SELECT id, attempt, lease_until FROM run WHERE state IN {HELD}")  # noqa: S608 - a constant
            if held is not None:
                self.samples += 1
                self._look_at_leases([_moment(until_) for _, _, until_ in held])
                self._look_at_containers({(str(run), str(attempt)) for run, attempt, _ in held})

    def _look_at_leases(self, ends: list[datetime]) -> None:
        now = datetime.now(UTC)
        overruns = [(now - end).total_seconds() for end in ends]
        self.longest_overrun_s = max([self.longest_overrun_s, *overruns])

    def _look_at_containers(self, held: set[tuple[str, str]]) -> None:
        host = self.platform.settings.get("MEDICI_WORKER_DOCKER_HOST")
        if host and not answers(host):
            return
        try:
            with self.platform.engine() as client:
                found = client.api.containers(all=True, filters={"label": "medici.run"})
        except (APIError, DockerException, RequestException, OSError):
            return
        ours = set(self.platform.worker_ids())
        over = {
            one["Names"][0]
            for one in found
            if one["Labels"].get("medici.worker") in ours
            and (one["Labels"]["medici.run"], one["Labels"]["medici.attempt"]) not in held
        }
        self._over_since = {name: self._over_since.get(name, time.monotonic()) for name in over}
        self.orphans |= {name for name, since in self._over_since.items() if time.monotonic() - since > STRAY_S}


def _moment(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
