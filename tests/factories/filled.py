"""A database of any version of the schema with rows in every table, made from nothing but the schema itself."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    Table,
    func,
    insert,
    select,
)
from sqlalchemy.types import TypeEngine

from medici_platform.migrate import VERSION_TABLE

ROWS = 3
"""Of each table: one with all that may be NULL, one without any, and one of both."""
FILES = [f"stored file {number}\n".encode() for number in range(ROWS)]
SHA256S = [hashlib.sha256(content).hexdigest() for content in FILES]
DAY = datetime(2026, 3, 1, 12, 30, 15, 123456)  # noqa: DTZ001 - as SQLite stores it
KNOWN = {
    "state": ("finished", "queued", "running"),
    "status": ("approved", "pending", "denied"),
    "kind": ("results", "container", "code"),
    "role": ("organizer", "participant", "admin"),
    "submission_rule": ("Add", "Force_Best", "Force_Last"),
    "username": ("ann", "bob", "cleo"),
}
"""What texts may hold, where not anything may stand."""
OF_TYPES: dict[type[TypeEngine[Any]], tuple[Any, ...]] = {
    JSON: ({"f1": 0.5, "é": None}, ["a", 1, {"deep": [True, -1e300]}], {}),
    Boolean: (True, False, True),
    DateTime: tuple(DAY + timedelta(days=days) for days in range(ROWS)),
    Float: (0.1, -1e300, 123456.789),
    Integer: tuple(range(ROWS)),
}


def reflected(connection: Connection) -> list[Table]:
    """Referred-to tables first."""
    metadata = MetaData()
    metadata.reflect(connection)
    tables = [table for table in metadata.sorted_tables if table.name != VERSION_TABLE]
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type.none_as_null = bool(column.nullable)
    return tables


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in reflected(connection):
            connection.execute(insert(table), [_row(table, number) for number in range(ROWS)])
            for column in table.primary_key.columns:
                if engine.dialect.name == "postgresql" and isinstance(column.type, Integer):
                    _advance(connection, table, column)


def _advance(connection: Any, table: Table, column: Column[Any]) -> None:
    sequence = connection.execute(select(func.pg_get_serial_sequence(f'"{table.name}"', column.name))).scalar_one()
    if sequence:
        connection.execute(select(func.setval(sequence, ROWS)))


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Table → rows, column by column; times as UTC without a zone, whatever the database makes of them."""
    with engine.connect() as connection:
        return {
            table.name: [
                {key: _plain(value) for key, value in row.items()}
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            ]
            for table in reflected(connection)
        }


def common(rows: dict[str, list[dict[str, Any]]], older: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Of newer contents what the older schema has a place for."""
    return {
        table: [{key: row[key] for key in before if key in row} for row, before in zip(rows[table], found, strict=True)]
        for table, found in older.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) - (value.utcoffset() or timedelta())
    return value


def _row(table: Table, number: int) -> dict[str, Any]:
    return {
        column.name: _value(table, column, number)
        for place, column in enumerate(table.columns)
        if not (column.nullable and (number == 0 or (number == 2 and place % 2)))
    }


def _value(table: Table, column: Column[Any], number: int) -> Any:
    if column.foreign_keys:
        target = next(iter(column.foreign_keys)).column
        return None if target.table is table and number == 0 else _key(target, 0 if target.table is table else number)
    if column.primary_key:
        return _key(column, number)
    return _plain_value(column.name, column.type, number)


def _key(column: Column[Any], number: int) -> Any:
    return number + 1 if isinstance(column.type, Integer) else _plain_value(column.name, column.type, number)


def _plain_value(name: str, kind: TypeEngine[Any], number: int) -> Any:
    choices = next((choices for type_, choices in OF_TYPES.items() if isinstance(kind, type_)), None)
    if choices is not None:
        return choices[number]
    if name in KNOWN:
        return KNOWN[name][number]
    if name.endswith("sha256"):
        return SHA256S[number]
    return f"{name[:8]}{number}é\n'\""[: getattr(kind, "length", None) or 99]
