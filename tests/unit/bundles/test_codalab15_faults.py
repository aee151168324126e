"""All faults of a bundle of CodaLab 1.5 are said at once, by its own keys and lines."""

from pathlib import Path

import pytest

from medici_bundles.faults import BundleRejected
from medici_bundles.reader import open_bundle
from tests.unit.bundles.codalab15 import EVERY_KEY, SMALL, changed, write_15

UUID = "8a3f7a9e-0d4c-4f0e-9a55-0a1b2c3d4e5f"
TEN = f"""\
title: Ten faults
image: ../logo.png
html:
  overview: pages/absent.html
end_date: someday
phases:
  1:
    phasenumber: 1
    label: Training
    start_date: 2026-07-01
    max_submissions: many
    reference_data: {UUID}
    scoring_program: absent.zip
  2:
    phasenumber: 2
    label: Final
    start_date: 2026-01-01
    scoring_program: program.zip
leaderboard:
  leaderboards:
    RESULTS: &RESULTS {{label: Results, rank: 1}}
  columns:
    f1:
      leaderboard: *RESULTS
      sort: upwards
    mean:
      leaderboard: *RESULTS
      computed: {{operation: Avg, fields: "f1, recall"}}
    dice:
      leaderboard: dices
"""


def _faults(folder: Path, definition: str) -> list[str]:
    with pytest.raises(BundleRejected) as rejection:
        open_bundle(write_15(folder, definition))
    return list(map(str, rejection.value.faults))


def test_ten_faults_of_ten_kinds_are_ten_sentences_with_ten_lines(tmp_path: Path) -> None:
    text = TEN.replace("    dice:\n      leaderboard: dices\n", "")

    assert _faults(tmp_path, text) == [
        (
            "competition.yaml:2: image names '../logo.png', which is outside the bundle; write a path relative to "
            "competition.yaml"
        ),
        "competition.yaml:4: html.overview names pages/absent.html, which the bundle does not hold",
        "competition.yaml:5: end_date must be a date such as 2026-12-31 or 2026-12-31T18:00:00+01:00, not 'someday'",
        "competition.yaml:11: phases.1.max_submissions must be a whole number, not 'many'",
        (
            f"competition.yaml:12: phases.1.reference_data refers to data {UUID} on another server; put the files into "
            "the bundle and name them here"
        ),
        "competition.yaml:13: phases.1.scoring_program names absent.zip, which the bundle does not hold",
        "competition.yaml:14: phases.2.reference_data is missing",
        "competition.yaml:17: phases.2.start_date is not after phases.1.start_date",
        "competition.yaml:25: leaderboard.columns.f1.sort must be 'desc' or 'asc', not 'upwards'",
        (
            "competition.yaml:28: leaderboard.columns.mean.computed.fields names recall, but the other columns of its "
            "leaderboard are f1"
        ),
    ]


def test_a_column_of_no_leaderboard_is_an_eleventh(tmp_path: Path) -> None:
    assert _faults(tmp_path, TEN)[10:] == [
        (
            "competition.yaml:30: leaderboard.columns.dice.leaderboard names none of the leaderboards; write "
            "`leaderboard: *ANCHOR` with the anchor of one of them"
        )
    ]


FIRST = "    label: Training\n"
SECOND = "      label: Recall\n"
FAULTS: list[tuple[tuple[str, str], str]] = [
    (("title: Chest X-ray (2026)\n", ""), "1: title is missing"),
    (
        ("title: Chest X-ray (2026)", "title: 医学"),
        (
            "1: slug must be made of lower-case letters, digits and single hyphens; the title gives none, so write "
            "`slug: …`"
        ),
    ),
    (("    start_date: 2026-01-01\n", ""), "9: phases.1.start_date is missing"),
    (("    start_date: 2026-07-01\n", ""), "17: phases.2.start_date is missing"),
    (
        ("    start_date: 2026-07-01", "    start_date: 2026-02-31"),
        ("20: phases.2.start_date must be a date such as 2026-12-31 or 2026-12-31T18:00:00+01:00, not '2026-02-31'"),
    ),
    (("end_date: 2026-12-31T18:00:00+01:00", "end_date: 2026-06-01"), "6: end_date is not after phases.2.start_date"),
    (
        ("    phasenumber: 2", "    phasenumber: 1"),
        "18: phases.2.phasenumber is 1, as is that of phases.1; give each its own",
    ),
    (
        ("    label: Final", "    label: Training"),
        "19: phases.2.label is 'Training', as is that of phases.1; give each its own",
    ),
    ((FIRST, FIRST + "    parent_phasenumber: 1\n"), "12: phases.1.parent_phasenumber names the phase itself"),
    (
        (FIRST, FIRST + "    parent_phasenumber: 7\n"),
        "12: phases.1.parent_phasenumber is 7, but the phasenumbers are 1, 2",
    ),
    (
        (FIRST, FIRST + f"    input_data: {UUID}\n"),
        (
            f"12: phases.1.input_data refers to data {UUID} on another server; put the files into the "
            "bundle and name them here"
        ),
    ),
    (
        (FIRST, FIRST + "    public_data: https://x.org/a.zip\n"),
        (
            "12: phases.1.public_data names the address 'https://x.org/a.zip'; put the files into the bundle and name "
            "them here"
        ),
    ),
    (
        (FIRST, FIRST + "    starting_kit: reference.zip\n"),
        (
            "12: phases.1.starting_kit names reference.zip, which would hand out the hidden reference_data "
            "reference.zip; keep them in separate folders"
        ),
    ),
    (
        (FIRST, FIRST + "    ingestion_program: public\n"),
        (
            "12: phases.1.ingestion_program names public, which holds neither a Dockerfile nor a metadata file with a "
            "`command:`; add one of them"
        ),
    ),
    (
        (SECOND, SECOND + "      numeric_format: two\n"),
        "38: leaderboard.columns.score_2.numeric_format must be a number of decimals such as 4, not 'two'",
    ),
    (
        (SECOND, SECOND + "      column_group: sites\n"),
        "38: leaderboard.columns.score_2.column_group names none of the column_groups",
    ),
    (
        (SECOND, SECOND + "      computed: {operation: Sum, fields: score_1}\n"),
        "38: leaderboard.columns.score_2.computed.operation must be 'Avg', 'Max' or 'MRR', not 'Sum'",
    ),
    (
        (SECOND, SECOND + "      computed: {operation: Avg, fields: score_2}\n"),
        "38: leaderboard.columns.score_2.computed.fields names score_2, which is the column itself",
    ),
    (
        (SECOND, SECOND + '      computed: {operation: Avg, fields: score_1, weights: "1, 2"}\n'),
        "38: leaderboard.columns.score_2.computed.weights holds 2 weights for 1 columns; give one for each",
    ),
    (
        (SECOND, SECOND + '      computed: {operation: Avg, fields: score_1, weights: "0"}\n'),
        "38: leaderboard.columns.score_2.computed.weights[0] must be greater than 0, not '0'",
    ),
    (
        ("    score_2:\n", "    'a: b':\n"),
        "35: leaderboard.columns.a: b must be a short name of letters, digits, `_`, `-` and `.`, not 'a: b'",
    ),
]


