"""Backups of a platform at work, as its operator makes them; what breaks off, and what is of another version."""

import gzip
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from medici_platform import backup, migrate
from medici_platform.accounts.rules import Role
from medici_platform.backup import restore_backup, write_backup
from medici_platform.backup_rows import BackupUnusable
from medici_platform.database import connect
from tests.factories.platform import (
    PASSWORD,
    RESULTS_ZIP,
    FakeWorker,
    import_bundle,
    join,
    make_zip,
    running_platform,
    submit,
)
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.test_backup import MORNING, board, filled

pytestmark = pytest.mark.slow

CLIENTS, EACH = 4, 4


def handing_in(platform, name):
    """Each upload is a file of its own."""
    token = platform.user(name)
    join(platform, token)
    for number in range(EACH):
        submit(platform, token, make_zip({"answer.txt": f"{name} {number}"})).raise_for_status()


def scoring(platform, worker, ended):
    """Claims whatever waits; every run leaves a file, so that the storage grows while backups are made."""
    done, left = set(), []
    while left or not ended.is_set():
        left = [hint for hint in platform.hints.hints if hint.run_id not in done]
        for hint in left:
            worker.score(hint.run_id, f"f1: 0.{hint.run_id}\nseconds: 1", cases=f"case\n{hint.run_id}\n".encode())
            done.add(hint.run_id)
        time.sleep(0.02)


def files_named_in(rows):
    return {row[key] for _, row in rows for key in row if key.endswith("sha256") and row[key]}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_backup_of_a_platform_at_work_is_whole(kind, request, tmp_path):
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    made = []
    with running_platform(tmp_path / "old", database_url=url) as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        worker, ended = FakeWorker(platform, platform.worker()), threading.Event()
        settings = platform.context.settings
        pool = ThreadPoolExecutor(CLIENTS + 1)
        clients = [pool.submit(handing_in, platform, f"client{number}") for number in range(CLIENTS)]
        at_work = pool.submit(scoring, platform, worker, ended)
        while not all(client.done() for client in clients) or len(made) < 3:
            now = MORNING + timedelta(minutes=len(made))
            made.append(write_backup(settings.database, settings.storage, tmp_path / "kept", now=now))
            time.sleep(0.2)
        ended.set()
        pool.shutdown()
        assert [each.result() for each in (*clients, at_work)] == [None] * (CLIENTS + 1)
        now = MORNING + timedelta(days=1)
        made.append(write_backup(settings.database, settings.storage, tmp_path / "kept", now=now))
        shown = board(platform)
    for number, each in enumerate(made):
        with gzip.open(each.folder / "rows.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        kept = set(json.loads((each.folder / "manifest.json").read_text())["files"])
        assert (number, files_named_in(rows) - kept, each.missing) == (number, set(), ())
    assert len({each.rows for each in made}) > 2
    for number, each in {0: made[0], len(made) // 2: made[len(made) // 2], len(made) - 1: made[-1]}.items():
        place = tmp_path / f"new{number}"
        restore_backup(
            tmp_path / "kept",
            f"sqlite:///{place}/medici.sqlite3",
            place / "storage",
            migrations=None,
            at=each.folder.name,
        )
    last = tmp_path / f"new{len(made) - 1}"
    url, key = f"sqlite:///{last}/medici.sqlite3", "another secret key than before"
    with running_platform(last, database_url=url, secret_key=key) as platform:
        assert board(platform) == shown
        assert len(shown["entries"]) == CLIENTS


def test_what_was_under_way_is_given_out_again_and_people_come_in_as_before(tmp_path):
    with running_platform(tmp_path / "old") as platform:
        alice, waiting = filled(platform)
        assert FakeWorker(platform, platform.worker("w2")).claim(waiting).status_code == 200
        settings = platform.context.settings
        write_backup(settings.database, settings.storage, tmp_path / "kept", now=MORNING)
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    restore_backup(tmp_path / "kept", url, tmp_path / "new/storage", migrations=None)
    key = "another secret key than before"
    with running_platform(tmp_path / "new", database_url=url, secret_key=key) as platform:
        from medici_platform.clock import Clock

        platform.clock.advance(seconds=61)
        assert Clock(platform.context).tick()
        assert waiting in [hint.run_id for hint in platform.hints.hints]
        FakeWorker(platform, platform.worker("w3")).score(waiting, "f1: 0.9\nseconds: 1")
        assert [entry["scores"]["f1"] for entry in board(platform)["entries"]] == [0.9]
        with platform.client(alice) as client:
            assert client.get("/api/v1/me").json()["username"] == "alice"
        page = PageClient(platform)
        assert page.post("/sign-in", {"username": "alice", "password": PASSWORD}).status_code == 303
        for path in ("/challenges", "/challenges/tiny", "/challenges/tiny/leaderboard", "/challenges/tiny/submissions"):
            assert (path, page.get(path).status_code) == (path, 200)


@pytest.fixture
def kept(tmp_path):
    with running_platform(tmp_path / "old") as platform:
        filled(platform)
        settings = platform.context.settings
        write_backup(settings.database, settings.storage, tmp_path / "kept", now=MORNING)
    return tmp_path / "kept"


def test_nobody_else_reads_a_backup(kept):
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (kept, *kept.rglob("*")) if path.is_dir()}
    assert modes == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in kept.rglob("*") if path.name != ".lock"} == {0}


