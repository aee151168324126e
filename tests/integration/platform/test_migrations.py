"""One linear history that both databases can walk."""

from datetime import UTC, datetime

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


@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
def test_upgrading_a_filled_database_keeps_every_row(database_url, version):
    """SQLite rebuilds a table to change it, and a dropped table would take with it whatever refers to it."""
    filled = FILLED[version]
    command.upgrade(migrate.alembic_config(database_url), version)
    engine = connect(database_url)
    tables = reflected(engine)
    with engine.begin() as connection:
        for name, values in filled.items():
            connection.execute(insert(tables[name]).values(values))
    migrate.upgrade(database_url)
    with engine.connect() as connection:
        counts = {name: connection.scalar(select(func.count()).select_from(tables[name])) for name in filled}
        broken = connection.execute(text("PRAGMA foreign_key_check")).all() if engine.name == "sqlite" else []
    engine.dispose()
    assert counts == dict.fromkeys(filled, 1)
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

ADDED_0002: dict[str, dict[str, object]] = {
    "challenge": {"image_map": {}, "auto_run": True, "public_submissions": True, "detailed_results_in_panel": True}
    | {"detailed_results_on_board": True, "competition_type": "competition", "reward": "", "contact_email": ""}
    | {"fact_sheet": [], "definition": {}, "version": 1},
    "task": {"ingestion_program_bytes": 0, "ingestion_only_during_scoring": False},
    "phase": {"detailed_results": False, "unwrap_results": True, "allowed_images": [], "image_pins": {}}
    | {"public_data_bytes": 0, "starting_kit_bytes": 0, "hide_output": False, "hide_prediction_output": False}
    | {"hide_score_output": False, "parallel": False, "auto_migrate": False},
    "leaderboard": {"anonymous": False},
    "leaderboard_column": {"group": "", "computation_indexes": [], "computation_weights": []},
}
FILLED_0002: dict[str, dict[str, object]] = {
    **{name: values | ADDED_0002.get(name, {}) for name, values in FILLED_0001.items()},
    "participant": {"id": 1, "challenge_id": 1, "user_id": 1, "status": "approved", "joined_at": DAY},
    "submission": {"id": 1, "challenge_id": 1, "phase_id": 1, "participant_id": 1, "kind": "results"}
    | {"filename": "a.zip", "sha256": SHA256, "size_bytes": 1, "package_sha256": SHA256, "package_bytes": 1}
    | {"state": "finished", "failure_message": "", "scores": {"f1": 0.5}, "counts": True, "submitted_at": DAY}
    | {"fact_sheet": {}, "is_public": False, "is_late": False},
    "leaderboard_entry": {"id": 1, "leaderboard_id": 1, "phase_id": 1, "participant_id": 1, "submission_id": 1}
    | {"rank": 1, "place": 1, "sort_value": 0.5, "scores": {"f1": 0.5}, "scored_at": DAY, "entries": 1}
    | {"task_scores": {}},
    "queue": {"id": 1, "name": "slow"},
    "run": {"id": 1, "submission_id": 1, "task_id": 1, "queue_id": 1, "gpus": 0, "scoring_only": False}
    | {"state": "finished", "attempt": 1, "attempts_left": 2, "queued_at": DAY, "hinted_at": DAY}
    | {"public_detail": "", "private_detail": "", "outputs_bytes": 0, "stage_seconds": {}},
    "score": {"id": 1, "run_id": 1, "key": "f1", "value": 0.5},
}
ADDED_0003: dict[str, dict[str, object]] = {
    "challenge": {"data_notice": ""},
    "leaderboard_column": {"over_tasks": False},
    "run": {"cases_bytes": 0},
}
FILLED_0003: dict[str, dict[str, object]] = {
    **{name: values | ADDED_0003.get(name, {}) for name, values in FILLED_0002.items()},
    "api_token": {"id": 1, "user_id": 1, "name": "t", "token_hash": SHA256, "created_at": DAY},
    "worker": {"id": 1, "name": "w", "queue_id": 1, "credential_hash": SHA256, "enrolled_at": DAY}
    | {"hostname": "h", "version": "1", "slots": 1, "gpus": []},
    "run_attempt": {"id": 1, "run_id": 1, "attempt": 1, "worker_id": 1, "claimed_at": DAY, "outcome": "finished"},
    "reference_result": {"id": 1, "leaderboard_id": 1, "position": 0, "method": "M", "task": "", "scores": {}}
    | {"source": "", "data": ""},
}
FILLED = {"0001": FILLED_0001, "0002": FILLED_0002, "0003": FILLED_0003}


@pytest.mark.slow
def test_moments_are_read_in_utc_whatever_zone_the_server_is_in(postgres_url):
    """Elsewhere the last moments that Python knows would be in the year 10000."""
    first = connect(postgres_url)
    with first.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET timezone TO 'Pacific/Kiritimati'"))
    first.dispose()
    engine = connect(postgres_url)
    with engine.connect() as connection:
        moment = connection.scalar(text("SELECT '9999-12-31 23:59:59+00'::timestamptz"))
    engine.dispose()
    assert moment == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
