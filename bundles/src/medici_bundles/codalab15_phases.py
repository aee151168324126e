"""CodaLab 1.5's phases as version 2's tasks and phases.

There, each phase holds its own data and programs; phases with the same ones share a task here. A phase ends where the
next one starts, but for 1.8's parallel phases, which run at the time of their parent.
"""

from dataclasses import dataclass, field
from typing import Any, get_args

from medici_bundles.codalab15_rewrite import NewPart, Rewrite
from medici_bundles.codalab15_schema import DEFAULT_TIME_S, Challenge15, Phase15
from medici_bundles.schema import Phase, SubmissionKind
from medici_bundles.yaml_lines import Path

UNTIL_SHOWN = "2999-12-31T00:00:00+00:00"
"""The embargo of hidden results in a phase without an end."""
_DATA = {
    "input_data": "input_data",
    "reference_data": "reference_data",
    "scoring_program": "scoring_program",
    "ingestion_program": "ingestion_program",
    "ingestion_only_during_scoring": "ingestion_program_only_during_scoring",
}
"""Key of a task → key of a phase."""


@dataclass(eq=False)
class _Entry:
    """One phase on its way."""

    key: str
    number: int
    old: Phase15
    index: int = 0
    start: Any = None
    start_of: Path = ()
    end: Any = None
    end_of: Path = ()
    parent: "_Entry | None" = None
    children: list["_Entry"] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return "phases", self.key

    @property
    def title(self) -> str:
        return self.old.label or f"Phase {self.number}"

    @property
    def shares_the_tasks_of_its_children(self) -> bool:
        return self.may_be_parallel and self.old.reference_data is None

    @property
    def may_be_parallel(self) -> bool:
        """None stands for a value that cannot be read."""
        return self.old.is_parallel_parent is not False


def write_phases(rewrite: Rewrite, top: NewPart, old: Challenge15) -> bool:
    """Whether any of 1.8's parallel phases was among them."""
    rewrite.origins["phases",] = rewrite.origins["tasks",] = ("phases",)
    entries = _ordered(rewrite, old)
    _settle_parents(rewrite, entries)
    _settle_times(old, rewrite, entries)
    top.data["tasks"] = _tasks(rewrite, entries)
    top.data["phases"] = [_phase(rewrite, entry) for entry in entries]
    _tell_defaults(rewrite, entries)
    return any(entry.parent or entry.old.is_parallel_parent for entry in entries)


def _ordered(rewrite: Rewrite, old: Challenge15) -> list[_Entry]:
    entries = []
    for place, (key, phase) in enumerate((old.phases or {}).items(), start=1):
        number = phase.phasenumber
        if number is None:
            number = int(key) if key.isdecimal() else place
        entries.append(_Entry(key, number, phase))
    entries.sort(key=lambda entry: entry.number)
    known: dict[int, _Entry] = {}
    for index, entry in enumerate(entries):
        entry.index = index
        first = known.setdefault(entry.number, entry)
        if first is not entry:
            text = f"is {entry.number}, as is that of phases.{first.key}; give each its own"
            rewrite.fault((*entry.path, "phasenumber"), text)
    return entries


def _settle_parents(rewrite: Rewrite, entries: list[_Entry]) -> None:
    known = {entry.number: entry for entry in reversed(entries)}
    for entry in entries:
        number = entry.old.parent_phasenumber
        if number is None:
            continue
        path = (*entry.path, "parent_phasenumber")
        parent = known.get(number)
        if parent is None:
            rewrite.fault(path, f"is {number}, but the phasenumbers are {', '.join(map(str, sorted(known)))}")
        elif parent is entry:
            rewrite.fault(path, "names the phase itself")
        elif parent.old.parent_phasenumber is not None:
            rewrite.fault(path, f"names phases.{parent.key}, which has a parent itself")
        else:
            entry.parent = parent
            parent.children.append(entry)


