from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from medici_bundles.ignored import ignored_keys
from medici_bundles.parsing import parse
from medici_bundles.schema import Column, Leaderboard, LimitSettings, Page, Phase, Task, slug_of
from medici_bundles.yaml_lines import read_yaml
from tests.unit.bundles.challenges import DEFINITION, replaced


def test_a_definition_is_typed_and_filled_in() -> None:
    parsed = parse(read_yaml("competition.yaml", DEFINITION.encode()))
    definition = parsed.definition

    assert parsed.faults == ()
    assert definition.slug == "chest-x-ray-2026"
    assert definition.pages == (Page(title="Overview", file="pages/overview.md"),)
    assert definition.tasks[1] == Task(
        index=1,
        name="Test",
        scoring_program="scoring_program",
        reference_data="reference_data/test",
        input_data="input_data/test",
    )
    assert definition.phases[1] == Phase(
        index=1,
        name="Final",
        start=datetime(2026, 7, 1, tzinfo=UTC),
        tasks=(1,),
        accepts=("container",),
        max_submissions=10,
        execution_time_limit=500,
        limits=LimitSettings(time_s=500),
        unwrap_results=True,
        detailed_results=False,
    )
    assert definition.leaderboards == (
        Leaderboard(
            title="Results",
            key="main",
            columns=(
                Column(title="Precision", key="precision", index=0),
                Column(title="F1", key="f1", index=1),
            ),
        ),
    )
    assert definition.task(1).name == "Test"


def _phase(**keys: object) -> Phase:
    return Phase.model_validate({"index": 0, "name": "Final", "start": "2026-01-01", "tasks": [0], **keys})


def test_what_participants_see_of_logs_follows_the_test_data() -> None:
    assert [
        _phase().logs,
        _phase(hidden=False).logs,
        _phase(hidden=False, logs="none").logs,
        _phase(logs="full").logs,
    ] == ["none", "full", "none", "full"]


def test_the_time_limit_is_version_2s_when_medicis_is_absent() -> None:
    assert [
        _phase().limits.time_s,
        _phase(execution_time_limit=30).limits.time_s,
        _phase(execution_time_limit=30, limits={"time_s": 60}).limits.time_s,
        _phase(execution_time_limit=30, limits={"gpus": 1}).limits.time_s,
    ] == [600, 30, 60, 30]


def test_a_phase_without_input_data_takes_no_images_by_default() -> None:
    text = replaced(("    input_data: input_data/validation\n", ""))
    definition = parse(read_yaml("competition.yaml", text.encode())).definition

    assert [phase.accepts for phase in definition.phases] == [("code", "results"), ("container",)]


def test_an_empty_key_is_an_absent_key() -> None:
    assert _phase(description=None, max_submissions=None) == _phase()


def test_no_submissions_at_all_may_be_asked_for() -> None:
    assert _phase(max_submissions=0).max_submissions == 0


def test_definitions_are_frozen() -> None:
    with pytest.raises(ValidationError):
        _phase().name = "other"


def test_ordered_sorts_by_index() -> None:
    text = replaced(("  - index: 0\n    name: Training", "  - index: 7\n    name: Training"))
    definition = parse(read_yaml("competition.yaml", text.encode())).definition

    assert [phase.name for phase in definition.phases] == ["Training", "Final"]
    assert [phase.name for phase in definition.ordered().phases] == ["Final", "Training"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("MedNIST", "mednist"),
        ("  Größe & Lage: Niere  ", "grosse-lage-niere"),
        ("Étude n° 3", "etude-n-3"),
        ("医学", ""),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_a_slug_is_made_from_the_title(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_keys_that_nothing_reads_are_reported_with_line_and_likely_meaning() -> None:
    text = replaced(
        ("image: logo.png", "image: logo.png\ncolour: blue"),
        ("    max_submissions: 10", "    max_submisions: 10\n    limits: {memory: 3}"),
        ("        key: f1", "        key: f1\n        sort: asc"),
    )

    assert ignored_keys(read_yaml("competition.yaml", text.encode())) == (
        "ignored: colour (line 4)",
        "ignored: phases[1].max_submisions (line 33); did you mean max_submissions?",
        "ignored: phases[1].limits.memory (line 34); did you mean memory_mb?",
        "ignored: leaderboards[0].columns[1].sort (line 44); did you mean sorting?",
    )


def test_a_tasks_name_is_one_line_without_control_characters() -> None:
    task = {"index": 0, "scoring_program": "scoring_program"}
    assert Task.model_validate({**task, "name": "blood\n  cells"}).label == "blood cells"
    for name in ("a\0b", "a\x1b[31mb"):
        with pytest.raises(ValidationError, match="holds a control character; write it as plain text"):
            Task.model_validate({**task, "name": name})
