"""What is written is read back as it was, whatever the challenge."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from medici_bundles.cross_checks import cross_faults
from medici_bundles.ignored import ignored_keys
from medici_bundles.parsing import parse
from medici_bundles.schema import ChallengeDefinition, Part
from medici_bundles.writing import write_definition
from medici_bundles.yaml_lines import read_yaml
from tests.factories.definitions import definitions

LARGE = (HealthCheck.too_slow, HealthCheck.data_too_large)


@settings(max_examples=15, deadline=None, suppress_health_check=LARGE)
@given(definitions())
def test_a_few_challenges(definition: ChallengeDefinition) -> None:
    _returns(definition)


@pytest.mark.slow
def test_500_challenges_in_which_every_key_is_used() -> None:
    used: set[tuple[str, str]] = set()

    @settings(max_examples=500, deadline=None, suppress_health_check=LARGE)
    @given(definitions())
    def all_return(definition: ChallengeDefinition) -> None:
        used.update(_used(definition))
        _returns(definition)

    all_return()
    models = [model for model in Part.__subclasses__() if model.__module__ == Part.__module__]
    assert used == {(model.__name__, name) for model in models for name in model.model_fields}


def _returns(definition: ChallengeDefinition) -> None:
    text = write_definition(definition)
    document = read_yaml("competition.yaml", text.encode())
    parsed = parse(document)
    assert (parsed.faults, cross_faults(parsed.definition, document), ignored_keys(document)) == ((), [], ())
    assert parsed.definition.model_dump() == definition.model_dump()
    assert parsed.definition == definition
    assert write_definition(parsed.definition) == text


def _used(part: Part) -> Iterator[tuple[str, str]]:
    """Keys that are required, or hold something else than their default."""
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if field.is_required() or value != field.get_default(call_default_factory=True):
            yield type(part).__name__, name
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]:
            if isinstance(item, Part):
                yield from _used(item)
