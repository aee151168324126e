"""The demo's platform: `medici up` as a process of its own, and its end without anything left behind."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from medici_platform.accounts.rules import Role
from medici_platform.accounts.service import create_user, issue_token
from medici_platform.cli.output import CommandFailed, notes
from medici_platform.cli.settings import local_settings
from medici_platform.context import utc_now
from medici_platform.database import Database

START_S = 60


@dataclass(frozen=True)
class DemoPlatform:
    url: str
    data_dir: Path
    password: str

    def create_organizer(self, username: str) -> str:
        """An organizer with the demo's password; returns a token."""
        database = Database(local_settings(self.data_dir).database)
        with database.write() as session:
            user = create_user(session, username=username, password=self.password, role=Role.ORGANIZER, now=utc_now())
            token = issue_token(session, user, name="demo", now=utc_now())
        database.close()
        return token


@contextmanager
def demo_platform(folder: Path, *, keep_running: bool) -> Iterator[DemoPlatform]:
    """Serves `folder/data` on a free port; ended, with its worker and containers, when the demo ends."""
    port = _free_port()
    platform = DemoPlatform(f"http://127.0.0.1:{port}", folder / "data", secrets.token_urlsafe(12))
    with (folder / "platform.log").open("wb") as log:
        command = [sys.executable, "-m", "medici_platform.cli", "up"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(platform.data_dir), "--port", str(port)],
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("MEDICI_")},
            start_new_session=True,
        )
        try:
            _await_ready(platform, process)
            yield platform
        except BaseException:
            notes.print(f"The platform's log is {folder / 'platform.log'}.")
            raise
        finally:
            if not keep_running:
                _end(process)


def _await_ready(platform: DemoPlatform, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{platform.url}/readyz").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise CommandFailed("The demo's platform did not start.")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
