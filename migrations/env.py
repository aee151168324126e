"""Alembic's entry: one linear history for SQLite and PostgreSQL."""

from alembic import context

from medici_platform import models
from medici_platform.database import connect
from medici_platform.settings import Settings

target_metadata = models.metadata


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or Settings().database
    engine = connect(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
            user_module_prefix="database.",
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
