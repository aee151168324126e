"""Every key of version 2 is honoured, or named with its line and the reason."""

from pathlib import Path

import pytest

from medici_bundles.faults import BundleRejected
from medici_bundles.kit import build_kit
from medici_bundles.reader import open_bundle
from medici_bundles.report import ImportReport
from medici_bundles.schema import Column, FactSheetQuestion, Solution
from medici_bundles.shapes import choices_in, questions_in
from tests.unit.bundles.codabench2 import EVERY_KEY, changed, write_2

UUID = "8a3f7a9e-0d4c-4f0e-9a55-0a1b2c3d4e5f"


def _faults(folder: Path, definition: str) -> list[str]:
    with pytest.raises(BundleRejected) as rejection:
        open_bundle(write_2(folder, definition))
    return list(map(str, rejection.value.faults))


def test_every_key_at_once(tmp_path: Path) -> None:
    with open_bundle(write_2(tmp_path)) as bundle:
        definition, report = bundle.definition, bundle.report

    assert report == ImportReport(
        format="Codabench 2",
        ignored=(
            "ignored: forum_enabled (line 25): MedICI has no forum",
            "ignored: tasks[0].key (line 45): another server's id",
            "ignored: solutions[1].key (line 48): a submission on another server",
        ),
        notes=("queue (line 14): gpus is used if a queue of that name exists here",),
    )
    assert report.remarks == (*report.ignored, *report.notes)
    assert definition.fact_sheet == {
        "METHOD": FactSheetQuestion(key="METHOD", type="text", title="Method", is_required=True),
        "OPEN": FactSheetQuestion(key="OPEN", type="checkbox", title="Open source"),
        "DEVICE": FactSheetQuestion(
            key="device", type="select", title="Device", selection=("CPU", "GPU"), is_on_leaderboard=True
        ),
    }
    assert list(definition.fact_sheet) == ["METHOD", "OPEN", "DEVICE"]
    assert definition.solutions == (
        Solution(index=0, tasks=(0,), name="Baseline", path="solution"),
        Solution(index=1, tasks=(0,)),
    )
    assert definition.leaderboards[0].columns[2:] == (
        Column(
            title="Both",
            key="both",
            index=2,
            computation="avg",
            computation_indexes=(0, 1),
            computation_weights=(2, 1),
        ),
        Column(title="Rank", key="rank", index=3, sorting="asc", computation="avg_rank", computation_indexes=(0, 2)),
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["", "CPU", None, "GPU"], ["CPU", "GPU"]),
        ("CPU, GPU,", ["CPU", "GPU"]),
        ({"cpu": "CPU", "GPU": ""}, ["CPU", "GPU"]),
        ("", []),
        (3, ["3"]),
        ([True, False], ["True", "False"]),
        (["", 1, 0, 2.5], ["1", "0", "2.5"]),
        ([["CPU"]], [["CPU"]]),
    ],
)
def test_choices_in_every_shape(written: object, read: object) -> None:
    assert choices_in(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"A": {"type": "text"}}, {"A": {"type": "text", "key": "A"}}),
        ([{"key": "a"}, {"type": "text"}], {"a": {"key": "a"}, "2": {"type": "text", "key": "2"}}),
        ("", {}),
        (3, 3),
    ],
)
def test_fact_sheets_in_every_shape(written: object, read: object) -> None:
    assert questions_in(written) == read


@pytest.mark.parametrize(
    ("queue", "kept", "told"),
    [
        ("gpus", "gpus", ((), ("queue (line 14): gpus is used if a queue of that name exists here",))),
        ("7", None, (("ignored: queue (line 14): another server's id",), ())),
        (UUID, None, (("ignored: queue (line 14): another server's id",), ())),
    ],
)
def test_queues(queue: str, kept: str | None, told: tuple[tuple[str, ...], tuple[str, ...]], tmp_path: Path) -> None:
    with open_bundle(write_2(tmp_path, changed(("queue: gpus", f"queue: {queue}")))) as bundle:
        of_queue = [
            [line for line in lines if "queue" in line] for lines in (bundle.report.ignored, bundle.report.notes)
        ]
        assert bundle.definition.queue == kept
        assert tuple(map(tuple, of_queue)) == told


def test_open_input_data_is_open_in_every_phase_and_in_the_kit(tmp_path: Path) -> None:
    folder = write_2(tmp_path / "bundle")

    with open_bundle(folder) as bundle:
        assert [(phase.hidden, phase.logs) for phase in bundle.definition.phases] == [(False, "none"), (False, "full")]
    assert build_kit(folder, tmp_path / "kit.zip") == [
        "competition.yaml",
        "ingestion/metadata",
        "input/1.png",
        "kit/README.md",
        "logo.png",
        "pages/overview.md",
        "pages/terms.md",
        "program/metadata",
        "public/0.png",
    ]


