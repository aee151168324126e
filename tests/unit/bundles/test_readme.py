"""The README says of every key what becomes of it."""

import re

import pytest

from medici_bundles import codalab15_schema, schema
from medici_bundles.schema import Part
from tests.conftest import ROOT

README = (ROOT / "bundles" / "README.md").read_text(encoding="utf-8")
CODALAB = "## CodaLab 1.5 and 1.8\n"


def _parts(module: object) -> list[type[Part]]:
    return [part for part in vars(module).values() if isinstance(part, type) and issubclass(part, Part)]


def _named(text: str) -> set[str]:
    return {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)}


def _section(heading: str) -> str:
    return README.split(heading)[1].split("\n## ")[0]


@pytest.mark.parametrize("part", [part for part in _parts(schema) if part is not Part], ids=lambda part: part.__name__)
def test_every_key_of_version_2_is_explained(part: type[Part]) -> None:
    keys = README.split("## Keys of the challenge\n")[1].split(CODALAB)[0]

    assert sorted(set(part.model_fields) - _named(keys)) == []


@pytest.mark.parametrize(
    "part",
    [part for part in _parts(codalab15_schema) if part.__module__ == codalab15_schema.__name__],
    ids=lambda part: part.__name__,
)
def test_every_key_of_codalab_is_explained(part: type[Part]) -> None:
    assert sorted(set(part.model_fields) - _named(_section(CODALAB))) == []
