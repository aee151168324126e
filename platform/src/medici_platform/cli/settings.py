"""Settings for commands that work on this machine's data folder."""

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from medici_platform.cli.output import CommandFailed
from medici_platform.settings import DEVELOPMENT_SECRET, Settings, told

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the embedded database, broker and storage.", envvar="MEDICI_DATA_DIR"),
]


def given_settings(data_dir: Path | None, **overrides: Any) -> Settings:
    """From the environment, over it what the command was given. Nothing is made."""
    given = {name: value for name, value in {"data_dir": data_dir, **overrides}.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise CommandFailed(told(error), code="settings") from error


def local_settings(data_dir: Path | None, **overrides: Any) -> Settings:
    """The same; the folder is made, and given a secret of its own."""
    settings = given_settings(data_dir, **overrides)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.secret_key == DEVELOPMENT_SECRET:
            settings = settings.model_copy(update={"secret_key": _own_secret(settings.data_dir / "secret_key")})
    except OSError as error:
        raise CommandFailed(f"The data folder {settings.data_dir} cannot be used: {error.strerror}.") from error
    return settings


def _own_secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().strip()
