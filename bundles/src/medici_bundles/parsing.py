"""From a document to typed parts, with every fault and its line."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from medici_bundles.faults import Fault
from medici_bundles.schema import ChallengeDefinition, Part
from medici_bundles.yaml_lines import Path, YamlDocument

AnyPart = TypeVar("AnyPart", bound=Part)


@dataclass(frozen=True)
class Parsed:
    """`definition` is whole when `faults` is empty; else it holds what could be read, None in place of the rest."""

    definition: ChallengeDefinition
    faults: tuple[Fault, ...]


def parse(document: YamlDocument) -> Parsed:
    """A document in version 2's keys, or translated into them."""
    definition, wrongs = validated(ChallengeDefinition, document.data)
    return Parsed(definition, tuple(fault_of(document, wrong) for wrong in wrongs))


def validated(model: type[AnyPart], data: Any) -> tuple[AnyPart, list[ErrorDetails]]:
    """The part, or what can be read of it, and what is wrong with it."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return draft(model, data), [details for details in error.errors(include_url=False) if not _echoes(details)]


def draft(model: type[Part], raw: Any) -> Any:
    """What can be read of a part that has faults, so that the cross-checks see the rest; the others are None."""
    prepared = model.prepared(raw) if isinstance(raw, dict) else {}
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        values[name] = _draft_value(field, prepared[name]) if name in prepared else _absent(field)
    return model.model_construct(_fields_set=set(prepared), **values)


def _absent(field: FieldInfo) -> Any:
    if field.is_required():
        return () if get_origin(field.annotation) is tuple else None
    return field.get_default(call_default_factory=True)


def _draft_value(field: FieldInfo, value: Any) -> Any:
    inner = part_in(field.annotation)
    origin = get_origin(field.annotation)
    if origin is dict:
        return dict(_draft_items(field, value)) if isinstance(value, dict) else {}
    if inner is not None and origin is tuple:
        return tuple(draft(inner, item) for item in value) if isinstance(value, list) else ()
    if inner is not None and isinstance(value, dict):
        return draft(inner, value)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _draft_items(field: FieldInfo, value: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The entries of a mapping that can be read, each on its own."""
    kind = get_args(field.annotation)[1]
    inner = part_in(kind)
    for key, item in value.items():
        if inner is not None:
            yield str(key), draft(inner, item)
            continue
        try:
            yield str(key), TypeAdapter(kind).validate_python(item)
        except ValidationError:
            continue


def part_in(annotation: Any) -> type[Part] | None:
    """The model inside `tuple[Model, ...]`, `dict[str, Model]`, `Model | None` or `Model`."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    if get_origin(annotation) in {tuple, dict, Union, types.UnionType}:
        return next((found for found in map(part_in, get_args(annotation)) if found), None)
    return None


def _echoes(details: ErrorDetails) -> bool:
    """A list counts as empty when all its entries have faults, and a slug is made from the title: those are named."""
    return (details["type"] == "too_short" and bool(details["input"])) or (
        details["type"] == "missing" and details["loc"] == ("slug",)
    )


def fault_of(document: YamlDocument, details: ErrorDetails) -> Fault:
    path = details["loc"]
    given = details["input"]
    if path[:1] == ("tasks",) and details["type"] == "missing" and isinstance(given, dict) and given.get("key"):
        return _elsewhere(document, (*path[:-1], "key"), given["key"])
    name = document.name(path)
    return document.fault(path, f"{name} {_sentence(details)}" if name else _sentence(details))


def _elsewhere(document: YamlDocument, path: Path, key: object) -> Fault:
    message = f"refers to task {key} on another server; write the task here, with its scoring_program and data"
    return document.fault(path, f"{document.name(path)} {message}")


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
    "too_long": "must hold at most {max_length} entries",
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
