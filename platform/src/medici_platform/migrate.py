"""Bring a database's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config

CHECKOUT = Path(__file__).resolve().parents[3]


def alembic_config(database_url: str, folder: Path | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder or CHECKOUT / "migrations"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def upgrade(database_url: str, folder: Path | None = None, revision: str = "head") -> None:
    """Raises alembic's CommandError when the folder of migrations, or that revision, is not there."""
    command.upgrade(alembic_config(database_url, folder), revision)
