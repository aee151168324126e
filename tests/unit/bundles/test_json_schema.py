"""The published JSON Schema says of a bundle what the reader says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from medici_bundles.json_schema import SCHEMA_FILE, competition_schema, schema_text
from medici_bundles.schema import Part
from medici_bundles.yaml_lines import read_yaml
from tests.conftest import ROOT
from tests.unit.bundles.challenges import DEFINITION, replaced

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def test_the_published_file_is_what_the_code_makes() -> None:
    published = (ROOT / "bundles" / SCHEMA_FILE).read_text(encoding="utf-8")
    assert published == schema_text(), f"run `medici bundle schema > bundles/{SCHEMA_FILE}`"


def test_every_key_of_every_part_is_in_it() -> None:
    schema = competition_schema()
    parts = {
        part.__name__: set(part.model_fields) for part in Part.__subclasses__() if part.__module__ == Part.__module__
    }
    challenge = parts.pop("ChallengeDefinition")
    assert set(schema["properties"]) == {"version"} | challenge
    assert {name: set(entry["properties"]) for name, entry in schema["$defs"].items()} == parts


def test_what_must_be_written() -> None:
    schema = competition_schema()
    assert schema["required"] == ["title", "tasks", "phases", "leaderboards"]
    assert {name: entry["required"] for name, entry in schema["$defs"].items() if entry["required"]} == {
        "Page": ["title", "file"],
        "Task": ["scoring_program"],
        "Phase": ["name", "start", "tasks"],
        "Leaderboard": ["title", "key", "columns"],
        "Column": ["title", "key"],
        "FactSheetQuestion": ["key", "type"],
    }


def test_keys_are_explained_in_the_schemas_own_words() -> None:
    phase = competition_schema()["$defs"]["Phase"]["properties"]
    assert phase["outputs"]["description"] == "Which files of /mnt/out are handed to the scoring program."
    assert phase["end"]["description"].startswith("Not given: open end, allowed for the last phase. A date")
    assert "description" not in phase["name"]


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param((ROOT / "bundles/mednist/competition.yaml").read_text(), id="mednist"),
        pytest.param(DEFINITION, id="a small one"),
    ],
)
def test_sound_bundles_fit(definition: str) -> None:
    assert problems(definition) == []


def test_faults_are_seen_at_their_places() -> None:
    definition = replaced(
        ("title: Chest X-ray (2026)", "title: ''"),
        ("accepts: [container]", "accepts: [containers]"),
        ("    execution_time_limit: 500\n", "    execution_time_limit: fast\n"),
        ("      - title: Precision\n        key: precision\n", "      - title: Precision\n"),
    )
    assert problems(definition) == [
        "/title: shorter than 1",
        "/phases/1/accepts/0: not one of ['container', 'code', 'image', 'results']",
        "/phases/1/execution_time_limit: not number",
        "/leaderboards/0/columns/0: key is missing",
    ]


def problems(text: str) -> list[str]:
    data = read_yaml("competition.yaml", text.encode()).data
    schema = json.loads(schema_text())
    return list(_problems(schema, data, "", schema["$defs"]))


def _problems(schema: dict[str, Any], value: Any, place: str, parts: dict[str, Any]) -> Iterator[str]:
    """As much of JSON Schema as ours uses; it stops at words that it doesn't know."""
    known = {"$schema", "$defs", "$ref", "title", "description", "default", "examples", "type", "enum", "anyOf"}
    known |= {
        "required",
        "properties",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
    }
    assert set(schema) <= known | {"pattern", "minimum", "maximum", "exclusiveMinimum"}
    if "$ref" in schema:
        yield from _problems(parts[schema["$ref"].removeprefix("#/$defs/")], value, place, parts)
    if "anyOf" in schema:
        tried = [list(_problems(choice, value, place, parts)) for choice in schema["anyOf"]]
        yield from () if [] in tried else tried[0]
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: not one of {schema['enum']}"
    elif "type" in schema and not _is_a(schema["type"], value):
        yield f"{place}: not {schema['type']}"
    else:
        yield from _bounds(schema, value, place)
        yield from _inside(schema, value, place, parts)


def _is_a(types: str | list[str], value: Any) -> bool:
    names = [types] if isinstance(types, str) else types
    if value is None or isinstance(value, bool):
        return {None: "null", True: "boolean", False: "boolean"}[value] in names
    return any(name != "null" and isinstance(value, TYPES[name]) for name in names)


def _bounds(schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"{place}: shorter than {schema['minLength']}"
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{place}: longer than {schema['maxLength']}"
        if not re.search(schema.get("pattern", ""), value):
            yield f"{place}: not like {schema['pattern']}"
    if isinstance(value, int | float):
        low, above, high = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
        if (low is not None and value < low) or (above is not None and value <= above):
            yield f"{place}: too small"
        if high is not None and value > high:
            yield f"{place}: too large"
    if isinstance(value, list) and len(value) < schema.get("minItems", 0):
        yield f"{place}: too few"
    if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
        yield f"{place}: too many"


def _inside(schema: dict[str, Any], value: Any, place: str, parts: dict[str, Any]) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _problems(schema.get("items", {}), item, f"{place}/{number}", parts)
    if isinstance(value, dict):
        yield from (f"{place}: {key} is missing" for key in schema.get("required", ()) if key not in value)
        for key, item in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from _problems(below, item, f"{place}/{key}", parts)
