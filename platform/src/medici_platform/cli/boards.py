"""`medici leaderboard CHALLENGE`, `medici leaderboard put ID`, `medici leaderboard withdraw ID`."""

from typing import Annotated, Any

import typer

from medici_platform.cli.board_tables import print_board
from medici_platform.cli.challenges import Json
from medici_platform.cli.client import Client
from medici_platform.cli.output import CommandFailed, notes, print_json
from medici_platform.cli.submissions import PhaseOption

__all__ = ["fetch_board", "leaderboard", "print_board"]

CHOICES = ("put", "withdraw")


def leaderboard(
    challenge: Annotated[str, typer.Argument(metavar="CHALLENGE|put|withdraw", help="Whose board; or what to do.")],
    submission: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="With put and withdraw: the submission's number.")
    ] = None,
    phase: PhaseOption = None,
    board: Annotated[str | None, typer.Option("--board", help="Key of the board; default: the first.")] = None,
    by_task: Annotated[bool, typer.Option("--by-task", help="Show the numbers of each task too.")] = False,
    as_json: Json = False,
) -> None:
    """The leaderboard of a phase; or put a submission of yours on it, or withdraw it, where its rule lets you."""
    if challenge in CHOICES and submission is not None:
        _choose(challenge, submission, as_json=as_json)
        return
    if submission is not None:
        raise CommandFailed("Say `medici leaderboard put ID` or `medici leaderboard withdraw ID`.", code="usage")
    shown = fetch_board(Client(), challenge, phase, board)
    if as_json:
        print_json(shown)
    else:
        print_board(shown, by_task=by_task)


def fetch_board(client: Client, challenge: str, phase: str | None, key: str | None = None) -> dict[str, Any]:
    """All pages of the board as one."""
    path = f"/challenges/{challenge}/leaderboard"
    board: dict[str, Any] = client.get(path, phase=phase, board=key, per_page=200)
    for page in range(2, board["pages"] + 1):
        board["entries"] += client.get(path, phase=phase, board=key, per_page=200, page=page)["entries"]
    return {name: value for name, value in board.items() if name not in ("page", "pages")}


def _choose(what: str, submission: int, *, as_json: bool) -> None:
    client, path = Client(), f"/submissions/{submission}/leaderboard"
    answer = client.post(path) if what == "put" else client.delete(path)
    if as_json:
        print_json(answer)
    else:
        notes.print(f"Submission {submission} {'stands' if answer['stands'] else 'does not stand'} on the board.")
