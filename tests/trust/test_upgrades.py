"""Every released schema, on both databases: brought up to date, and restored from its backup to the other database."""

import pytest

from medici_platform import migrate
from medici_platform.backup import restore_backup, write_backup
from medici_platform.database import connect
from medici_platform.storage import Storage
from tests.factories.filled import FILES, common, contents, fill
from tests.integration.platform.test_backup import MORNING
from tests.services import postgres_database

pytestmark = pytest.mark.slow


def opened(url, look):
    engine = connect(url)
    try:
        return look(engine)
    finally:
        engine.dispose()


def counted(rows):
    return sum(len(row) for found in rows.values() for row in found)


def test_nothing_is_lost_between_versions(postgres_server, tmp_path, trust):
    versions, kept, values, restored = migrate.known_versions(), 0, 0, 0
    storage = Storage(tmp_path / "storage")
    for content in FILES:
        storage.store_bytes(content)
    for version in versions:
        for kind in ("sqlite", "postgresql"):
            with postgres_database(postgres_server) as postgres:
                here, there = f"sqlite:///{tmp_path}/{version}-{kind}.sqlite3", postgres
                url, other = (here, there) if kind == "sqlite" else (there, here)
                migrate.upgrade(url, None, version)
                opened(url, fill)
                before = opened(url, contents)
                folder = tmp_path / f"kept-{version}-{kind}"
                made = write_backup(url, tmp_path / "storage", folder, now=MORNING)
                restore_backup(folder, other, tmp_path / f"new-{version}-{kind}", migrations=None)
                migrate.upgrade(url)
                kept += common(opened(url, contents), before) == before
                restored += common(opened(other, contents), before) == before and made.files == len(FILES)
                values += counted(before)
    cases = 2 * len(versions)
    told = f"schemas {versions[0]} to {versions[-1]}, SQLite and PostgreSQL, {values:,} values of every table"
    trust.note(f"{told}: brought up to date", f"{kept} of {cases} with every value kept")
    trust.note(f"{told}: backed up and restored to the other database", f"{restored} of {cases} with every value kept")
    assert (kept, restored) == (cases, cases)