FAULTS: list[tuple[list[tuple[str, str]], str]] = [
    (
        [("    logs: none", "    hidden: true")],
        "65: phases[0].hidden is true, but make_input_data_available hands the input data out; change one of the two",
    ),
    (
        [("    scoring_program: program\n", ""), ("    ingestion_program: ingestion.zip\n", "")],
        (
            f"43: tasks[0].key refers to task {UUID} on another server; write the task here, with its scoring_program "
            "and data"
        ),
    ),
    (
        [("path: solution", f"path: {UUID}")],
        (
            f"47: solutions[0].path refers to data {UUID} on another server; put the files into the bundle and name "
            "them here"
        ),
    ),
    (
        [("    parent: 0", "    parent: 7")],
        "80: phases[1].parent names phase 7, but the indexes of the phases are 0, 1",
    ),
    ([("    parent: 0", "    parent: 1")], "80: phases[1].parent names the phase itself"),
    ([("freeze_at: 2026-05-15", "freeze_at: 2026-01-01")], "74: phases[0].freeze_at is before the phase's start"),
    ([("freeze_at: 2026-05-15", "freeze_at: 2026-06-01")], "74: phases[0].freeze_at is not before the phase's end"),
    ([("late_until: 2026-06-15", "late_until: 2026-05-31")], "75: phases[0].late_until is not after the phase's end"),
    (
        [("    parent: 0", "    late_until: 2026-08-01")],
        "80: phases[1].late_until needs an `end` that submissions can be late for",
    ),
    (
        [("accepts: [image, code]", "accepts: [code]")],
        "71: phases[0].allowed_images names images, but `accepts` does not name image",
    ),
    (
        [("computation_weights: [2, 1]", "computation_weights: [2]")],
        "97: leaderboards[0].columns[2].computation_weights holds 1 weights for 2 columns; give one for each",
    ),
    (
        [("computation: avg_rank, computation_indexes: [0, 2]", "computation: sum, computation_indexes: [0, 2]")],
        (
            "98: leaderboards[0].columns[3].computation_indexes[1] names column 2, which is computed itself; name the "
            "columns that it is computed from"
        ),
    ),
    (
        [("computation: avg_rank, computation_indexes", "computation_indexes")],
        (
            "98: leaderboards[0].columns[3].computation_indexes needs a `computation`: avg, sum, min, max, avg_rank or "
            "reciprocal_rank"
        ),
    ),
    ([('["", CPU, GPU]', '""')], "35: fact_sheet.DEVICE.selection needs at least one choice"),
    (
        [("type: checkbox", "type: number")],
        "34: fact_sheet.OPEN.type must be 'checkbox', 'text' or 'select', not 'number'",
    ),
]


@pytest.mark.parametrize(("changes", "fault"), FAULTS)
def test_what_does_not_fit_together_is_named(changes: list[tuple[str, str]], fault: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, changed(*changes)) == [f"competition.yaml:{fault}"]


def test_phases_that_are_each_others_parents(tmp_path: Path) -> None:
    text = changed(("    parallel: true", "    parent: 1"))

    assert _faults(tmp_path, text) == [
        f"competition.yaml:{line}: phases[{place}].parent leads back to the phase itself; one of them has to come first"
        for line, place in ((72, 0), (80, 1))
    ]


def test_a_parallel_phase_shares_its_time_with_those_below_it(tmp_path: Path) -> None:
    """Three phases at one time, the first of which stays open, and nothing to say against it."""
    third = "  - {index: 2, name: Other, start: 01-31-2026, tasks: [0], parent: 0}\n"
    open_end = changed(
        ('    end: "2026-05-31T18:00:00+02:00"\n', ""),
        ("    late_until: 2026-06-15\n", ""),
        ("    freeze_at: 2026-05-15\n", ""),
        ("    start: 2026-06-01\n", "    start: 01-31-2026\n"),
        ("leaderboards:\n", f"{third}leaderboards:\n"),
    )

    with open_bundle(write_2(tmp_path, open_end)) as bundle:
        assert [(phase.name, phase.end) for phase in bundle.definition.phases] == [
            ("Practice", None),
            ("Final", None),
            ("Other", None),
        ]
        assert bundle.report.notes == ("queue (line 14): gpus is used if a queue of that name exists here",)


def test_a_freeze_that_nothing_ends_is_told(tmp_path: Path) -> None:
    open_end = changed(("    start: 2026-06-01\n", "    start: 2026-06-01\n    freeze_at: 2026-07-01\n"))
    with open_bundle(write_2(tmp_path, open_end)) as bundle:
        assert [note for note in bundle.report.notes if "frozen" in note] == [
            "phase 'Final' has no end, so its leaderboards stay frozen from 2026-07-01 00:00:00+00:00 on"
        ]


def test_the_definition_used_here_is_sound(tmp_path: Path) -> None:
    assert open_bundle(write_2(tmp_path, EVERY_KEY)).definition.slug == "lesions"
