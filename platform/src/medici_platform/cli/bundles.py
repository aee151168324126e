"""`medici bundle`: begin, check and hand out what an organizer writes."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medici_bundles.checker import CheckReport, check_bundle
from medici_bundles.faults import BundleRejected
from medici_bundles.json_schema import schema_text
from medici_bundles.kit import build_kit
from medici_bundles.starter import StarterRefused, write_starter
from medici_platform.cli.bundle_making import make
from medici_platform.cli.challenges import Json
from medici_platform.cli.output import CommandFailed, notes, print_json, results
from medici_platform.context import utc_now

app = typer.Typer(help="Begin a bundle, check it, make its starting kit.", no_args_is_help=True)
app.command()(make)

BundlePath = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    title: Annotated[str, typer.Option(help="Default: made of the folder's name.")] = "",
    as_json: Json = False,
) -> None:
    """Write a commented bundle that works at once, to change into your own."""
    try:
        names = write_starter(folder, title, today=utc_now().date())
    except (StarterRefused, OSError) as error:
        raise CommandFailed(str(error), code="starter_refused") from error
    if as_json:
        print_json({"folder": str(folder), "files": names})
        return
    notes.print(escape(f"{len(names)} files. {folder / 'README.md'} says what comes next; first:"))
    typer.echo(f"medici bundle check {folder}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of competition.yaml, for editors."""
    sys.stdout.write(schema_text())


@app.command()
def check(bundle: BundlePath, as_json: Json = False) -> None:
    """Report everything that is wrong with a bundle, with file and line, and what would be ignored."""
    report = check_bundle(bundle)
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        _print_report(report)
    if report.faults:
        raise typer.Exit(1)


def _print_report(report: CheckReport) -> None:
    for fault in report.faults:
        notes.print(f"[red]fault[/] {escape(str(fault))}")
    for line in (*report.ignored, *report.mapped, *report.notes):
        notes.print(f"[yellow]note[/]  {escape(line)}")
    if report.title:
        results.print(escape(f"{report.title} ({report.slug}), in the format of {report.format}"))
    for line in report.summary:
        results.print(escape(f"  {line}"))
    faults = len(report.faults)
    results.print("No faults." if report.is_sound else f"{faults} fault{'s' if faults > 1 else ''}.")


@app.command()
def kit(
    bundle: BundlePath,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: NAME-kit.zip")] = None,
    as_json: Json = False,
) -> None:
    """Write the participants' starting kit: everything but the hidden data and the answers."""
    destination = output or Path(f"{bundle.resolve().stem}-kit.zip")
    try:
        names = build_kit(bundle, destination)
    except BundleRejected as error:
        raise CommandFailed(str(error), code="bundle_rejected") from error
    if as_json:
        print_json({"kit": str(destination), "files": names})
        return
    notes.print(f"{len(names)} files.")
    typer.echo(str(destination))
