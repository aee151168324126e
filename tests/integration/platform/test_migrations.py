"""One linear history that both databases can walk."""

from datetime import datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, func, insert, inspect, select, text

from medici_platform import migrate, models
from medici_platform.database import connect


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite3'}"
    return request.getfixturevalue("postgres_url")


def test_the_models_are_what_the_migrations_make(database_url):
    migrate.upgrade(database_url)
    engine = connect(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.metadata) == []
    engine.dispose()


def test_down_and_up_again(database_url):
    migrate.upgrade(database_url)
    command.downgrade(migrate.alembic_config(database_url), "base")
    engine = connect(database_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    migrate.upgrade(database_url)


def test_upgrading_a_filled_database_keeps_every_row(database_url):
    """SQLite rebuilds a table to change it, and a dropped table would take with it whatever refers to it."""
    command.upgrade(migrate.alembic_config(database_url), "0001")
    engine = connect(database_url)
    tables = reflected(engine)
    with engine.begin() as connection:
        for name, values in FILLED_0001.items():
            connection.execute(insert(tables[name]).values(values))
    migrate.upgrade(database_url)
    with engine.connect() as connection:
        counts = {name: connection.scalar(select(func.count()).select_from(tables[name])) for name in FILLED_0001}
        broken = connection.execute(text("PRAGMA foreign_key_check")).all() if engine.name == "sqlite" else []
    engine.dispose()
    assert counts == dict.fromkeys(FILLED_0001, 1)
    assert broken == []


def reflected(engine):
    metadata = MetaData()
    metadata.reflect(engine)
    return metadata.tables


DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - as SQLite stores it
SHA256 = "0" * 64
FILLED_0001: dict[str, dict[str, object]] = {
    "user": {"id": 1, "username": "ann", "role": "organizer", "created_at": DAY},
    "challenge": {"id": 1, "slug": "x", "title": "X", "description": "", "terms": "", "owner_id": 1}
    | {"auto_approve": True, "show_detailed_results": False, "created_at": DAY},
    "task": {"id": 1, "challenge_id": 1, "index": 0, "name": "T", "description": "", "input_data_bytes": 0}
    | {"reference_data_sha256": SHA256, "reference_data_bytes": 1}
    | {"scoring_program_sha256": SHA256, "scoring_program_bytes": 1},
    "phase": {"id": 1, "challenge_id": 1, "index": 0, "name": "P", "description": "", "starts_at": DAY}
    | {"max_submissions": 10, "max_submissions_per_day": 5, "accepts": [], "hidden": True, "participant_logs": "none"}
    | {"gpus": 0, "limits": {}, "scoring_limits": {}, "build": {}, "outputs": []},
    "phase_task": {"phase_id": 1, "task_id": 1},
    "leaderboard": {"id": 1, "challenge_id": 1, "index": 0, "key": "r", "title": "R", "submission_rule": "Add"}
    | {"primary_index": 0, "hidden": False},
    "leaderboard_column": {"id": 1, "leaderboard_id": 1, "index": 0, "key": "f1", "title": "F1", "descending": True}
    | {"precision": 2, "hidden": False},
}
