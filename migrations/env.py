"""Alembic's entry: one linear history for SQLite and PostgreSQL."""

from alembic import context
from sqlalchemy import Connection

from medici_platform import models
from medici_platform.database import connect
from medici_platform.settings import Settings

target_metadata = models.metadata


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or Settings().database
    engine = connect(url)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            _let_tables_be_rebuilt(connection)
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
            user_module_prefix="database.",
            transactional_ddl=True,  # SQLite can do it too: an upgrade that breaks off leaves all as it was
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _let_tables_be_rebuilt(connection: Connection) -> None:
    """SQLite changes a table by copying and dropping it: with foreign keys on, the drop deletes all that refers to it.

    The switch works outside a transaction alone, so it goes to the driver itself.
    """
    connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]


run()
