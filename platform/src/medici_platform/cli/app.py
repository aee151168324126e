"""`medici`: every command. Client commands read MEDICI_URL and MEDICI_TOKEN."""

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from medici_platform.cli.output import CommandFailed, stop
from medici_platform.errors import MediciError
from medici_platform.masking import masked

COMMANDS = {
    "up": "serve.up",
    "clock": "serve.clock",
    "worker": "workers.app",
    "admin": "admin.app",
    "challenge": "challenges.app",
    "participants": "challenges.participants",
    "join": "challenges.join",
    "submit": "submissions.submit",
    "watch": "submissions.watch",
    "leaderboard": "boards.leaderboard",
    "cancel": "submissions.cancel",
    "start": "submissions.start",
    "rerun": "again.rerun",
    "rescore": "again.rescore",
    "cases": "cases.cases",
    "record": "records.record",
    "verify": "records.verify",
    "try": "local.try_submission",
    "score": "local.score",
    "bundle": "bundles.app",
    "images": "images.app",
    "demo": "demo.demo",
}
"""Where each command is defined, in the order of the help."""


class CommandsOnCall(TyperGroup):
    """A command's module is imported when the command is called: to submit, nobody waits for the web framework."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parent's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the parent's signature
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(".")
        found = getattr(import_module(f"medici_platform.cli.{module}"), attribute)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name)
        else:
            alone.command(cmd_name)(found)
        return get_group(alone).commands[cmd_name]


app = typer.Typer(
    name="medici",
    cls=CommandsOnCall,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def medici() -> None:
    """A self-hosted challenge platform for medical-imaging AI."""


def main() -> None:
    try:
        app()
    except (CommandFailed, MediciError) as error:
        sys.exit(stop(error.message).exit_code)
    except Exception as error:
        if not _is_of_the_database(error):
            raise
        reason = masked(str(getattr(error, "orig", error))).strip().partition("\n")[0]
        sys.exit(stop(f"The database does not answer as it should ({reason}): see {_its_place()}.").exit_code)


def _its_place() -> str:
    return "MEDICI_DATABASE_URL" if os.environ.get("MEDICI_DATABASE_URL") else "medici.sqlite3 in the data folder"


def _is_of_the_database(error: Exception) -> bool:
    """Without importing what most commands never need."""
    known = sys.modules.get("sqlalchemy.exc")
    return known is not None and isinstance(error, known.DBAPIError)