@pytest.mark.parametrize(("change", "fault"), FAULTS)
def test_a_fault_is_named(change: tuple[str, str], fault: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, changed(change)) == [f"competition.yaml:{fault}"]


def test_a_leaderboard_needs_columns(tmp_path: Path) -> None:
    text = changed(("      rank: 1\n  columns:\n", "      rank: 1\n    OTHER: {label: Other}\n  columns:\n"))

    assert _faults(tmp_path, text) == [
        (
            "competition.yaml:30: leaderboard.leaderboards.OTHER has no column; name it in one with "
            "`leaderboard: *ANCHOR`, or leave it out"
        )
    ]


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (
            ("    parent_phasenumber: 2\n    label: Test A", "    parent_phasenumber: two\n    label: Test A"),
            ["competition.yaml:58: phases.3.parent_phasenumber must be a whole number, not 'two'"],
        ),
        (
            ("    is_parallel_parent: True", "    is_parallel_parent: perhaps"),
            ["competition.yaml:55: phases.2.is_parallel_parent must be true or false, not 'perhaps'"],
        ),
        (
            ("    parent_phasenumber: 2\n    label: Test A", "    label: Test A"),
            ["competition.yaml:56: phases.3.start_date is missing"],
        ),
        (
            ("    reference_data: reference_a\n", ""),
            ["competition.yaml:56: phases.3.reference_data is missing"],
        ),
    ],
)
def test_parallel_phases(change: tuple[str, str], faults: list[str], tmp_path: Path) -> None:
    assert EVERY_KEY.count(change[0]) == 1
    assert _faults(tmp_path, EVERY_KEY.replace(*change)) == faults


def test_a_parallel_phase_without_data_needs_others_below_it(tmp_path: Path) -> None:
    text = changed(
        ("    label: Final\n", "    label: Final\n    is_parallel_parent: true\n"),
    )
    head, tail = text.split("  2:\n")
    tail = tail.replace("    reference_data: reference.zip\n", "")

    assert _faults(tmp_path, f"{head}  2:\n{tail}") == [
        "competition.yaml:20: phases.2.is_parallel_parent is true, but no phase names this one as its parent"
    ]


@pytest.mark.parametrize(
    ("definition", "faults"),
    [
        (
            "title: Old\nhtml: {}\nphases: {1: text}\nleaderboard: []\n",
            [
                "competition.yaml:3: phases.1 must hold `key: value` lines, not 'text'",
                "competition.yaml:4: leaderboard must hold `key: value` lines",
            ],
        ),
        (
            "title: Old\nhtml: {overview: logo.png}\nphases: []\nleaderboard: {leaderboards: {}, columns: {}}\n",
            [
                "competition.yaml:3: phases must hold `key: value` lines",
                "competition.yaml:4: leaderboard.columns must hold at least one entry",
                "competition.yaml:4: leaderboard.leaderboards must hold at least one entry",
            ],
        ),
    ],
)
def test_whatever_is_written_no_check_falls_over_it(definition: str, faults: list[str], tmp_path: Path) -> None:
    assert _faults(tmp_path, definition) == faults


def test_the_definition_used_here_is_sound(tmp_path: Path) -> None:
    assert open_bundle(write_15(tmp_path, SMALL)).definition.title == "Chest X-ray (2026)"
