"""No secret is in any log, output or answer of the real processes, however talkative they are and whatever fails."""

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.programs import answering
from tests.e2e.stack import MEDICI, Stack, stack, until
from tests.factories.platform import PASSWORD
from tests.services import free_port

pytestmark = pytest.mark.slow

KEY = "9f1c7d3b5a8e2046" * 2
BROKER, MAIL, DATABASE = "broker-pass-7c1", "mail-pass-4d9", "database-pass-2f5"
TOKENS = re.compile(r"\b(?:medici|session|form|attempt|worker)_[A-Za-z0-9_-]{43}\b")
UNREACHABLE = 9


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A stack that did what stacks do, with a mail server and a database's password that lead nowhere."""
    folder = tmp_path_factory.mktemp("talkative")
    settings = {
        "MEDICI_SECRET_KEY": KEY,
        "MEDICI_SMTP_URL": f"smtp://mailer:{MAIL}@127.0.0.1:{UNREACHABLE}",
        "MEDICI_WORKER_LOG_LEVEL": "DEBUG",
        "MEDICI_NEW_PASSWORD": PASSWORD,
        "MEDICI_SWEEP_S": "0.5",
    }
    with stack(folder, worker=False, **settings) as running:
        challenge = running.folder / "bundle"
        running.import_challenge(challenge, scorer="raise SystemExit(3)")
        with sqlite3.connect(running.data / "medici.sqlite3") as database:
            database.execute("UPDATE user SET email = 'olga@example.org' WHERE username = 'olga'")
        database.close()
        running.medici("join", "tiny", user="alice")
        worker = running.start_worker("talkative")
        seen = browse(running)
        assert running.run_files(answering(0.5))["state"] == "failed"  # which is mailed, in vain
        until(lambda: "mail_not_sent" in running.up.log.read_text(), "mail was tried")
        credential = worker_credential(worker.popen.pid)
        seen.append(httpx.post(f"{running.url}/api/v1/tokens", content=b"{").text)
        yield running, [*running.tokens.values(), credential], seen


def browse(running: Stack) -> list[str]:
    """Sign in on the page, make a token over the API, be refused; returns what must not be logged."""
    with httpx.Client(base_url=running.url) as browser:
        token = re.search(r'name="form_token" value="([0-9a-f]{64})"', browser.get("/sign-in").text)[1]
        browser.post("/sign-in", data={"form_token": token, "username": "alice", "password": PASSWORD})
        assert browser.get("/account").status_code == 200
        cookies = list(browser.cookies.values())
        made = browser.post("/api/v1/tokens", json={"username": "alice", "password": PASSWORD}).json()["token"]
        browser.get("/api/v1/me", headers={"Authorization": f"Bearer {made[:-1]}x"})
    return [*cookies, made]


def worker_credential(pid: int) -> str:
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (found,) = [each for each in environment if each.startswith(b"MEDICI_WORKER_CREDENTIAL=")]
    return found.partition(b"=")[2].decode()


def test_no_log_holds_one(worked):
    running, secrets, seen = worked
    logs = {path.name: path.read_text() for path in running.folder.glob("*.log")}
    assert len(logs) == 2
    assert all(text.strip() for text in logs.values())
    for name, text in logs.items():
        for secret in [*secrets, *seen[:-1], KEY, MAIL, PASSWORD]:
            assert secret not in text, name
        assert TOKENS.findall(text) == [], name


def outcome(tmp_path, *command, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDICI_")}
    ended = subprocess.run(
        command,
        env={**environment, "MEDICI_DATA_DIR": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://medici:{DATABASE}@127.0.0.1:{UNREACHABLE}/medici",
        f"postgresql://medici:{DATABASE}@127.0.0.1:port/medici",
        f"postgres://medici:{DATABASE}@127.0.0.1/medici",
    ],
)
def test_a_database_that_fails_is_told_in_one_sentence_without_its_password(tmp_path, address):
    code, output = outcome(tmp_path, *MEDICI, "up", "--port", str(free_port()), MEDICI_DATABASE_URL=address)
    assert code == 1
    assert DATABASE not in output
    assert "Traceback" not in output
    assert output.count("\n") <= 2
    assert output.startswith("Error: ")


def test_a_web_process_that_is_not_safe_says_so_in_one_sentence(tmp_path):
    server = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "medici_platform.app:create_app",
        "--port",
        str(free_port()),
    ]
    code, output = outcome(tmp_path, *server, MEDICI_ENVIRONMENT="production", MEDICI_SECRET_KEY="short-secret")
    assert code == 1
    assert "MEDICI_SECRET_KEY is the development default or shorter than 32 characters" in output
    assert "short-secret" not in output
    assert "Traceback" not in output


def test_a_broker_that_fails_is_logged_without_its_password(tmp_path):
    broker = {"MEDICI_BROKER_URL": f"redis://:{BROKER}@127.0.0.1:{UNREACHABLE}/0"}
    with stack(tmp_path, worker=False, MEDICI_SECRET_KEY=KEY, **broker) as running:
        running.import_challenge(tmp_path / "bundle")
        running.medici("join", "tiny", user="alice")
        running.hand_in(answering(0.5))
        until(lambda: "hint_not_sent" in running.up.log.read_text(), "the hint could not be sent")
        httpx.post(f"{running.url}/api/v1/tokens", json={"username": "alice", "password": "wrong"})
        text = running.up.log.read_text()
    assert "limits_not_shared" in text
    assert BROKER not in text