def _settle_times(old: Challenge15, rewrite: Rewrite, entries: list[_Entry]) -> None:
    following = [entry for entry in entries if not rewrite.has((*entry.path, "parent_phasenumber"))]
    for place, entry in enumerate(following):
        entry.start, entry.start_of = entry.old.start_date, (*entry.path, "start_date")
        if place == 0 and not rewrite.has(entry.start_of) and rewrite.has(("start_date",)):
            entry.start, entry.start_of = old.start_date, ("start_date",)
    for place, entry in enumerate(following):
        after = following[place + 1] if place + 1 < len(following) else None
        entry.end, entry.end_of = (after.start, after.start_of) if after else (_end(old, rewrite), ("end_date",))
    if old.start_date and following and following[0].start not in {None, old.start_date}:
        rewrite.tell(("start_date",), "the challenge begins with its first phase")
    for child in entries:
        parent = child.parent
        if child not in following:
            child.start_of = (*child.path, "parent_phasenumber")
        if parent is None:
            continue
        child.start, child.start_of = parent.start, parent.start_of
        child.end, child.end_of = parent.end, parent.end_of
        if child.old.start_date and child.old.start_date != parent.old.start_date:
            text = f"a parallel phase has the time of its parent, phases.{parent.key}"
            rewrite.tell((*child.path, "start_date"), text)


def _end(old: Challenge15, rewrite: Rewrite) -> Any:
    """As it is written, so that a bare date can be told from one with hours."""
    return rewrite.document.data.get("end_date") if old.end_date else None


def _tasks(rewrite: Rewrite, entries: list[_Entry]) -> list[dict[str, Any]]:
    """One for each set of data and programs; phases with the same set share it."""
    known: dict[tuple[object, ...], int] = {}
    tasks: list[dict[str, Any]] = []
    for entry in entries:
        if entry.shares_the_tasks_of_its_children and not rewrite.has((*entry.path, "reference_data")):
            continue
        if not rewrite.has((*entry.path, "reference_data")):
            rewrite.fault((*entry.path, "reference_data"), "is missing")
        values = tuple(getattr(entry.old, key) for key in _DATA.values())
        index = known.get(values)
        if index is None:
            index = known[values] = len(tasks)
            tasks.append(_task(rewrite, index, entry))
        entry.tasks = [index]
    for entry in entries:
        if not entry.tasks:
            entry.tasks = sorted({index for child in entry.children for index in child.tasks})
        if not entry.tasks and entry.old.is_parallel_parent:
            rewrite.fault((*entry.path, "is_parallel_parent"), "is true, but no phase names this one as its parent")
    return tasks


def _task(rewrite: Rewrite, index: int, entry: _Entry) -> dict[str, Any]:
    part = rewrite.part(("tasks", index), entry.path)
    part.put("index", index, "phasenumber")
    part.put("name", entry.title, "label")
    for key, of in _DATA.items():
        part.put(key, getattr(entry.old, of), of)
    return part.data


def _phase(rewrite: Rewrite, entry: _Entry) -> dict[str, Any]:
    old = entry.old
    part = rewrite.part(("phases", entry.index), entry.path)
    part.put("index", entry.index, "phasenumber")
    part.put("name", entry.title, "label")
    part.put("start", entry.start, entry.start_of)
    part.put("end", entry.end, entry.end_of)
    part.put("tasks", entry.tasks, "is_parallel_parent" if entry.may_be_parallel else entry.path)
    part.put("auto_migrate_to_this_phase", old.auto_migration, "auto_migration")
    part.put("execution_time_limit", old.execution_time_limit or DEFAULT_TIME_S)
    for key in ("description", "max_submissions", "max_submissions_per_day", "public_data", "starting_kit"):
        part.put(key, getattr(old, key))
    part.put("parallel", bool(old.is_parallel_parent or entry.children), "is_parallel_parent")
    part.put("parent", entry.parent.index if entry.parent else None, "parent_phasenumber")
    part.put("unwrap_results", False, entry.path)
    part.put("detailed_results", True, entry.path)
    part.put("accepts", list(get_args(SubmissionKind)), "is_scoring_only")
    if (old.leaderboard_management_mode or "").strip().lower() == "hide_results":
        _hide_results(rewrite, part, entry)
    return part.data


def _hide_results(rewrite: Rewrite, part: NewPart, entry: _Entry) -> None:
    key = "leaderboard_management_mode"
    part.put("embargo_until", entry.end or UNTIL_SHOWN, key)
    part.put("hide_score_output", True, key)
    until = "the phase has ended" if entry.end else "the organizer sets another time"
    text = f"embargo_until: organizers alone see the leaderboards until {until}; hide_score_output: and the scores"
    rewrite.tell((*entry.path, key), text)


def _tell_defaults(rewrite: Rewrite, entries: list[_Entry]) -> None:
    for key in ("max_submissions", "max_submissions_per_day"):
        without = [entry.key for entry in entries if not rewrite.has((*entry.path, key))]
        if without:
            default = Phase.model_fields[key].default
            which = f"phases.{', phases.'.join(without)}"
            rewrite.mapped.append(f"{key}: not given in {which}; {default} there, as on Codabench")
