"""The rows of a database as lines of JSON that any of our databases can be filled from."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, DateTime, MetaData, Table, func, insert, select, update
from sqlalchemy.engine import Connection

from medici_platform.errors import MediciError
from medici_platform.migrate import VERSION_TABLE

ROWS_AT_ONCE = 500


class BackupUnusable(MediciError):
    """What is wrong with a backup, or with the place where it is to be restored, in one sentence."""

    code = "backup_unusable"


def _tables(connection: Connection) -> list[Table]:
    """As they are in this database, referred-to tables first."""
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):  # else None would be JSON's null, which is a value
                column.type.none_as_null = bool(column.nullable)
    return [table for table in metadata.sorted_tables if table.name != VERSION_TABLE]


class Written(NamedTuple):
    counts: dict[str, int]
    """Table → how many rows it has."""
    files: frozenset[str]
    """Every stored file that a row names."""


def write_rows(connection: Connection, file: Path) -> Written:
    """One JSON line per row: the table's name, then the columns."""
    counts: dict[str, int] = {}
    files: set[str] = set()
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        for table in _tables(connection):
            counts[table.name] = 0
            ordered = select(table).order_by(*table.primary_key.columns)
            for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(ordered).mappings():
                lines.write(json.dumps([table.name, dict(row)], default=_moment) + "\n")
                counts[table.name] += 1
                files.update(str(row[key]) for key in row if key.endswith("sha256") and row[key])
    return Written(counts, frozenset(files))


def _moment(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"a column holds {type(value).__name__}, which backups do not know")
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()


def read_rows(connection: Connection, file: Path, counts: dict[str, int]) -> None:
    tables = {table.name: table for table in _tables(connection)}
    waiting: list[tuple[Table, dict[str, Any]]] = []
    for name, rows in _batches(file):
        table = tables[name]
        parsed = [_parsed(table, row, connection.dialect.name) for row in rows]
        inner = _inner_references(table)
        waiting += [(table, row) for row in parsed if any(row[column.name] is not None for column in inner)]
        connection.execute(insert(table), [{**row, **{column.name: None for column in inner}} for row in parsed])
    for table, row in waiting:  # rows that refer to rows of their own table, once all of those are there
        keys = [column == row[column.name] for column in table.primary_key.columns]
        references = {column.name: row[column.name] for column in _inner_references(table)}
        connection.execute(update(table).where(*keys).values(references))
    _check_counts(connection, tables, counts)
    _advance_sequences(connection, tables)


def _batches(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of one table at a time, in the file's order."""
    name = ""
    rows: list[dict[str, Any]] = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            of_table, row = json.loads(line)
            if rows and (of_table != name or len(rows) == ROWS_AT_ONCE):
                yield name, rows
                rows = []
            name = of_table
            rows.append(row)
    if rows:
        yield name, rows


def _parsed(table: Table, row: dict[str, Any], dialect: str) -> dict[str, Any]:
    return {name: _value(table.columns[name], value, dialect) for name, value in row.items()}


def _value(column: Column[Any], value: Any, dialect: str) -> Any:
    if value is None or not isinstance(column.type, DateTime):
        return value
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=None) if dialect == "sqlite" else moment


def _inner_references(table: Table) -> list[Column[Any]]:
    return [key.parent for key in table.foreign_keys if key.column.table is table and key.parent.nullable]


def _check_counts(connection: Connection, tables: dict[str, Table], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        found = connection.execute(select(func.count()).select_from(tables[name])).scalar_one()
        if found != count:
            raise BackupUnusable(f"The backup should hold {count} rows of {name}, but holds {found}.")


def _advance_sequences(connection: Connection, tables: dict[str, Table]) -> None:
    """PostgreSQL numbers new rows by sequences of its own, which the restored rows have not moved."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables.values():
        for column in table.primary_key.columns:
            sequence = connection.execute(
                select(func.pg_get_serial_sequence(f'"{table.name}"', column.name))
            ).scalar_one()
            if sequence:
                highest = select(func.max(column)).scalar_subquery()
                connection.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))
