"""The real services that tests run on: each is this machine's own program, on a free port, in a folder of its own.

Nothing here touches a PostgreSQL or Redis that already runs. Processes end with the session, by their own ids.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
import redis

PATIENCE_S = 30
ALONE = ("unshare", "--net")
"""Before a dockerd of the tests' own: one without a bridge would take away that of the machine's engine."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing(what: str, how: str) -> NoReturn:
    """Skip the test, saying how to get what it needs; in CI, where everything must be there, fail it."""
    sentence = f"{what} is not available: {how}."
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """A server program that tests may also stop, kill and start again on the same port and data."""

    command: list[str]
    url: str
    answers: Callable[[], bool]
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        began = time.monotonic()
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                self.stop()
                raise RuntimeError(f"{self.command[0]} did not start:\n{(self.folder / 'server.log').read_text()}")
            time.sleep(0.05)

    def stop(self, with_signal: int = signal.SIGINT) -> None:
        """End the server and wait for it; SIGINT is PostgreSQL's fast shutdown and Redis's plain one."""
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(PATIENCE_S)
            self.process = None


@contextmanager
def running(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[Service]:
    """PostgreSQL on loopback with a superuser `medici`, fast and forgetful: it never waits for the disk.

    `durable`: as it is by default, so that what was committed survives a kill.
    """
    programs = _postgres_programs()
    as_user = _as_postgres_user()
    with tempfile.TemporaryDirectory(prefix="medici-postgres-", dir="/tmp") as name:
        folder, port = Path(name), free_port()
        if as_user:
            shutil.chown(folder, "postgres", "postgres")
        initdb = [*as_user, str(programs / "initdb"), "--username=medici", "--auth=trust", "--encoding=UTF8"]
        subprocess.run([*initdb, "--locale=C", "--no-sync", str(folder / "data")], check=True, capture_output=True)
        settings = (
            f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200",
            *(() if durable else ("fsync=off", "full_page_writes=off", "synchronous_commit=off")),
        )  # fmt: skip
        options = [option for setting in settings for option in ("-c", setting)]
        command = [*as_user, str(programs / "postgres"), "-D", str(folder / "data"), *options]
        url = f"postgresql://medici@127.0.0.1:{port}/postgres"
        with running(Service(command, url, lambda: _postgres_answers(url), folder)) as service:
            yield service


def _postgres_programs() -> Path:
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin")) + ([Path(on_path).resolve().parent] if on_path else [])
    found = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return found[-1] if found else missing("PostgreSQL", "`make services` installs it")


def _as_postgres_user() -> list[str]:
    """PostgreSQL refuses to run as root: the prefix that makes root's command one of its own user."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        missing("The user `postgres`, whom PostgreSQL runs as,", "`make services` installs it")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def postgres_database(server: Service) -> Iterator[str]:
    """A new, empty database on `server`; yields its URL in SQLAlchemy's words and drops it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield server.url.replace("postgresql://", "postgresql+psycopg://").removesuffix("/postgres") + f"/{name}"
    finally:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def redis_server() -> Iterator[Service]:
    """Redis on loopback that keeps nothing on disk."""
    program = shutil.which("redis-server") or missing("Redis", "`make services` installs it")
    with tempfile.TemporaryDirectory(prefix="medici-redis-") as name:
        port = free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", name]
        url = f"redis://127.0.0.1:{port}/0"
        with running(Service(command, url, lambda: _redis_answers(url), Path(name))) as service:
            yield service


def _redis_answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def empty_redis(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()


def chromium_path() -> str:
    """The browser that playwright drives: `playwright.chromium.launch(executable_path=…, args=["--no-sandbox"])`."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return found or missing("Chromium", "`make services` installs it")
