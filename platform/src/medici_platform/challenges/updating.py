"""What a new version of a challenge may not take away, and what its organizer should do after it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from medici_bundles import schema
from medici_platform.challenges.models import Challenge, Phase, Task
from medici_platform.context import Usage
from medici_platform.errors import Conflict

_DATA = {
    "input_data": "input data",
    "reference_data": "reference data",
    "scoring_program": "scoring program",
    "ingestion_program": "ingestion program",
}


def require_keeps_what_is_used(challenge: Challenge, definition: schema.ChallengeDefinition, usage: Usage) -> None:
    """Raises Conflict for what would be removed, or would pass under another index, with submissions on it."""
    phases = [phase for phase in challenge.phases if phase.id in usage.phases]
    tasks = [task for task in challenge.tasks if task.id in usage.tasks]
    _require_kept("phase", phases, {each.index: each.name for each in definition.phases}, "submissions")
    _require_kept("task", tasks, {each.index: each.name for each in definition.tasks}, "runs")
    kept = {board.key for board in definition.leaderboards}
    for board in challenge.leaderboards:
        if board.id in usage.leaderboards and board.key not in kept:
            raise _in_use(f"The leaderboard {board.key!r} has entries", "keep its key in the bundle, or set it hidden")


def _require_kept(noun: str, used: Sequence[Phase] | Sequence[Task], said: Mapping[int, str], what: str) -> None:
    for row in used:
        moved = [index for index, name in said.items() if name == row.name and index != row.index]
        if row.index not in said:
            raise _in_use(f"The {noun} {row.name!r} (index {row.index}) has {what}", "keep it in the bundle")
        if moved and said[row.index] != row.name:
            raise _in_use(
                f"The {noun} {row.name!r} has {what} under the index {row.index}, which the bundle gives to "
                f"{said[row.index]!r}",
                f"let each {noun} keep its index",
            )


def _in_use(what: str, advice: str) -> Conflict:
    return Conflict(f"{what}: {advice}.", code="in_use")


@contextmanager
def changed_tasks(challenge: Challenge, usage: Usage) -> Iterator[list[str]]:
    """Remarks on what changes inside the `with` block and has been scored before."""
    before = {task.id: _data_of(task) for task in challenge.tasks if task.id in usage.tasks}
    tasks_before = {phase.id: {task.id for task in phase.tasks} for phase in challenge.phases}
    remarks: list[str] = []
    yield remarks
    for task in challenge.tasks:
        changed = [name for name, sha256 in before.get(task.id, {}).items() if getattr(task, name) != sha256]
        if changed:
            words = ", ".join(_DATA[name.removesuffix("_sha256")] for name in changed)
            again = "rerun" if {"input_data_sha256", "ingestion_program_sha256"} & set(changed) else "rescore"
            remarks.append(
                f"task {task.name!r}: {words} changed; scores made before were made with what was there then: "
                f"{again} the submissions that are to be compared"
            )
    remarks += [
        f"phase {phase.name!r}: its tasks changed; earlier submissions ran on the tasks of then"
        for phase in challenge.phases
        if phase.id in usage.phases and {task.id for task in phase.tasks} != tasks_before.get(phase.id)
    ]


def _data_of(task: Task) -> dict[str, str | None]:
    return {f"{name}_sha256": getattr(task, f"{name}_sha256") for name in _DATA}
