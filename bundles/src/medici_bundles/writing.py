"""From a definition back to competition.yaml: the schema's own order, without what is a default anyway."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from medici_bundles.schema import ChallengeDefinition, Column, FactSheetQuestion, Leaderboard, Part, Phase, Task
from medici_bundles.secrecy import overlap

VERSION = 2
LINE_WIDTH = 110
"""A line is broken after the word that passes it."""
INLINE_WIDTH = 80

_ALWAYS: dict[type[Part], frozenset[str]] = {
    ChallengeDefinition: frozenset({"registration_auto_approve"}),
    Phase: frozenset(
        {"max_submissions", "max_submissions_per_day", "execution_time_limit", "limits", "logs"}
        | {"accepts", "hidden", "unwrap_results", "detailed_results"}
    ),
    Leaderboard: frozenset({"index", "submission_rule", "primary_index"}),
    Column: frozenset({"sorting"}),
    FactSheetQuestion: frozenset({"is_required"}),
}
"""Keys that are written whatever they hold: what they stand for must not change with a default, and some of their
defaults follow from other keys. So are all that the schema requires."""


def write_definition(definition: ChallengeDefinition) -> str:
    """The definition as competition.yaml, the same text each time; reading it gives an equal definition."""
    challenge = {"version": VERSION, **_keys_of(definition)}
    challenge["phases"] = [_keys_of(phase, _unsaid(definition, phase)) for phase in definition.phases]
    return "".join(_sections(challenge))


def write_entry(key: str, value: str) -> str:
    """One `key: value` of a text, quoted where YAML needs it."""
    return _dumped({key: value})


def _sections(challenge: Mapping[str, Any]) -> Iterator[str]:
    """A blank line stands before each section, and after it when single keys follow."""
    after_section = False
    for key, value in challenge.items():
        is_section = _is_section(value)
        yield ("\n" if is_section or after_section else "") + _dumped({key: value})
        after_section = is_section


def _is_section(value: Any) -> bool:
    inside = list(value.values()) if isinstance(value, dict) else value
    return isinstance(inside, list) and any(isinstance(item, dict) for item in inside)


def _dumped(entry: dict[str, Any]) -> str:
    text: str = yaml.dump(entry, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=LINE_WIDTH)
    return text


def _unsaid(definition: ChallengeDefinition, phase: Phase) -> frozenset[str]:
    """Keys of a phase whose default holds where saying the same would be a fault.

    Both come from Codabench's bundles, which never say them: containers where a task has nothing to run them on, and
    public data in which the input data lie.
    """
    tasks = [task for task in definition.tasks if task.index in phase.tasks]
    unsaid = set()
    cannot_be_said = any(task.ingestion_program for task in tasks) and not all(task.input_data for task in tasks)
    cannot_be_said |= len({bool(task.input_data) for task in tasks}) > 1
    if phase.accepts == Phase.model_fields["accepts"].default and cannot_be_said:
        unsaid.add("accepts")
    if (
        phase.hidden
        and not definition.make_input_data_available
        and any(_is_handed_out(definition, task) for task in tasks)
    ):
        unsaid.add("hidden")
    return frozenset(unsaid)


def _is_handed_out(definition: ChallengeDefinition, task: Task) -> bool:
    published = [ref for phase in definition.phases for ref in (phase.public_data, phase.starting_kit) if ref]
    return bool(task.input_data) and any(overlap(ref, str(task.input_data)) for ref in published)


def _keys_of(part: Part, unsaid: frozenset[str] = frozenset()) -> dict[str, Any]:
    keys = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if value is not None and name not in unsaid and _is_told(part, name, field, value):
            keys[name] = _plain(value)
    return keys


def _is_told(part: Part, name: str, field: FieldInfo, value: Any) -> bool:
    if field.is_required() or name in _ALWAYS.get(type(part), ()):
        return True
    # Whether the starting kit holds the programs depends on whether the organizer has said no.
    if name == "make_programs_available" and name in part.model_fields_set:
        return True
    return bool(value != field.get_default(call_default_factory=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return _keys_of(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and value < 10**15:  # above, 1.0e+20 is the shorter one
        return int(value)
    return value


class _Dumper(yaml.SafeDumper):
    """Block style with indented lists, each value written where it stands (no anchors)."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001 - theirs
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_LOSSY_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks in the eyes of YAML 1.1, which it reads back as a plain one, unless they are escaped."""

_OTHERS_READ_MORE = re.compile(r"[-+]?(\d|\.\d)[\d_.,:eExXoOa-fA-F+-]*|[yYnN]", re.ASCII)
"""Texts that other readers of YAML (1.1 in full, 1.2) take for a number or for yes and no."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if _LOSSY_BREAKS.search(text):
        return '"'
    if "\n" in text:
        return "|" if text == text.strip() else '"'
    return "'" if _OTHERS_READ_MORE.fullmatch(text) else None


def _moment(dumper: _Dumper, moment: datetime) -> yaml.ScalarNode:
    offset = moment.utcoffset()
    if offset is None or offset.total_seconds() % 60:  # offsets of seconds, before 1900, are unknown to YAML
        moment = moment.astimezone(UTC)
    text = moment.isoformat().replace("+00:00", "Z")
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", text)


def _list(dumper: _Dumper, items: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=_fits_inline(items))


def _fits_inline(items: list[Any]) -> bool:
    """Short lists of numbers or words."""
    words = [str(item) for item in items]
    return (
        not any(isinstance(item, dict | list) or " " in word for item, word in zip(items, words, strict=True))
        and sum(len(word) + 2 for word in words) <= INLINE_WIDTH
    )


def _mapping(dumper: _Dumper, entries: dict[str, Any]) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", entries.items(), flow_style=not entries)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(datetime, _moment)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _mapping)
