"""`medici bundle make`: a challenge made to measure by a complete challenge of this checkout."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from medici_platform.cli.output import CommandFailed, notes

BUNDLES = Path("bundles")
PROGRAM = Path("single/make.py")


def make(  # noqa: PLR0913  each is an option of the command
    name: Annotated[str, typer.Argument(help="A folder of bundles/ that makes others: medmnist.")],
    *,
    flag: Annotated[str, typer.Option(help="The set, such as bloodmnist: any of MedMNIST's 18.")],
    size: Annotated[int, typer.Option(help="Pixels: 28, 64, 128 or 224; of volumes 28 or 64.")] = 28,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new folder. Default: NAME-FLAG-SIZE.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of real npz files. Default: a stand-in is drawn.")] = None,
    unofficial: Annotated[
        bool, typer.Option("--unofficial", help="With --data: files that are not the published ones.")
    ] = False,
    train: Annotated[int | None, typer.Option(help="Training images of the stand-in.")] = None,
    val: Annotated[int | None, typer.Option(help="Validation images of the stand-in.")] = None,
    test: Annotated[int | None, typer.Option(help="Test images of the stand-in.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the stand-in.")] = None,
) -> None:
    """Make a complete challenge of one data set: pages, programs, data."""
    folder = output or Path(f"{name}-{flag}-{size}")
    options = {"--flag": flag, "--size": size, "--output": folder, "--data": data}
    options |= {"--train": train, "--val": val, "--test": test, "--seed": seed}
    words = [str(word) for key, value in options.items() if value is not None for word in (key, value)]
    _run(_program(name), [*words, *(["--unofficial"] if unofficial else [])])
    notes.print(f"{folder / 'README.md'} says what comes next; first:")
    typer.echo(f"medici bundle check {folder}")


def _program(name: str) -> Path:
    """The bundle's own program. Raises CommandFailed when there is none."""
    makers = sorted(path.relative_to(BUNDLES).parts[0] for path in BUNDLES.glob(f"*/{PROGRAM}"))
    if not makers:
        raise CommandFailed("Challenges are made in a checkout of MedICI: change to its folder first.", code="no_maker")
    if name not in makers:
        raise CommandFailed(
            f"{name!r} makes no challenges of its own: choose from {', '.join(makers)}.", code="no_maker"
        )
    return BUNDLES / name / PROGRAM


def _run(program: Path, words: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-B", str(program), *words], check=False, capture_output=True, text=True)
    if ended.returncode:
        reason = ended.stderr.strip() or "it gives no reason."
        lines = reason.splitlines()
        raise CommandFailed(lines[-1] if "Traceback" in reason else reason, code="not_made")
    notes.print(ended.stdout.strip(), markup=False)
