"""`medici try` and `medici score`: the platform's own path on one's own machine."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medici_bundles.faults import BundleRejected
from medici_bundles.reader import open_bundle
from medici_platform.cli.challenges import Json
from medici_platform.cli.ending import ends_in_order
from medici_platform.cli.output import CommandFailed, print_json, results
from medici_platform.cli.trying import Trial, choose_phase, choose_tasks, means, prepare, tell, try_task

BundleOption = Annotated[Path, typer.Option("--bundle", help="The challenge's bundle: a folder or a zip.")]


def try_submission(
    bundle: BundleOption,
    submission: Annotated[Path | None, typer.Argument(help="A file or a folder, as it would be uploaded.")] = None,
    image: Annotated[str | None, typer.Option(help="An image by name and digest, instead of a file.")] = None,
    phase: Annotated[str | None, typer.Option(help="Default: the last phase whose data the bundle holds.")] = None,
    task: Annotated[str | None, typer.Option(help="Index or name of one task; default: all of the phase.")] = None,
    output: Annotated[Path | None, typer.Option(help="Keep the run's outputs as this zip.")] = None,
    cases: Annotated[Path | None, typer.Option(help="Keep the results of single cases as this CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """Build, run and score a submission on this machine's engine, by the worker's own code."""
    with ExitStack() as stack:
        stack.enter_context(ends_in_order())
        try:
            opened = stack.enter_context(open_bundle(bundle, is_kit=True))
        except BundleRejected as error:
            raise CommandFailed(str(error), code="bundle_rejected") from error
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medici-try-")))
        chosen = choose_phase(opened, phase)
        tasks = choose_tasks(opened, chosen, task)
        found = prepare(submission, image, opened, chosen, folder)
        trial = Trial(opened, chosen, found, folder, output, cases, quiet=as_json)
        ended = [try_task(trial, one, of_many=len(tasks) > 1) for one in tasks]
    if not as_json:
        tell(ended)
    else:
        print_json(ended[0] if len(ended) == 1 else {"tasks": ended, "scores": means(ended)})
    if any(answer["failure"] for answer in ended):
        raise typer.Exit(1)


def score(
    bundle: BundleOption,
    predictions: Annotated[Path, typer.Option(help="Folder, zip or file with predictions.")],
    output: Annotated[Path | None, typer.Option(help="Folder for scores.txt; default: beside the predictions.")] = None,
    task: Annotated[str, typer.Option(help="Name of the task; default: the one that fits.")] = "",
    as_json: Json = False,
) -> None:
    """Score predictions with a bundle's own program, without containers."""
    from medici_scoring.__main__ import default_output  # noqa: PLC0415 - its start-up costs others nothing
    from medici_scoring.bundle import BundleUnusable  # noqa: PLC0415
    from medici_scoring.local import ProgramUnusable, score_bundle  # noqa: PLC0415

    try:
        ended = score_bundle(bundle, predictions, output or default_output(predictions), task=task)
    except (BundleUnusable, ProgramUnusable) as error:
        raise CommandFailed(str(error)) from error
    if as_json:
        print_json({"scores": dict(ended.scores.values) if ended.scores else {}, "problem": ended.problem or None})
    else:
        sys.stdout.write(ended.log)
        results.print(escape(f"Written to {ended.output}"))
    if ended.scores is None:
        raise CommandFailed(ended.problem)
