"""From competition.yaml to a definition, with every fault and every key that is not read."""

import difflib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.schema import ChallengeDefinition, Part
from medici_bundles.yaml_lines import Path, YamlDocument

V2_SECTIONS = frozenset({"tasks", "leaderboards", "pages"})
V15_SECTIONS = frozenset({"html", "leaderboard"})


@dataclass(frozen=True)
class Parsed:
    """`definition` is whole when `faults` is empty; else it holds what could be read, None in place of the rest."""

    definition: ChallengeDefinition
    faults: tuple[Fault, ...]


def parse(document: YamlDocument) -> Parsed:
    refuse_other_formats(document)
    try:
        return Parsed(ChallengeDefinition.model_validate(document.data), ())
    except ValidationError as error:
        faults = [_fault(document, details) for details in error.errors(include_url=False) if not _echoes(details)]
        return Parsed(draft(ChallengeDefinition, document.data), tuple(faults))


def refuse_other_formats(document: YamlDocument) -> None:
    data = document.data
    if not isinstance(data, dict):
        raise BundleRejected([document.fault((), "must hold `key: value` lines, beginning with `version: 2`")])
    version = str(data.get("version", "")).strip()
    if version in {"2", "2.0"} or (version == "" and V2_SECTIONS & data.keys()):
        return
    if version in {"1", "1.0", "1.5"} or V15_SECTIONS & data.keys() or isinstance(data.get("phases"), dict):
        message = "this is a bundle of CodaLab 1.5, which this version does not read yet; write it in version 2's keys"
    elif version:
        message = f"version {version} is unknown; MedICI reads version 2"
    else:
        message = "is no challenge: it holds none of `tasks`, `phases`, `leaderboards`; begin with `version: 2`"
    raise BundleRejected([document.fault(("version",), message)])


def draft(model: type[Part], raw: Any) -> Any:
    """What can be read of a part that has faults, so that the cross-checks see the rest; the others are None."""
    prepared = model.prepared(raw) if isinstance(raw, dict) else {}
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        values[name] = _draft_value(field, prepared[name]) if name in prepared else default
    return model.model_construct(_fields_set=set(prepared), **values)


def _draft_value(field: FieldInfo, value: Any) -> Any:
    inner = part_in(field.annotation)
    if inner is not None and get_origin(field.annotation) is tuple:
        return tuple(draft(inner, item) for item in value) if isinstance(value, list) else ()
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        return adapter.validate_python(value)
    except ValidationError:
        return None


def part_in(annotation: Any) -> type[Part] | None:
    """The model inside `tuple[Model, ...]`, `dict[str, Model]`, `Model | None` or `Model`."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    if get_origin(annotation) in {tuple, dict, Union, types.UnionType}:
        return next((found for found in map(part_in, get_args(annotation)) if found), None)
    return None


def ignored_keys(document: YamlDocument) -> tuple[str, ...]:
    """One line for each key that nothing reads, with the key that was perhaps meant."""
    return tuple(
        f"ignored: {dotted(path)} (line {document.line(path)}){hint}"
        for path, hint in _unknown(ChallengeDefinition, document.data, ())
    )


def _unknown(model: type[BaseModel], data: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        below = (*path, str(key))
        field = model.model_fields.get(str(key))
        if field is not None:
            yield from _unknown_below(field, value, below)
        elif below != ("version",):
            close = difflib.get_close_matches(str(key), model.model_fields, n=1)
            yield below, f"; did you mean {close[0]}?" if close else ""


def _unknown_below(field: FieldInfo, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    inner = part_in(field.annotation)
    if inner is None:
        return
    origin = get_origin(field.annotation)
    if origin is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(inner, item, (*path, index))
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from _unknown(inner, item, (*path, str(key)))
    elif origin not in {tuple, dict}:
        yield from _unknown(inner, value, path)


def dotted(path: Path) -> str:
    """`("phases", 0, "end")` → `phases[0].end`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _echoes(details: ErrorDetails) -> bool:
    """A list counts as empty when all its entries have faults, and a slug is made from the title: those are named."""
    return (details["type"] == "too_short" and bool(details["input"])) or (
        details["type"] == "missing" and details["loc"] == ("slug",)
    )


def _fault(document: YamlDocument, details: ErrorDetails) -> Fault:
    path = details["loc"]
    return document.fault(path, f"{dotted(path)} {_sentence(details)}" if path else _sentence(details))


def _sentence(details: ErrorDetails) -> str:
    given = details["input"]
    shown = "" if isinstance(given, dict | list) or given == "" else f", not {given!r:.60}"
    context = details.get("ctx", {})
    if details["type"] == "value_error":
        return str(context["error"])
    if details["type"] == "too_short":
        return "must hold at least one entry"
    if details["type"] == "string_pattern_mismatch":
        return _pattern_sentence(details) + shown
    template = _SENTENCES.get(details["type"])
    return template.format(**context) + shown if template else details["msg"]


def _pattern_sentence(details: ErrorDetails) -> str:
    if details["loc"] != ("slug",):
        return "must be a short name of letters, digits, `_`, `-` and `.`"
    hint = "" if details["input"] else "; the title gives none, so write `slug: …`"
    return "must be made of lower-case letters, digits and single hyphens" + hint


_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "tuple_type": "must be a list",
    "dict_type": "must hold `key: value` lines",
    "model_type": "must hold `key: value` lines",
}
