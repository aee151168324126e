"""One linear history that both databases can walk."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

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
    with engine.begin() as connection:
        for statement in FILLED_0001:
            connection.execute(text(statement))
    migrate.upgrade(database_url)
    with engine.connect() as connection:
        names = ("challenge", "task", "phase", "phase_task", "leaderboard", "leaderboard_column")
        counts = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() for name in names}
        faults = connection.execute(text("PRAGMA foreign_key_check")).all() if "sqlite" in database_url else []
    engine.dispose()
    assert counts == dict.fromkeys(names, 1)
    assert faults == []


DAY = "'2026-01-01 00:00:00'"
FILLED_0001 = (
    f"INSERT INTO \"user\" (id, username, role, created_at) VALUES (1, 'ann', 'organizer', {DAY})",
    "INSERT INTO challenge (id, slug, title, description, terms, owner_id, auto_approve, show_detailed_results, "
    f"created_at) VALUES (1, 'x', 'X', '', '', 1, true, false, {DAY})",
    'INSERT INTO task (id, challenge_id, "index", name, description, input_data_bytes, reference_data_sha256, '
    "reference_data_bytes, scoring_program_sha256, scoring_program_bytes) VALUES (1, 1, 0, 'T', '', 0, 'a', 1, 'b', 1)",
    'INSERT INTO phase (id, challenge_id, "index", name, description, starts_at, max_submissions, '
    "max_submissions_per_day, accepts, hidden, participant_logs, gpus, limits, scoring_limits, build, outputs) "
    f"VALUES (1, 1, 0, 'P', '', {DAY}, 10, 5, '[]', true, 'none', 0, '{{}}', '{{}}', '{{}}', '[]')",
    "INSERT INTO phase_task (phase_id, task_id) VALUES (1, 1)",
    'INSERT INTO leaderboard (id, challenge_id, "index", key, title, submission_rule, primary_index, hidden) '
    "VALUES (1, 1, 0, 'r', 'R', 'Add', 0, false)",
    'INSERT INTO leaderboard_column (id, leaderboard_id, "index", key, title, descending, precision, hidden) '
    "VALUES (1, 1, 0, 'f1', 'F1', true, 2, false)",
)
