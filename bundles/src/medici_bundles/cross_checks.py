"""What no single key can tell: whether the parts of a challenge fit together.

The checks also run on definitions that hold None where a key has a fault of its own, and leave those alone. They speak
of keys as the file writes them: in a translated document these are the keys of CodaLab 1.5.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from medici_bundles.board_checks import column_faults
from medici_bundles.faults import Fault
from medici_bundles.schema import ChallengeDefinition, Phase, Solution
from medici_bundles.yaml_lines import Path, YamlDocument


def cross_faults(definition: ChallengeDefinition, document: YamlDocument) -> list[Fault]:
    checks = _Checks(definition, document)
    found = [
        *checks.unique("tasks", [task.index for task in definition.tasks], "index"),
        *checks.unique("phases", [phase.index for phase in definition.phases], "index"),
        *checks.unique("phases", [phase.name for phase in definition.phases], "name"),
        *checks.unique("leaderboards", [board.key for board in definition.leaderboards], "key"),
        *checks.unknown_tasks(),
        *checks.phase_times(),
        *checks.moments(),
        *checks.parents(),
        *checks.kinds(),
        *checks.open_data(),
        *checks.choices(),
        *(fault for place, board in enumerate(definition.leaderboards) for fault in column_faults(place, board)),
    ]
    return [document.fault(path, f"{document.name(path)} {message}") for path, message in found]


Found = Iterator[tuple[Path, str]]
"""Where it is wrong, and what: the words after the key's name."""


class _Checks:
    def __init__(self, definition: ChallengeDefinition, document: YamlDocument) -> None:
        self.definition = definition
        self.document = document
        self.phases = definition.phases
        self.places = {phase.index: place for place, phase in reversed(list(enumerate(definition.phases)))}
        """Index of a phase → its place in the list."""

    def unique(self, section: str, values: Sequence[object], key: str) -> Found:
        seen: dict[object, int] = {}
        for place, value in enumerate(values):
            first = seen.setdefault(value, place)
            if value is not None and first != place:
                other = self.document.name((section, first))
                yield (section, place, key), f"is {value!r}, as is that of {other}; give each its own"

    def unknown_tasks(self) -> Found:
        known = {task.index for task in self.definition.tasks}
        if not known or None in known:
            return  # those that cannot be read are named, and one of them may be meant
        sections: dict[str, Sequence[Phase | Solution]] = {
            "phases": self.phases,
            "solutions": self.definition.solutions,
        }
        for section, entries in sections.items():
            for place, entry in enumerate(entries):
                for position, index in enumerate(entry.tasks or ()):
                    if index not in known:
                        yield (section, place, "tasks", position), f"names task {index}, {existing('task', known)}"

    def phase_times(self) -> Found:
        """Phases follow each other in the order of their indexes; they may overlap."""
        places = [place for place, phase in enumerate(self.phases) if phase.index is not None]
        places.sort(key=lambda place: self.phases[place].index)
        for place in places:
            phase = self.phases[place]
            if phase.start and phase.end and phase.end <= phase.start:
                yield ("phases", place, "end"), f"is not after {self.document.name(('phases', place, 'start'))}"
        if self.document.is_translated:
            return  # there, ends follow from the starts
        for place, following in pairwise([place for place in places if not self._shares_time(self.phases[place])]):
            phase, after = self.phases[place], self.phases[following]
            if self._is_open(place):
                yield ("phases", place, "end"), "is missing; only the last phase may stay open"
            if phase.start and after.start and after.start < phase.start:
                yield ("phases", following, "start"), f"is before that of phases[{place}], which has the lower index"

    def _is_open(self, place: int) -> bool:
        """Without an end, also where the key stands there with nothing behind it; not where its value has a fault."""
        written = self.document.data.get("phases")
        phase = written[place] if isinstance(written, list) else None
        says_nothing = not isinstance(phase, dict) or phase.get("end") in (None, "")
        return self.phases[place].end is None and says_nothing

    def _shares_time(self, phase: Phase) -> bool:
        """Whether the phase is one of those that get each submission of a parallel phase."""
        parent = self.places.get(phase.parent) if phase.parent is not None else None
        return parent is not None and bool(self.phases[parent].parallel)

    def moments(self) -> Found:
        for place, phase in enumerate(self.phases):
            here = ("phases", place)
            if phase.late_until and self._is_open(place):
                yield (*here, "late_until"), "needs an `end` that submissions can be late for"
            if phase.late_until and phase.end and phase.late_until <= phase.end:
                yield (*here, "late_until"), "is not after the phase's end"
            if phase.freeze_at and phase.start and phase.freeze_at < phase.start:
                yield (*here, "freeze_at"), "is before the phase's start"
            if phase.freeze_at and phase.end and phase.freeze_at >= phase.end:
                yield (*here, "freeze_at"), "is not before the phase's end"

    def parents(self) -> Found:
        for place, phase in enumerate(self.phases):
            path = ("phases", place, "parent")
            if phase.parent is None:
                continue
            if phase.parent not in self.places and None in self.places:
                continue  # a phase that cannot be read may be meant
            if phase.parent not in self.places:
                yield path, f"names phase {phase.parent}, {existing('phase', self.places)}"
            elif phase.parent == phase.index:
                yield path, "names the phase itself"
            elif self._is_in_a_circle(phase):
                yield path, "leads back to the phase itself; one of them has to come first"

    def _is_in_a_circle(self, phase: Phase) -> bool:
        index, seen = phase.parent, {phase.index}
        while index is not None and index in self.places and index not in seen:
            seen.add(index)
            index = self.phases[self.places[index]].parent
        return index == phase.index

    def kinds(self) -> Found:
        tasks = enumerate(self.definition.tasks)
        without = {task.index for place, task in tasks if not self._has_something_to_run_on(place)}
        for place, phase in enumerate(self.phases):
            if "accepts" not in phase.model_fields_set or not phase.accepts:
                if phase.allowed_images and phase.accepts and "image" not in phase.accepts:
                    yield ("phases", place, "allowed_images"), "needs a task with input_data to run images on"
                continue
            lacking = [index for index in phase.tasks or () if index in without]
            # Beside other kinds they may run on nothing: a phase that came from CodaLab 1.5 takes them all.
            if lacking and set(phase.accepts) <= {"container", "image"}:
                message = f"names {phase.accepts[0]} alone, but task {lacking[0]} has no input_data to run it on"
                yield ("phases", place, "accepts"), message
            if phase.allowed_images and "image" not in phase.accepts:
                yield ("phases", place, "allowed_images"), "names images, but `accepts` does not name image"

    def _has_something_to_run_on(self, place: int) -> bool:
        task = self.definition.tasks[place]
        return any(
            getattr(task, key) or self.document.holds(("tasks", place, key))
            for key in ("input_data", "ingestion_program")
        )

    def open_data(self) -> Found:
        if not self.definition.make_input_data_available:
            return
        for place, phase in enumerate(self.phases):
            if phase.hidden and "hidden" in phase.model_fields_set:
                yield (
                    ("phases", place, "hidden"),
                    "is true, but make_input_data_available hands the input data out; change one of the two",
                )

    def choices(self) -> Found:
        for key, question in (self.definition.fact_sheet or {}).items():
            if question.type == "select" and question.selection == ():
                yield ("fact_sheet", key, "selection"), "needs at least one choice"


def existing(noun: str, known: Iterable[int]) -> str:
    numbers = ", ".join(map(str, sorted(known)))
    return f"but the indexes of the {noun}s are {numbers}" if numbers else f"but there are no {noun}s"
