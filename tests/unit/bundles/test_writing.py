"""competition.yaml as MedICI writes it: readable for people, and for every other reader of YAML."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from medici_bundles.cross_checks import cross_faults
from medici_bundles.parsing import parse
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.writing import write_definition, write_entry
from medici_bundles.yaml_lines import read_yaml
from tests.factories.definitions import AWKWARD

PHASE = {"index": 0, "name": "Final", "start": "2026-01-01T09:30:00+02:00", "tasks": [0]}
COLUMNS = [{"title": "F1", "key": "f1", "index": 0}, {"title": "Dice", "key": "dice", "index": 1}]
CHALLENGE: dict[str, Any] = {
    "title": "Lungs",
    "tasks": [{"index": 0, "scoring_program": "scoring", "reference_data": "ref.zip", "input_data": "in.zip"}],
    "phases": [PHASE],
    "leaderboards": [{"index": 0, "title": "Results", "key": "main", "columns": COLUMNS}],
}

WRITTEN = """\
version: 2
title: Lungs
slug: lungs
registration_auto_approve: false

tasks:
  - index: 0
    scoring_program: scoring
    reference_data: ref.zip
    input_data: in.zip

phases:
  - index: 0
    name: Final
    start: 2026-01-01T09:30:00+02:00
    tasks: [0]
    max_submissions: 100
    max_submissions_per_day: 5
    execution_time_limit: 600
    accepts: [container, code, image, results]
    hidden: true
    logs: none
    limits:
      time_s: 600
    unwrap_results: false
    detailed_results: true

leaderboards:
  - index: 0
    title: Results
    key: main
    submission_rule: Add
    primary_index: 0
    columns:
      - title: F1
        key: f1
        index: 0
        sorting: desc
      - title: Dice
        key: dice
        index: 1
        sorting: desc
"""


def defined(**changes: Any) -> ChallengeDefinition:
    return ChallengeDefinition.model_validate({**CHALLENGE, **changes})


def read(text: str) -> ChallengeDefinition:
    """Without any fault."""
    document = read_yaml("competition.yaml", text.encode())
    parsed = parse(document)
    assert (parsed.faults, cross_faults(parsed.definition, document)) == ((), [])
    return parsed.definition


def test_a_small_challenge_word_for_word() -> None:
    assert write_definition(defined()) == WRITTEN
    assert read(WRITTEN) == defined()


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_are_the_same_for_every_reader(text: str) -> None:
    definition = defined(description=text, docker_image=text, image_map={text: text})
    written = write_definition(definition)
    assert read(written) == definition
    plain = yaml.safe_load(written)
    assert plain["docker_image"] == definition.docker_image
    assert plain["image_map"] == definition.image_map


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no", "key: 'no'\n"),
        ("1e3", "key: '1e3'\n"),
        ("12:30", "key: '12:30'\n"),
        ("007", "key: '007'\n"),
        ("2026-01-01", "key: '2026-01-01'\n"),
        ("3D lungs, 64×64 – in a row", "key: 3D lungs, 64×64 – in a row\n"),
        ("one\n\n  two: 2\nthree", "key: |-\n  one\n\n    two: 2\n  three\n"),
        ("one \ntwo", 'key: "one \\ntwo"\n'),
        ("one\u2028two", 'key: "one\\Ltwo"\n'),
    ],
)
def test_texts_are_quoted_where_they_must_be(text: str, line: str) -> None:
    assert write_entry("key", text) == line


def test_long_texts_are_broken_between_words() -> None:
    written = write_definition(defined(description="twelve words " * 60))
    assert max(map(len, written.splitlines())) < 130
    assert read(written) == defined(description="twelve words " * 60)


def test_times_keep_their_offsets() -> None:
    phase = {**PHASE, "end": datetime(2026, 3, 1, tzinfo=UTC), "freeze_at": "2026-02-01T12:00:00.5-03:30"}
    written = write_definition(defined(phases=[phase]))
    assert "    end: 2026-03-01T00:00:00Z\n" in written
    assert "    freeze_at: 2026-02-01T12:00:00.500000-03:30\n" in written
    offsets = [moment.utcoffset() for moment in (read(written).phases[0].start, read(written).phases[0].freeze_at)]
    assert offsets == [timedelta(hours=2), timedelta(hours=-3.5)]
    assert yaml.safe_load(written)["phases"][0]["start"] == datetime(
        2026, 1, 1, 9, 30, tzinfo=timezone(timedelta(hours=2))
    )


def test_an_offset_with_seconds_becomes_utc() -> None:
    old = datetime(1850, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    definition = defined(phases=[{**PHASE, "start": old}])
    assert "start: 1849-12-31T23:06:32Z\n" in write_definition(definition)
    assert read(write_definition(definition)) == definition


def test_image_maps_keep_their_order() -> None:
    patterns = {"python:3.12*": "b", "python:*": "a", "*": "c"}
    read_back = read(write_definition(defined(image_map=patterns))).image_map
    assert list(read_back.items()) == list(patterns.items())


def test_lists_of_short_words_stand_in_one_line() -> None:
    phase = {**PHASE, "outputs": ["*.csv", "out/*.json"], "allowed_images": ["ghcr.io/a b", "x"]}
    written = write_definition(defined(phases=[phase], collaborators=[f"organizer-{number}" for number in range(8)]))
    assert "    outputs: ['*.csv', out/*.json]\n" in written
    assert "    allowed_images:\n      - ghcr.io/a b\n      - x\n" in written
    assert "collaborators:\n  - organizer-0\n" in written


def test_what_only_codabench_means_stays_unsaid() -> None:
    """Saying it would be a fault: containers for a task without input, hidden input data among the public ones."""
    tasks = [
        {"index": 0, "scoring_program": "scoring", "input_data": "data/input"},
        {"index": 1, "scoring_program": "scoring"},
    ]
    definition = defined(tasks=tasks, phases=[{**PHASE, "tasks": [0, 1], "public_data": "data"}])
    written = write_definition(definition)
    assert "accepts" not in written
    assert "    hidden:" not in written
    assert read(written) == definition


@pytest.mark.parametrize("available", [True, False])
def test_whether_programs_are_handed_out_is_kept(available: bool) -> None:  # noqa: FBT001
    written = write_definition(defined(make_programs_available=available))
    assert "make_programs_available" in read(written).model_fields_set
    assert "make_programs_available" not in write_definition(defined())
