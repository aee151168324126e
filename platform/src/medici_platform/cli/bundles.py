"""`medici bundle check` and `medici bundle kit`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medici_bundles.checker import CheckReport, check_bundle
from medici_bundles.faults import BundleRejected
from medici_bundles.kit import build_kit
from medici_platform.cli.challenges import Json
from medici_platform.cli.output import CommandFailed, notes, print_json, results

app = typer.Typer(help="Check a bundle, make its starting kit.", no_args_is_help=True)

BundlePath = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip.")]


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
    for line in (*report.ignored, *report.notes):
        notes.print(f"[yellow]note[/]  {escape(line)}")
    if report.title:
        results.print(escape(f"{report.title} ({report.slug})"))
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
