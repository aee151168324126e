"""Backups: the database's rows and the storage's files in one folder, and a platform made from them again.

    FOLDER/files/ab/abcdef…                  every stored file once, by its sha256; later backups add what is new
    FOLDER/backups/2026-11-21T083000Z/       manifest.json and rows.jsonl.gz: one moment of the database

Rows are read in one transaction, so they are of one moment; files never change and are in place before a row names
them, so those that are there afterwards are all that the rows name. The rows' format is no database's own: a platform
that began on SQLite is restored on PostgreSQL. A backup of an older version is restored as it was and brought up to
date afterwards. Nobody but its owner can read it.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, func, select
from sqlalchemy.engine import Connection, make_url

from medici_platform import migrate
from medici_platform.backup_rows import BackupUnusable, read_rows, write_rows
from medici_platform.database import connect
from medici_platform.storage import SHA256

FORMAT = 1
ROWS, MANIFEST = "rows.jsonl.gz", "manifest.json"


@dataclass(frozen=True)
class Backup:
    """What was written or restored."""

    folder: Path
    rows: int
    files: int
    new_files: int
    new_bytes: int
    missing: tuple[str, ...] = ()
    """Files that the storage has lost, or that are damaged there, by their sha256: all else is in the backup."""
    version: str = ""
    """Of the schema that it was made of."""


def write_backup(database_url: str, storage: Path, folder: Path, *, now: datetime, check: bool = False) -> Backup:
    """Add a backup to `folder`, which may hold earlier ones. Nothing has to be stopped.

    `check`: read what earlier backups have copied, too, and copy anew what is damaged.
    """
    _require_file(database_url)
    with _alone(folder):
        place = _own_folder(folder / "backups") / f"{now:%Y-%m-%dT%H%M%SZ}"
        if place.exists():
            raise BackupUnusable(f"There is a backup of this second already: {place}.")
        draft = _new_draft(place)
        with _engine(database_url) as engine, _snapshot(engine) as connection:
            version = migrate.version_in(connection)
            if version is None:
                raise BackupUnusable("There is nothing to back up: the database is empty.")
            rows = write_rows(connection, draft / ROWS)
        files = {path.name: path for path in storage.glob("[0-9a-f][0-9a-f]/*") if SHA256.fullmatch(path.name)}
        kept = _own_folder(folder / "files")
        new, damaged = _copy_all(files, kept, check=check)
        whole = sorted(files.keys() - damaged)
        manifest = {
            "format": FORMAT,
            "revision": version,
            "made_at": now.isoformat(),
            "rows": rows.counts,
            "rows_sha256": _sha256(draft / ROWS),
            "files": whole,
        }
        _write_whole(draft / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        draft.replace(place)
    new_bytes = sum(path.stat().st_size for path in new)
    missing = tuple(sorted((rows.files | files.keys()) - set(whole)))
    return Backup(place, sum(rows.counts.values()), len(whole), len(new), new_bytes, missing, version)


def _copy_all(files: Mapping[str, Path], kept: Path, *, check: bool) -> tuple[list[Path], set[str]]:
    """What is new, and the names of what is damaged in the storage, so that there is no whole copy."""
    new, damaged = [], set()
    for name, path in sorted(files.items()):
        target = _place(kept, name)
        try:
            if _copy(path, target, anew=check and target.exists() and _sha256(target) != name):
                new.append(path)
        except _Damaged:
            damaged.add(name)
    return new, damaged


def _require_file(database_url: str) -> None:
    """Opening an SQLite database that is not there would make it."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise BackupUnusable(
            f"There is no database at {url.database}: name the platform's folder with --data-dir, or its database in "
            "MEDICI_DATABASE_URL."
        )


def restore_backup(
    folder: Path, database_url: str, storage: Path, *, migrations: Path | None, at: str | None = None
) -> Backup:
    """Fill an empty database and an empty storage; the schema is brought up to date at the end.

    All of the backup is checked before anything is written. What breaks off can be started again: files that lie there
    already are kept, and a schema without rows is made anew. Raises BackupUnusable.
    """
    if (folder / MANIFEST).is_file():  # one backup of a folder, as `write_backup` names what it has made
        folder, at = folder.parent.parent, folder.name
    place = _chosen(folder, at)
    manifest = _read_manifest(place)
    version = manifest["revision"]
    _require_known(version, migrations)
    sizes = {sha256: _checked_size(_place(folder / "files", sha256), sha256) for sha256 in manifest["files"]}
    with _engine(database_url) as engine:
        _require_empty(engine, storage, sizes.keys(), migrations)
        _empty(engine)
        _own_folder(storage)
        migrate.upgrade(database_url, migrations, version)
        new = [name for name in sizes if _restored(_place(folder / "files", name), _place(storage, name))]
        with engine.begin() as connection:
            read_rows(connection, place / ROWS, manifest["rows"])
    migrate.upgrade(database_url, migrations)
    new_bytes = sum(sizes[sha256] for sha256 in new)
    return Backup(place, sum(manifest["rows"].values()), len(sizes), len(new), new_bytes, version=version)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup at a time: two would take each other's drafts for what an earlier one has left behind."""
    _own_folder(folder)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupUnusable(f"Another backup to {folder} is under way: wait for its end.") from None
        yield


