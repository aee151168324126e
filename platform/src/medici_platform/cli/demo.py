"""`medici demo`: the whole path on this machine, from an organizer's bundle to the leaderboard, in real containers."""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medici_platform.cli.boards import print_board
from medici_platform.cli.client import Client
from medici_platform.cli.demo_challenge import Shown, complete_challenges, images_of, show_challenge
from medici_platform.cli.demo_platform import DemoPlatform, demo_platform
from medici_platform.cli.ending import ends_in_order
from medici_platform.cli.output import CommandFailed, notes, print_table, results

FIRST = "mednist"


def demo(
    bundle: Annotated[
        list[str] | None, typer.Option(help="A folder of bundles/; repeatable. Default: mednist.", metavar="NAME")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All complete challenges, and one table of them.")] = False,
    folder: Annotated[Path, typer.Option(help="Emptied first.")] = Path("var/demo"),
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Do not end the platform at the end.")] = False,
) -> None:
    """From a bundle to the leaderboard: make its data, train its light model, submit, score, show the board."""
    names = _chosen(bundle or [], every=every)
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    step("Base images")
    _base_images(names)
    with ends_in_order(), demo_platform(folder, keep_running=keep_running) as platform:
        step(f"Platform at {platform.url} (SQLite, folder broker, folder storage, one worker)")
        organizer, participant = _people(platform)
        shown = [_show(name, folder, organizer, participant) for name in names]
    _write_boards(shown, folder / "leaderboards.json")
    if len(shown) > 1:
        _print_summary(shown)
    results.print(f"Done in {time.monotonic() - began:.0f} s. `make up` serves this platform at http://127.0.0.1:8000.")


def step(title: str) -> None:
    notes.print(f"\n[bold cyan]▸ {title}[/]")


def _chosen(named: list[str], *, every: bool) -> list[str]:
    known = complete_challenges()
    if not known:
        raise CommandFailed("The demo runs in a checkout of MedICI: change to its folder first.")
    unknown = [name for name in named if name not in known]
    if unknown:
        raise CommandFailed(f"There is no bundle {unknown[0]!r} in bundles/: choose from {', '.join(known)}.")
    return known if every else list(dict.fromkeys(named)) or [FIRST]


def _base_images(names: Sequence[str]) -> None:
    from medici_worker.images import ImageBuildFailed, build_images  # noqa: PLC0415 - loads the engine's library

    wanted = sorted({image for name in names for image in images_of(name)})
    try:
        for image in build_images(wanted, say=lambda line: notes.print(f"  {escape(line)}")):
            notes.print(f"  {image.tag}: {'built' if image.built else 'up to date'}")
    except ImageBuildFailed as error:
        raise CommandFailed(str(error)) from error


def _people(platform: DemoPlatform) -> tuple[Client, Client]:
    """The organizer is made on the machine; the participant signs up over the public API."""
    organizer = Client(platform.url, platform.create_organizer("organizer"))
    anonymous = Client(platform.url, token="")
    account = {"username": "participant", "password": platform.password}
    anonymous.post("/users", account)
    token = anonymous.post("/tokens", {**account, "name": "demo"})["token"]
    return organizer, Client(platform.url, token)


def _show(name: str, folder: Path, organizer: Client, participant: Client) -> Shown:
    step(f"{name}: data, training, submission")
    shown = show_challenge(name, folder, organizer=organizer, participant=participant)
    if name == FIRST:
        from medici_platform.cli.demo_mednist import check_numbers, show_failures  # noqa: PLC0415 - its own extras

        step("Two submissions that fail")
        shown.failures = show_failures(participant, shown.slug, folder)
        check_numbers(organizer, shown, folder)
    step(f"{name}: leaderboard")
    print_board(shown.board)
    return shown


def _write_boards(shown: Sequence[Shown], file: Path) -> None:
    boards = [
        {**each.board, "submission": each.submission, "failures": each.failures, "seconds": each.seconds}
        for each in shown
    ]
    file.write_text(json.dumps(boards, indent=2) + "\n", encoding="utf-8")


def _print_summary(shown: Sequence[Shown]) -> None:
    headings = [("Challenge", False), ("Figure", False), ("Light model", True), ("Data s", True), ("Training s", True)]
    headings += [("Training MiB", True), ("Upload to score s", True)]
    print_table("All complete challenges, on their stand-ins", headings, [_summary(each) for each in shown])


def _summary(shown: Shown) -> list[str]:
    primary = next(column for column in shown.board["columns"] if column["primary"])
    figure = shown.board["entries"][0]["scores"].get(primary["key"])
    seconds = shown.seconds
    return [
        shown.slug,
        primary["title"],
        "–" if figure is None else f"{figure:.4f}",
        f"{seconds['data']:.1f}",
        f"{seconds['training']:.1f}",
        f"{shown.memory_mib:.0f}" if shown.memory_mib else "–",
        f"{seconds['scoring']:.1f}",
    ]
