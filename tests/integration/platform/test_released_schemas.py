"""From every released schema to today's, and back: nothing that anybody has written is lost or changed."""

import pytest
from alembic import command
from sqlalchemy import text

from medici_platform import migrate
from medici_platform.backup import restore_backup, write_backup
from medici_platform.database import connect
from medici_platform.storage import Storage
from tests.factories.filled import FILES, ROWS, common, contents, fill
from tests.integration.platform.test_backup import MORNING

pytestmark = pytest.mark.slow

VERSIONS = migrate.known_versions()
KINDS = ("sqlite", "postgresql")


@pytest.fixture
def new_url(request, tmp_path):
    """`new_url(kind, name)` is the URL of an empty database."""
    from tests.services import postgres_database

    def make(kind, name):
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.sqlite3"
        opened = postgres_database(request.getfixturevalue("postgres_server"))
        url = opened.__enter__()
        request.addfinalizer(lambda: opened.__exit__(None, None, None))
        return url

    return make


def filled(url, version):
    """The contents of a database of this version, with rows in every table."""
    migrate.upgrade(url, None, version)
    engine = connect(url)
    fill(engine)
    found = contents(engine)
    engine.dispose()
    assert found
    assert all(len(rows) == ROWS for rows in found.values())
    return found


def looked_at(url):
    engine = connect(url)
    found = contents(engine)
    with engine.connect() as connection:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all() if engine.name == "sqlite" else []
    engine.dispose()
    assert broken == []
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_value_of_every_table_is_kept(kind, version, new_url):
    url = new_url(kind, "old")
    before = filled(url, version)
    assert migrate.upgrade(url) == (version, VERSIONS[-1])
    after = looked_at(url)
    assert common(after, before) == before
    command.downgrade(migrate.alembic_config(url), version)
    assert looked_at(url) == before
    migrate.upgrade(url)
    assert looked_at(url) == after


@pytest.mark.parametrize(("before", "after"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_backup_of_every_version_is_restored_to_todays(before, after, version, new_url, tmp_path):
    storage = Storage(tmp_path / "storage")
    for content in FILES:
        storage.store_bytes(content)
    url = new_url(before, "old")
    old = filled(url, version)
    made = write_backup(url, tmp_path / "storage", tmp_path / "kept", now=MORNING)
    assert (made.version, made.files, made.missing) == (version, len(FILES), ())
    new = new_url(after, "new")
    restored = restore_backup(tmp_path / "kept", new, tmp_path / "new", migrations=None)
    assert (restored.rows, restored.files, restored.version) == (made.rows, made.files, version)
    assert migrate.version_of(new) == VERSIONS[-1]
    assert common(looked_at(new), old) == old
    assert sorted(path.read_bytes() for path in (tmp_path / "new").glob("??/*")) == FILES
