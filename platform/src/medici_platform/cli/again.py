"""`medici rerun`, `medici rescore`: the same once more, and whether it came to the same."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from medici_platform.cli.challenges import Json
from medici_platform.cli.client import Client
from medici_platform.cli.output import print_json, results
from medici_platform.cli.submissions import Identifier, TaskOption, fail_unless_scored, follow, print_end, say

WaitOption = Annotated[
    bool, typer.Option("--wait", help="Follow it to its end, and say whether it came to the same; if not, exit with 1.")
]


def rerun(submission: Identifier, task: TaskOption = None, wait: WaitOption = False, as_json: Json = False) -> None:
    """Run a submission again from the start, or one task of it (organizers)."""
    _again("rerun", submission, task, wait=wait, as_json=as_json)


def rescore(submission: Identifier, task: TaskOption = None, wait: WaitOption = False, as_json: Json = False) -> None:
    """Score a submission's kept outputs again, or those of one task (organizers)."""
    _again("rescore", submission, task, wait=wait, as_json=as_json)


def _again(verb: str, submission: int, task: int | None, *, wait: bool, as_json: bool) -> None:
    client = Client()
    sent = client.post(f"/submissions/{submission}/{verb}", task=task)
    if not wait:
        say(sent, as_json=as_json)
        return
    ended = follow(client, submission, quiet=as_json)
    records = _latest_records(client, submission, task)
    if as_json:
        compared = [{"task": each["task"], "comparison": each["comparison"]} for each in records]
        print_json({**ended, "comparisons": compared})
    else:
        print_end(ended)
        _print_comparisons(records)
    if any(each["comparison"] and each["comparison"]["reproduced"] is False for each in records):
        raise typer.Exit(1)
    fail_unless_scored(ended)


def _latest_records(client: Client, submission: int, task: int | None) -> list[dict[str, Any]]:
    """Of each run that was run again: none of a run whose latest attempt left no record, as when it was cancelled."""
    runs = [run for run in client.get(f"/submissions/{submission}/runs") if task is None or run["task_index"] == task]
    latest = [(run, client.get(f"/runs/{run['id']}/records")[:1]) for run in runs]
    return [each for run, records in latest for each in records if each["attempt"] == run["attempt"]]


def _print_comparisons(records: Sequence[dict[str, Any]]) -> None:
    for each in records:
        comparison = each["comparison"]
        task = f"{each['task']}: " if len(records) > 1 else ""
        if comparison is None:
            results.print(escape(f"{task}there is nothing before it to compare with"))
            continue
        results.print(escape(f"{task}{comparison['sentence']}"))
        for part in ("results", "material", "surroundings"):
            for difference in comparison[part]:
                results.print(escape(f"  {difference['text']}"))