def _own_folder(folder: Path) -> Path:
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
    return folder


def _new_draft(place: Path) -> Path:
    """What earlier backups that broke off have left is removed."""
    for left in place.parent.glob(".*.incomplete"):
        shutil.rmtree(left)
    draft = place.with_name(f".{place.name}.incomplete")
    draft.mkdir(mode=0o700)
    for name in (ROWS, MANIFEST):
        (draft / name).touch(mode=0o600)
    return draft


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """One moment of the database; on SQLite a reader, which keeps no writer waiting."""
    isolation = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.execution_options(reads_only=True, **isolation).connect() as connection, connection.begin():
        yield connection


def _require_known(version: str, migrations: Path | None) -> None:
    if version not in migrate.known_versions(migrations):
        raise BackupUnusable(
            f"The backup has the schema {version!r}, which this version does not know: restore it with the version "
            "that wrote it, or a later one."
        )


def _require_empty(engine: Engine, storage: Path, files: Iterable[str], migrations: Path | None) -> None:
    """Files of this same backup may lie there, and tables without rows: a restore that broke off leaves them."""
    if any(_counts(engine).values()):
        with engine.connect() as connection:
            is_old = migrate.version_in(connection) in migrate.known_versions(migrations)[:-1]
        hint = " (If a restore broke off at its very end, `medici admin migrate` completes it.)" if is_old else ""
        raise BackupUnusable(
            f"The database {engine.url.render_as_string()} is not empty: restore into a new one, so that nothing is "
            f"overwritten, which --data-dir or MEDICI_DATABASE_URL names.{hint}"
        )
    known = set(files)
    for path in storage.glob("[0-9a-f][0-9a-f]/*"):
        if path.name.removeprefix(".") not in known:
            raise BackupUnusable(
                f"The storage {storage} is not empty: restore into a new one, which --data-dir or MEDICI_STORAGE_DIR "
                "names."
            )
        if path.name in known and _sha256(path) != path.name:
            raise BackupUnusable(f"The storage's file {path.name} is damaged: restore into a new one.")


def _counts(engine: Engine) -> dict[str, int]:
    metadata = MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.tables.values()
            if table.name != migrate.VERSION_TABLE
        }


def _empty(engine: Engine) -> None:
    metadata = MetaData()
    metadata.reflect(engine)
    metadata.drop_all(engine)


def _chosen(folder: Path, at: str | None) -> Path:
    known = sorted(path.name for path in (folder / "backups").glob("[0-9]*"))
    if not known:
        raise BackupUnusable(
            f"There is no backup in {folder}: name the folder that was given to `medici admin backup`, or one of those "
            "in its folder backups."
        )
    if at is not None and at not in known:
        raise BackupUnusable(f"There is no backup {at!r} in {folder}: it has {', '.join(known)}.")
    return folder / "backups" / (at or known[-1])


def _read_manifest(place: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise BackupUnusable(f"{place} has the format {manifest['format']}, which this version cannot read.")
        is_whole = _sha256(place / ROWS) == manifest["rows_sha256"]
        is_sound = (
            isinstance(manifest["revision"], str)
            and all(isinstance(count, int) for count in manifest["rows"].values())
            and all(SHA256.fullmatch(name) for name in manifest["files"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackupUnusable(f"{place} is no complete backup: choose another one with --at.") from error
    if not is_sound:
        raise BackupUnusable(f"{place / MANIFEST} names what no backup holds: it was not written by MedICI.")
    if not is_whole:
        raise BackupUnusable(
            f"{place / ROWS} is damaged, its sha256 is not the manifest's: choose another backup with --at."
        )
    return manifest


def _checked_size(file: Path, sha256: str) -> int:
    if not file.is_file() or _sha256(file) != sha256:
        raise BackupUnusable(
            f"The backup's file {file} is missing or damaged, so nothing was restored: bring it from another copy of "
            "the backup, or choose one with --at that does not hold it."
        )
    return file.stat().st_size


def _place(folder: Path, sha256: str) -> Path:
    """As the storage itself keeps its files."""
    return folder / sha256[:2] / sha256


class _Damaged(Exception):
    """The source's content is not what its name says."""


def _restored(source: Path, target: Path) -> bool:
    try:
        return _copy(source, target)
    except _Damaged:
        raise BackupUnusable(
            f"{target} could not be written whole: see the disk, then restore into a new one."
        ) from None


def _copy(source: Path, target: Path, *, anew: bool = False) -> bool:
    """False when it is there already. A file appears whole or not at all. Raises `_Damaged`."""
    if not anew and target.exists() and target.stat().st_size == source.stat().st_size:
        return False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}")
    draft.unlink(missing_ok=True)
    shutil.copyfile(source, draft)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    if _sha256(draft) != target.name:
        draft.unlink()
        raise _Damaged
    draft.chmod(0o400)
    draft.replace(target)
    return True


def _write_whole(file: Path, content: str) -> None:
    with file.open("w", encoding="utf-8") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
