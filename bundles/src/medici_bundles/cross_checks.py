"""What no single key can tell: whether the parts of a challenge fit together.

The checks also run on definitions that hold None where a key has a fault of its own, and leave those alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from medici_bundles.faults import Fault
from medici_bundles.parsing import dotted
from medici_bundles.schema import ChallengeDefinition, Leaderboard, Phase, Solution
from medici_bundles.yaml_lines import Path, YamlDocument


def cross_faults(definition: ChallengeDefinition, document: YamlDocument) -> list[Fault]:
    found = [
        *_unique("tasks", [task.index for task in definition.tasks], "index"),
        *_unique("phases", [phase.index for phase in definition.phases], "index"),
        *_unique("phases", [phase.name for phase in definition.phases], "name"),
        *_unique("leaderboards", [board.key for board in definition.leaderboards], "key"),
        *_unknown_tasks(definition),
        *_phase_times(definition, document),
        *_containers_without_input(definition, document),
        *(fault for place, board in enumerate(definition.leaderboards) for fault in _columns(place, board)),
    ]
    return [document.fault(path, f"{dotted(path)} {message}") for path, message in found]


def _unique(section: str, values: Sequence[object], key: str, below: Path = ()) -> Iterator[tuple[Path, str]]:
    seen: dict[object, int] = {}
    for place, value in enumerate(values):
        if value is None:
            continue
        first = seen.setdefault(value, place)
        if first != place:
            yield (*below, section, place, key), f"is {value!r}, as is that of {section}[{first}]; give each its own"


def _unknown_tasks(definition: ChallengeDefinition) -> Iterator[tuple[Path, str]]:
    known = {task.index for task in definition.tasks if task.index is not None}
    referring: dict[str, Sequence[Phase | Solution]] = {"phases": definition.phases, "solutions": definition.solutions}
    for section, entries in referring.items():
        for place, entry in enumerate(entries):
            for position, index in enumerate(entry.tasks or ()):
                if index not in known:
                    yield (section, place, "tasks", position), f"names task {index}, {_existing('task', known)}"


def _existing(noun: str, known: Iterable[int]) -> str:
    numbers = ", ".join(map(str, sorted(known)))
    return f"but the indexes of the {noun}s are {numbers}" if numbers else f"but there are no {noun}s"


def _phase_times(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[tuple[Path, str]]:
    """Phases follow each other in the order of their indexes; they may overlap."""
    places = [place for place, phase in enumerate(definition.phases) if phase.index is not None]
    places.sort(key=lambda place: definition.phases[place].index)
    for place in places:
        phase = definition.phases[place]
        if phase.start and phase.end and phase.end <= phase.start:
            yield ("phases", place, "end"), "is not after the phase's start"
    for place, following in pairwise(places):
        phase, after = definition.phases[place], definition.phases[following]
        if phase.end is None and ("phases", place, "end") not in document.lines:
            yield ("phases", place, "end"), "is missing; only the last phase may stay open"
        if phase.start and after.start and after.start < phase.start:
            yield ("phases", following, "start"), f"is before that of phases[{place}], which has the lower index"


def _containers_without_input(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[tuple[Path, str]]:
    without = {
        task.index
        for place, task in enumerate(definition.tasks)
        if not task.input_data and ("tasks", place, "input_data") not in document.lines
    }
    for place, phase in enumerate(definition.phases):
        lacking = [index for index in phase.tasks or () if index in without]
        if "accepts" in phase.model_fields_set and "container" in (phase.accepts or ()) and lacking:
            message = f"names containers, but task {lacking[0]} has no input_data to run them on"
            yield ("phases", place, "accepts"), message


def _columns(place: int, board: Leaderboard) -> Iterator[tuple[Path, str]]:
    here: Path = ("leaderboards", place)
    columns = board.columns or ()
    indexes = [column.index for column in columns]
    yield from _unique("columns", [column.key for column in columns], "key", here)
    yield from _unique("columns", indexes, "index", here)
    known = {index for index in indexes if index is not None}
    if board.primary_index is not None and known and board.primary_index not in known:
        yield (*here, "primary_index"), f"is {board.primary_index}, {_existing('column', known)}"
    for position, column in enumerate(columns):
        path = (*here, "columns", position)
        if column.computation and not column.computation_indexes:
            yield (*path, "computation"), "needs computation_indexes: the indexes of the columns to compute from"
        for at, index in enumerate(column.computation_indexes or ()):
            if index not in known or index == column.index:
                wrong = "which is the column itself" if index == column.index else _existing("column", known)
                yield (*path, "computation_indexes", at), f"names column {index}, {wrong}"
