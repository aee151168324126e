"""`medici cases ID`: what a scoring program wrote of single cases."""

from pathlib import Path
from typing import Annotated

import typer

from medici_platform.cli.challenges import Json
from medici_platform.cli.client import Client
from medici_platform.cli.output import CommandFailed, print_json
from medici_platform.cli.submissions import Identifier, TaskOption


def cases(
    submission: Identifier,
    task: TaskOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder; made if need be.")] = Path(),
    as_json: Json = False,
) -> None:
    """Download the results of single cases, one CSV file a task (organizers)."""
    client = Client()
    runs = [run for run in client.get(f"/submissions/{submission}/runs") if task is None or run["task_index"] == task]
    if not runs:
        raise CommandFailed(f"Submission {submission} has no run" + ("." if task is None else f" of a task {task}."))
    kept = [run for run in runs if run["has_cases"]]
    if not kept:
        client.get(f"/runs/{runs[0]['id']}/cases")  # the platform's own words
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandFailed(f"{output} cannot be written: {error.strerror}.", code="output") from error
    files = []
    for run in kept:
        file = output / f"submission-{submission}-task-{run['task_index']}-cases.csv"
        client.download(f"/runs/{run['id']}/cases", file)
        files.append({"task": run["task"], "file": str(file)})
    if as_json:
        print_json(files)
    else:
        for each in files:
            typer.echo(each["file"])
