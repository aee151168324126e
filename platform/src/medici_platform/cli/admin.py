"""Commands on the database of this machine; no token needed, the operating system's permissions guard it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from medici_platform import migrate
from medici_platform.accounts.models import User
from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.rules import LONGEST_TOKEN_DAYS, Role, Scope
from medici_platform.accounts.service import change_password, issue_token
from medici_platform.accounts.service import create_user as make_user
from medici_platform.backup import restore_backup, write_backup
from medici_platform.backup_rows import BackupUnusable
from medici_platform.cli.output import CommandFailed, notes
from medici_platform.cli.settings import DataDir, given_settings, local_settings
from medici_platform.clock import clock_works
from medici_platform.context import utc_now
from medici_platform.database import Database
from medici_platform.presentation.formats import size
from medici_platform.queues.models import DEFAULT_QUEUE
from medici_platform.queues.service import enroll_worker_with

INCOMPLETE = 3
"""Exit status of a backup whose storage has lost files: whoever reads it, cron too, hears of it."""

app = typer.Typer(help="Administer the platform on this machine.", no_args_is_help=True)


@app.command("create-user")
def create_user(
    name: Annotated[str, typer.Argument(help="User name: lower-case letters, digits, . _ -")],
    organizer: Annotated[bool, typer.Option("--organizer", help="May create challenges.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    password: Annotated[
        str | None, typer.Option(envvar="MEDICI_NEW_PASSWORD", help="For the pages; without it only tokens work.")
    ] = None,
    scope: Annotated[Scope | None, typer.Option(help="What the token opens; default: full.")] = None,
    days: Annotated[
        int | None, typer.Option(help="The token is valid for; default: until revoked.", min=1, max=LONGEST_TOKEN_DAYS)
    ] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Create a user and print an API token. An existing user gets a new password, a new token (default), or both.

    With a new password for an existing user, --scope or --days asks for a token too.
    """
    settings = local_settings(data_dir)
    migrate.upgrade(settings.database, settings.migrations_dir)
    database = Database(settings.database)
    role = Role.ADMIN if admin else Role.ORGANIZER if organizer else Role.PARTICIPANT
    makes_token = True
    with database.write() as session:
        user = user_by_name(session, name)
        if user is None:
            user = make_user(session, username=name, password=password, role=role, now=utc_now())
        else:
            user.role = role if role != Role.PARTICIPANT else user.role
            if password:
                change_password(session, user, password=password)
                makes_token = bool(scope or days)
            got = ["a new password"] * bool(password) + ["a new token"] * makes_token
            notes.print(f"The user {name} exists: {' and '.join(got)} for them.")
        token = _new_token(session, user, scope, days) if makes_token else None
        role = user.role
    database.close()
    if as_json:
        typer.echo(json.dumps({"username": name, "role": role.value, "token": token}))
    elif token:
        notes.print(f"Token of {name} ({role.value}) in {settings.shown_database}, shown once:")
        typer.echo(token)


def _new_token(session: Session, user: User, scope: Scope | None, days: int | None) -> str:
    valid_for = timedelta(days=days) if days else None
    scope = scope or Scope.FULL
    return issue_token(session, user, name="command line", now=utc_now(), valid_for=valid_for, scope=scope)


@app.command("migrate")
def bring_up_to_date(data_dir: DataDir = None) -> None:
    """Bring the database's schema up to date. Back up first: what is newer than this version is refused."""
    settings = local_settings(data_dir)
    before, after = migrate.upgrade(settings.database, settings.migrations_dir)
    if before == after:
        notes.print(f"{settings.shown_database} is up to date: it has the schema {after}.")
    elif before is None:
        notes.print(f"{settings.shown_database} was empty: it has the schema {after} now.")
    else:
        notes.print(f"{settings.shown_database} was brought from the schema {before} to {after}.")


@app.command("backup")
def backup(
    folder: Annotated[Path, typer.Argument(help="Made when it is not there; later backups add what is new.")],
    data_dir: DataDir = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Read all earlier copies again, and renew what is damaged.")
    ] = False,
) -> None:
    """Back up database and storage, while the platform runs. Exit status 3: made, but the storage lacks files."""
    settings = given_settings(data_dir)
    try:
        made = write_backup(settings.database, settings.storage, folder, now=utc_now(), check=check)
    except BackupUnusable as error:
        raise CommandFailed(error.message, code=error.code) from error
    except OSError as error:
        raise CommandFailed(f"The backup could not be written to {folder}: {error.strerror}.") from error
    notes.print(
        f"{made.rows} rows and {made.files} files, {made.new_files} of them new ({size(made.new_bytes)}), "
        f"of {settings.shown_database}:"
    )
    if made.missing:
        notes.print(f"Missing or damaged in the storage, and so not in this backup: {', '.join(made.missing)}.")
    typer.echo(made.folder)
    if made.missing:
        raise typer.Exit(INCOMPLETE)


@app.command("restore")
def restore(
    folder: Annotated[Path, typer.Argument(help="What `medici admin backup` has written.")],
    at: Annotated[str | None, typer.Option(help="Name of one of its backups; default: the latest.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Fill an empty database and storage from a backup; their kinds may differ from the old platform's."""
    settings = given_settings(data_dir)
    try:
        made = restore_backup(folder, settings.database, settings.storage, migrations=settings.migrations_dir, at=at)
    except BackupUnusable as error:
        raise CommandFailed(error.message, code=error.code) from error
    except OSError as error:
        raise CommandFailed(f"The backup could not be restored: {error}.") from error
    notes.print(f"{made.rows} rows and {made.files} files of {made.folder.name} restored to {settings.shown_database}.")
    if made.version != (now := migrate.version_of(settings.database)):
        notes.print(f"It was brought from the schema {made.version} to {now}.")


@app.command("enroll-worker")
def enroll_worker(
    name: Annotated[str, typer.Argument(help="A name for the machine.")],
    credential: Annotated[
        str, typer.Option(envvar="MEDICI_WORKER_CREDENTIAL", help="Read from the environment alone.", hidden=True)
    ] = "",
    queue: Annotated[str, typer.Option(help="The queue that it serves.")] = DEFAULT_QUEUE,
    data_dir: DataDir = None,
) -> None:
    """Enrol a worker with the credential in MEDICI_WORKER_CREDENTIAL, as docker-compose.yml does."""
    if not credential:
        raise CommandFailed("MEDICI_WORKER_CREDENTIAL is not set: it is the credential that the worker will show.")
    database = Database(local_settings(data_dir).database)
    with database.write() as session:
        enroll_worker_with(session, credential, name=name, queue=queue, now=utc_now())
    database.close()
    notes.print(f"The worker {name} may claim runs of the queue {queue}, unless it has been revoked.")


@app.command("check-clock")
def check_clock(data_dir: DataDir = None) -> None:
    """Succeed if a clock is at work: it has swept within its lease."""
    database = Database(given_settings(data_dir).database)
    with database.read() as session:
        works = clock_works(session, now=utc_now())
    database.close()
    if not works:
        raise CommandFailed("No clock is at work: start one with `medici clock`.")