def test_a_backup_that_broke_off_is_none_and_leaves_nothing(kept, tmp_path, monkeypatch):
    settings = (f"sqlite:///{tmp_path}/old/medici.sqlite3", tmp_path / "old" / "storage", kept)

    def broken_off(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(backup, "_write_whole", broken_off)
        with pytest.raises(OSError, match="No space left"):
            write_backup(*settings, now=MORNING + timedelta(hours=1))
    with pytest.raises(BackupUnusable, match=r"it has 2026-11-21T083000Z\.$"):
        restore_backup(
            kept, f"sqlite:///{tmp_path}/x.sqlite3", tmp_path / "x", migrations=None, at="2026-11-21T093000Z"
        )
    write_backup(*settings, now=MORNING + timedelta(hours=2))
    names = sorted(path.name for path in (kept / "backups").iterdir())
    assert names == ["2026-11-21T083000Z", "2026-11-21T103000Z"]


@pytest.mark.parametrize("at", ["_copy", "read_rows"])
def test_a_restore_that_broke_off_is_started_again(kept, tmp_path, monkeypatch, at):
    url, calls = f"sqlite:///{tmp_path}/new.sqlite3", []
    whole = getattr(backup, at)

    def broken_off(*arguments):
        calls.append(at)
        if at == "read_rows" or len(calls) == 2:
            raise OSError(5, "Input/output error")
        return whole(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(backup, at, broken_off)
        with pytest.raises(OSError, match="Input/output error"):
            restore_backup(kept, url, tmp_path / "new", migrations=None)
    restored = restore_backup(kept, url, tmp_path / "new", migrations=None)
    again = write_backup(url, tmp_path / "new", tmp_path / "second", now=MORNING)
    assert (again.rows, again.files, again.missing) == (restored.rows, restored.files, ())


def test_a_file_that_the_storage_has_lost_is_named(kept, tmp_path):
    lost = hashlib.sha256(RESULTS_ZIP).hexdigest()
    (tmp_path / "old" / "storage" / lost[:2] / lost).unlink()
    made = write_backup(
        f"sqlite:///{tmp_path}/old/medici.sqlite3", tmp_path / "old" / "storage", tmp_path / "other", now=MORNING
    )
    assert made.missing == (lost,)
    told = medici(tmp_path / "old", "admin", "backup", str(tmp_path / "third"))
    assert (told.returncode, lost in told.stderr, Path(told.stdout.strip()).is_dir()) == (3, True, True)


def test_where_there_is_no_platform_nothing_is_made(tmp_path):
    told = medici(tmp_path / "elsewhere", "admin", "backup", str(tmp_path / "kept"))
    assert (told.returncode, told.stdout) == (1, "")
    assert " ".join(told.stderr.split()).startswith(
        f"Error: There is no database at {tmp_path}/elsewhere/medici.sqlite3: "
    )
    assert list(tmp_path.iterdir()) == []


def test_two_backups_at_once_are_one_too_many(kept, tmp_path):
    with backup._alone(kept), pytest.raises(BackupUnusable, match=r"is under way: wait for its end\.$"):
        write_backup(f"sqlite:///{tmp_path}/old/medici.sqlite3", tmp_path / "old" / "storage", kept, now=MORNING)


def medici(data, *arguments):
    command = [sys.executable, "-m", "medici_platform.cli", *arguments, "--data-dir", str(data)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDICI_")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


def test_an_operator_upgrades_and_is_told_what_does_not_fit(tmp_path):
    """By the commands alone: from which schema to which, and a refusal of what a later version has written."""
    versions = migrate.known_versions()
    url = f"sqlite:///{tmp_path}/medici.sqlite3"
    migrate.upgrade(url, None, versions[-2])
    old = web(tmp_path)
    assert old.stderr.strip().endswith("back it up, then run `medici admin migrate`.")
    assert (old.returncode, len(old.stderr.strip().splitlines())) == (1, 1)
    assert medici(tmp_path, "clock").stderr.endswith("back it up, then run `medici admin migrate`.\n")
    brought = medici(tmp_path, "admin", "migrate")
    assert (brought.returncode, brought.stderr) == (
        0,
        f"{url} was brought from the schema {versions[-2]} to {versions[-1]}.\n",
    )
    assert medici(tmp_path, "admin", "migrate").stderr == f"{url} is up to date: it has the schema {versions[-1]}.\n"
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    refusals = [web(tmp_path), *(medici(tmp_path, *command) for command in (["admin", "migrate"], ["clock"], ["up"]))]
    for refused in refusals:
        assert refused.returncode == 1
        assert "has the schema 9999, which a later version of MedICI has written" in refused.stderr
        assert "Traceback" not in refused.stderr


def web(data):
    """As docker-compose.yml starts it."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "medici_platform.app:create_app", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDICI_")}
    environment["MEDICI_DATA_DIR"] = str(data)
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
