"""What participants must never get: every task's reference data, and the input data of hidden phases."""

from typing import NamedTuple

from medici_bundles.schema import ChallengeDefinition


class Secret(NamedTuple):
    key: str
    ref: str


def secret_refs(definition: ChallengeDefinition) -> list[Secret]:
    """A task's input data is open when at least one phase uses the task and none of them is hidden."""
    hidden = _tasks_of(definition, hidden=True)
    opened = _tasks_of(definition, hidden=False) - hidden
    secrets = [Secret("reference_data", task.reference_data) for task in definition.tasks if task.reference_data]
    inputs = [task.input_data for task in definition.tasks if task.input_data and task.index not in opened]
    return [*secrets, *(Secret("input_data", ref) for ref in inputs)]


def _tasks_of(definition: ChallengeDefinition, *, hidden: bool) -> set[int]:
    return {index for phase in definition.phases if phase.hidden is hidden for index in phase.tasks or ()}


def overlap(one: str, other: str) -> bool:
    """Whether two paths of a bundle name the same thing, or one holds the other. `x` and `x.zip` are the same."""
    first, second = one.removesuffix(".zip"), other.removesuffix(".zip")
    return first == second or first.startswith(f"{second}/") or second.startswith(f"{first}/")
