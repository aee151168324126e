"""One linear history that both databases can walk."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

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
