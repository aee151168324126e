"""The schema of a database: which version it has, and how it is brought up to date."""

from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from medici_platform.database import connect
from medici_platform.errors import Conflict

CHECKOUT = Path(__file__).resolve().parents[3]
VERSION_TABLE = "alembic_version"


class SchemaMismatch(Conflict):
    """The database and this version of MedICI do not belong together."""

    code = "schema_mismatch"


class Upgraded(NamedTuple):
    """Versions before (None: an empty database) and after."""

    before: str | None
    after: str


def alembic_config(database_url: str, folder: Path | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder or CHECKOUT / "migrations"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def upgrade(database_url: str, folder: Path | None = None, revision: str = "head") -> Upgraded:
    """All of it or nothing. Raises SchemaMismatch for a database that a later version has written."""
    known = known_versions(folder)
    before = version_of(database_url)
    _require_known(before, known)
    target = known[-1] if revision == "head" else revision
    if before is None or known.index(before) < known.index(target):
        command.upgrade(alembic_config(database_url, folder), revision)
        return Upgraded(before, target)
    return Upgraded(before, before)


def require_current(database_url: str, folder: Path | None = None) -> None:
    """No process works on a schema that it was not written for; one that is away or empty is waited for.

    Raises SchemaMismatch.
    """
    try:
        found = version_of(database_url)
    except SQLAlchemyError:
        return
    known = known_versions(folder)
    _require_known(found, known)
    if found not in (None, known[-1]):
        raise SchemaMismatch(
            f"The database has the schema {found}, and this version of MedICI needs {known[-1]}: back it up, then run "
            "`medici admin migrate`."
        )


def known_versions(folder: Path | None = None) -> list[str]:
    """The first one first."""
    script = ScriptDirectory(str(folder or CHECKOUT / "migrations"))
    return [each.revision for each in script.walk_revisions()][::-1]


def version_of(database_url: str) -> str | None:
    """None: there is no schema yet."""
    engine = connect(database_url)
    try:
        with engine.execution_options(reads_only=True).connect() as connection:
            return version_in(connection)
    finally:
        engine.dispose()


def version_in(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant
    return None if found is None else str(found)


def _require_known(found: str | None, known: list[str]) -> None:
    if found is not None and found not in known:
        raise SchemaMismatch(
            f"The database has the schema {found}, which a later version of MedICI has written: this one knows "
            f"{known[-1]} at most. Install the later version again, or restore the backup that was made before it."
        )
