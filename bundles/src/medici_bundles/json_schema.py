"""The JSON Schema of competition.yaml, for editors: what a key means, while it is written.

It says how a value is best written, where the reader takes more spellings; and only the reader knows whether the parts
fit together.
"""

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from typing import Any

from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from medici_bundles.schema import ChallengeDefinition, FactSheetQuestion, Part
from medici_bundles.writing import VERSION

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FILE = "competition.schema.json"
EDITOR_HINT = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""First line of a competition.yaml beside which the schema lies."""

_FILLED_IN = frozenset({"slug", "index"})
"""Required by the definition, and made from the title or the place in the list when they are not written."""
_MOMENT = {
    "type": "string",
    "examples": ["2026-12-31T18:00:00+01:00", "2026-12-31"],
    "description": "A date, or a date with a time and its offset; without an offset it is UTC.",
}


class _Terse(GenerateJsonSchema):
    """Without titles made from the keys' own names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the parent's signature
        return False


def competition_schema() -> dict[str, Any]:
    """A new dictionary each time."""
    made = ChallengeDefinition.model_json_schema(schema_generator=_Terse)
    definitions = {name: _settled(_model(name), entry) for name, entry in sorted(made.pop("$defs").items())}
    challenge = _settled(ChallengeDefinition, made)
    version = {
        "enum": [VERSION, str(VERSION)],
        "description": "Of the format: Codabench's version 2, with MedICI's own keys.",
    }
    return {
        "$schema": DIALECT,
        "title": "A challenge's competition.yaml",
        **challenge,
        "properties": {"version": version, **challenge["properties"]},
        "$defs": definitions,
    }


def schema_text() -> str:
    """As it is published."""
    return json.dumps(competition_schema(), indent=2, ensure_ascii=False) + "\n"


def _model(name: str) -> type[Part]:
    return next(part for part in Part.__subclasses__() if (part.__module__, part.__name__) == (Part.__module__, name))


def _settled(model: type[Part], entry: dict[str, Any]) -> dict[str, Any]:
    texts = _descriptions(model)
    properties = {
        name: _with_text(_property(model, model.model_fields[name], value), texts.get(name, ""))
        for name, value in entry["properties"].items()
    }
    required = [name for name in entry.get("required", ()) if name not in _FILLED_IN]
    described = {"description": inspect.cleandoc(model.__doc__)} if model.__doc__ else {}
    return {"type": "object", **described, "required": required, "properties": properties}


def _property(model: type[Part], field: FieldInfo, made: dict[str, Any]) -> dict[str, Any]:
    """With what Codabench writes in other types: times and yes or no as text, a question's choices in many shapes."""
    if "date-time" in json.dumps(made):
        return dict(_MOMENT)
    if model is FactSheetQuestion and field.annotation is bool:
        return {"enum": [True, False, "true", "false"], "default": field.default}
    if model is FactSheetQuestion and field is model.model_fields["selection"]:
        return {"type": ["array", "object", "string", "null"]}
    return {key: value for key, value in made.items() if key != "default" or _says_something(value)}


def _says_something(default: Any) -> bool:
    """Nothing, an empty list, or settings of which none is given, are no defaults worth showing."""
    inside = list(default.values()) if isinstance(default, dict) else default
    return any(value not in (None, {}, []) for value in inside) if isinstance(inside, list) else inside is not None


def _with_text(made: dict[str, Any], text: str) -> dict[str, Any]:
    """The meaning first; what a time looks like after it."""
    parts = [part for part in (text, made.get("description", "")) if part]
    rest = {key: value for key, value in made.items() if key != "description"}
    return {"description": " ".join(parts), **rest} if parts else rest


def _descriptions(model: type[Part]) -> dict[str, str]:
    """What stands in quotes below each field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    statements = body.body if isinstance(body, ast.ClassDef) else []
    found = {}
    for field, below in pairwise(statements):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value)
            found[field.target.id] = " ".join(str(text).split()).replace("None:", "Not given:")
    return found
