"""A platform is made again from its backup, on either database, and goes on where it was."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from medici_platform.accounts.rules import Role
from medici_platform.backup import restore_backup, write_backup
from medici_platform.backup_rows import BackupUnusable
from medici_platform.cli.admin import restore
from medici_platform.cli.output import CommandFailed
from medici_platform.errors import NotFound
from medici_platform.signing import checked
from medici_platform.storage import Storage
from tests.factories.platform import FakeWorker, import_bundle, join, running_platform, submit

pytestmark = pytest.mark.slow

MORNING = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
EVENING = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)

KINDS = pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sqlite", "sqlite"),
        ("sqlite", "postgresql"),
        ("postgresql", "sqlite"),
        ("postgresql", "postgresql"),
    ],
)


@pytest.fixture
def new_database(request, tmp_path):
    """`new_database(kind, name)` is the URL of an empty database."""
    from tests.services import postgres_database

    def make(kind, name):
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.sqlite3"
        opened = postgres_database(request.getfixturevalue("postgres_server"))
        url = opened.__enter__()
        request.addfinalizer(lambda: opened.__exit__(None, None, None))
        return url

    return make


def rows_in(backup):
    with gzip.open(backup.folder / "rows.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def filled(platform):
    """A challenge, alice's scored submission, and one that waits. Returns alice's token and the second run."""
    organizer = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, organizer).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    submit(platform, alice).raise_for_status()
    FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 2")
    submit(platform, alice).raise_for_status()
    return alice, platform.hints.hints[-1].run_id


def board(platform):
    with platform.client() as client:
        return client.get("/api/v1/challenges/tiny/leaderboard").json()


def record_of(platform, token):
    """The signed record of the first run, checked against the keys that the platform publishes."""
    with platform.client(token) as client:
        document = client.get("/api/v1/runs/1/record").raise_for_status().content
        keys = client.get("/api/v1/signing-keys").json()["keys"]
    return checked(document, {each["key_id"]: each["public_key"] for each in keys})


@KINDS
def test_what_is_restored_is_what_was_there_and_works_on(before, after, new_database, tmp_path):
    with running_platform(tmp_path / "old", database_url=new_database(before, "old")) as platform:
        alice, waiting = filled(platform)
        settings = platform.context.settings
        made = write_backup(settings.database, settings.storage, tmp_path / "kept", now=MORNING)
        shown = board(platform)
        record = record_of(platform, alice)
    url = new_database(after, "new")
    restored = restore_backup(tmp_path / "kept", url, tmp_path / "new" / "storage", migrations=None)
    again = write_backup(url, tmp_path / "new" / "storage", tmp_path / "second", now=MORNING)
    assert rows_in(again) == rows_in(made)
    assert (restored.rows, restored.files) == (made.rows, made.files) == (again.rows, again.files)
    with running_platform(tmp_path / "new", database_url=url, secret_key="another secret") as platform:
        assert board(platform) == shown
        assert record_of(platform, alice) == record
        worker = FakeWorker(platform, platform.worker("w2"))
        worker.score(waiting, "f1: 0.9\nseconds: 1")
        submit(platform, alice).raise_for_status()  # new rows get new numbers
        assert [entry["scores"]["f1"] for entry in board(platform)["entries"]] == [0.9]


def test_a_later_backup_adds_what_is_new_and_each_can_be_restored(tmp_path):
    with running_platform(tmp_path / "old") as platform:
        settings = platform.context.settings
        _, waiting = filled(platform)
        first = write_backup(settings.database, settings.storage, tmp_path / "kept", now=MORNING)
        FakeWorker(platform, platform.worker("w2")).score(waiting, "f1: 0.9\nseconds: 1", cases=b"case\na\n")
        second = write_backup(settings.database, settings.storage, tmp_path / "kept", now=EVENING)
    assert (first.new_files, second.new_files) == (first.files, second.files - first.files)
    assert second.files > first.files
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    restored = restore_backup(tmp_path / "kept", url, tmp_path / "new", migrations=None, at="2026-11-21T083000Z")
    assert (restored.rows, restored.files) == (first.rows, first.files)


@pytest.fixture
def kept(tmp_path):
    """A folder with one backup."""
    with running_platform(tmp_path / "old") as platform:
        filled(platform)
        settings = platform.context.settings
        write_backup(settings.database, settings.storage, tmp_path / "kept", now=MORNING)
    return tmp_path / "kept"


def drop_a_file(kept):
    next((kept / "files").glob("*/*")).unlink()


def change_a_file(kept):
    file = next((kept / "files").glob("*/*"))
    file.chmod(0o600)
    file.write_bytes(b"other")


def cut_the_rows(kept):
    rows = next(kept.glob("backups/*/rows.jsonl.gz"))
    rows.write_bytes(rows.read_bytes()[:-9])


def drop_the_manifest(kept):
    next(kept.glob("backups/*/manifest.json")).unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (drop_a_file, "is missing or damaged, so nothing was restored: bring it from"),
        (change_a_file, "is missing or damaged, so nothing was restored: bring it from"),
        (cut_the_rows, "is damaged, its sha256 is not the manifest's: choose another backup with --at."),
        (drop_the_manifest, "is no complete backup: choose another one with --at."),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_written(kept, tmp_path, damage, sentence):
    damage(kept)
    database, storage = tmp_path / "new.sqlite3", tmp_path / "new"
    with pytest.raises(BackupUnusable) as refused:
        restore_backup(kept, f"sqlite:///{database}", storage, migrations=None)
    assert sentence in str(refused.value)
    assert not database.exists()
    assert not storage.exists()


def spoil(file, content):
    file.chmod(0o600)
    file.write_bytes(content)


def test_one_of_several_backups_can_be_named_by_its_folder(kept, tmp_path):
    """As `medici admin backup` prints it."""
    (folder,) = (kept / "backups").iterdir()
    url = f"sqlite:///{tmp_path / 'deep' / 'new.sqlite3'}"
    assert restore_backup(folder, url, tmp_path / "new", migrations=None).folder == folder


def test_a_restore_that_is_refused_makes_nothing(tmp_path):
    with pytest.raises(CommandFailed, match=r"There is no backup in .*: name the folder that was given to"):
        restore(tmp_path / "none", at=None, data_dir=tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_what_is_damaged_in_the_storage_is_named_and_all_else_can_be_restored(tmp_path):
    with running_platform(tmp_path / "old") as platform:
        filled(platform)
        settings = platform.context.settings
        damaged = next(settings.storage.glob("[0-9a-f][0-9a-f]/*"))
        spoil(damaged, b"other")
        made = write_backup(settings.database, settings.storage, tmp_path / "kept", now=MORNING)
    assert made.missing == (damaged.name,)
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    restored = restore_backup(tmp_path / "kept", url, tmp_path / "new", migrations=None)
    assert (restored.rows, restored.files) == (made.rows, made.files)


@pytest.mark.parametrize(("content", "check"), [(b"shorter", False), (None, True)])
def test_a_copy_that_has_been_damaged_is_made_anew(kept, tmp_path, content, check):
    """One of another size at once, any other when all are read."""
    copy = next((kept / "files").glob("*/*"))
    good = copy.read_bytes()
    spoil(copy, content or bytes(len(good)))
    made = write_backup(
        f"sqlite:///{tmp_path / 'old' / 'medici.sqlite3'}", tmp_path / "old" / "storage", kept, now=EVENING, check=check
    )
    assert (made.new_files, made.missing) == (1, ())
    assert copy.read_bytes() == good


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"files": ["../../x"]}, "names what no backup holds: it was not written by MedICI."),
        ({"files": [5]}, "is no complete backup: choose another one with --at."),
        ({"rows": [1]}, "is no complete backup: choose another one with --at."),
        ({"revision": 5}, "names what no backup holds: it was not written by MedICI."),
        ({"revision": "9999"}, "restore it with the version that wrote it, or a later one."),
    ],
    ids=["path", "no name", "no counts", "no schema", "later schema"],
)
def test_a_manifest_that_was_made_up_is_refused_in_a_sentence(kept, tmp_path, changed, sentence):
    manifest = next(kept.glob("backups/*/manifest.json"))
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changed}))
    with pytest.raises(BackupUnusable) as refused:
        restore_backup(kept, f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "new", migrations=None)
    assert str(refused.value).endswith(sentence)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/passwd", "A" * 64, ""])
def test_rows_of_a_backup_cannot_name_files_outside_the_storage(tmp_path, name):
    with pytest.raises(NotFound):
        Storage(tmp_path).path(name)


def test_nothing_that_is_there_is_overwritten(kept, tmp_path):
    old = f"sqlite:///{tmp_path / 'old' / 'medici.sqlite3'}"
    with pytest.raises(BackupUnusable, match=r"The database sqlite:///\S+ is not empty: restore into a new one"):
        restore_backup(kept, old, tmp_path / "new", migrations=None)
    url, storage = f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "old" / "storage"
    Storage(storage).store_bytes(b"of another platform")
    with pytest.raises(BackupUnusable, match="is not empty: restore into a new one"):
        restore_backup(kept, url, storage, migrations=None)


def test_what_an_earlier_try_has_left_damaged_is_refused(kept, tmp_path):
    left = next((tmp_path / "old" / "storage").glob("[0-9a-f][0-9a-f]/*"))
    left.chmod(0o600)
    left.write_bytes(b"half of it")
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    with pytest.raises(BackupUnusable, match=f"file {left.name} is damaged: restore into a new one"):
        restore_backup(kept, url, tmp_path / "old" / "storage", migrations=None)


def test_an_unknown_or_missing_backup_is_named(kept, tmp_path):
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    with pytest.raises(BackupUnusable, match=r"^There is no backup 'x' in .*: it has 2026-11-21T083000Z\.$"):
        restore_backup(kept, url, tmp_path / "new", migrations=None, at="x")
    with pytest.raises(BackupUnusable, match=r"^There is no backup in "):
        restore_backup(tmp_path / "none", url, tmp_path / "new", migrations=None)
    with pytest.raises(BackupUnusable, match=r"^There is no database at .*new\.sqlite3: name the platform's folder "):
        write_backup(url, tmp_path / "new", tmp_path / "other", now=MORNING)
    (tmp_path / "new.sqlite3").touch()
    with pytest.raises(BackupUnusable, match=r"^There is nothing to back up: the database is empty\.$"):
        write_backup(url, tmp_path / "new", tmp_path / "other", now=MORNING)
