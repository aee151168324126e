"""What participants must never get: every task's reference data, and the input data of hidden phases."""

from typing import NamedTuple

from medici_bundles.schema import ChallengeDefinition


class Secret(NamedTuple):
    key: str
    ref: str
    is_hidden: bool
    """Of a task that no open phase uses, or that a hidden one uses too."""
    is_declared: bool
    """The answers, or input data of a phase that says `hidden: true` itself: Codabench's bundles never say."""


def secret_refs(definition: ChallengeDefinition) -> list[Secret]:
    hidden = _tasks_of(definition, hidden=True)
    opened = _tasks_of(definition, hidden=False) - hidden
    declared = _tasks_of(definition, hidden=True, written=True)
    secrets = []
    for task in definition.tasks:
        is_hidden = task.index not in opened
        if task.reference_data:
            secrets.append(Secret("reference_data", task.reference_data, is_hidden, is_declared=True))
        if task.input_data and is_hidden:
            secrets.append(Secret("input_data", task.input_data, is_hidden, is_declared=task.index in declared))
    return secrets


def _tasks_of(definition: ChallengeDefinition, *, hidden: bool, written: bool = False) -> set[int]:
    phases = [phase for phase in definition.phases if phase.hidden is hidden]
    return {
        index for phase in phases if not written or "hidden" in phase.model_fields_set for index in phase.tasks or ()
    }


def overlap(one: str, other: str) -> bool:
    """Whether two paths of a bundle name the same thing, or one holds the other. `x` and `x.zip` are the same."""
    first, second = one.removesuffix(".zip"), other.removesuffix(".zip")
    return first == second or first.startswith(f"{second}/") or second.startswith(f"{first}/")
