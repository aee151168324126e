"""All faults of a bundle are said at once, each with its line."""

from pathlib import Path

import pytest

from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.reader import open_bundle
from tests.unit.bundles.challenges import DEFINITION, replaced, write_bundle

UUID = "8a3f7a9e-0d4c-4f0e-9a55-0a1b2c3d4e5f"


def _faults(folder: Path, definition: str, files: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(BundleRejected) as rejection:
        open_bundle(write_bundle(folder, definition, files))
    return list(map(str, rejection.value.faults))


def _after(*changes: tuple[str, str]) -> str:
    return replaced(*changes)


TEN = """\
version: 2
title: Ten faults
image: ../logo.png
pages:
  - title: Overview
    file: pages/absent.md
tasks:
  - index: 0
    scoring_program: scoring_program
    input_data: input_data/absent
  - index: 0
    scoring_program: scoring_program
phases:
  - index: 0
    name: Training
    start: someday
    end: 2026-06-30
    tasks: [0, 5]
    max_submissions: many
  - index: 1
    name: Final
    start: 2026-07-01
    end: 2026-06-01
    tasks: [0]
    accepts: [image]
leaderboards:
  - title: Results
    key: main
    columns:
      - {title: A, key: f1}
      - {title: B, key: f1}
"""


def test_ten_faults_are_ten_sentences_with_ten_lines(tmp_path: Path) -> None:
    assert _faults(tmp_path, TEN) == [
        (
            "competition.yaml:3: image names '../logo.png', which is outside the bundle; write a path relative to "
            "competition.yaml"
        ),
        "competition.yaml:6: pages[0].file names pages/absent.md, which the bundle does not hold",
        "competition.yaml:10: tasks[0].input_data names input_data/absent, which the bundle does not hold",
        "competition.yaml:11: tasks[1].index is 0, as is that of tasks[0]; give each its own",
        (
            "competition.yaml:16: phases[0].start must be a date such as 2026-12-31 or 2026-12-31T18:00:00+01:00, not "
            "'someday'"
        ),
        "competition.yaml:18: phases[0].tasks[1] names task 5, but the indexes of the tasks are 0",
        "competition.yaml:19: phases[0].max_submissions must be a whole number, not 'many'",
        "competition.yaml:23: phases[1].end is not after phases[1].start",
        "competition.yaml:25: phases[1].accepts names image alone, but task 0 has no input_data to run it on",
        "competition.yaml:31: leaderboards[0].columns[1].key is 'f1', as is that of columns[0]; give each its own",
    ]


def test_several_faults_read_as_a_list() -> None:
    rejection = BundleRejected(
        [Fault("b.yaml", 2, "is odd"), Fault("a.yaml", 0, "is empty"), Fault("b.yaml", 2, "is odd")]
    )

    assert str(rejection) == "The bundle has 2 faults:\n  a.yaml: is empty\n  b.yaml:2: is odd"
    assert str(BundleRejected([Fault("a.yaml", 3, "is odd")])) == "a.yaml:3: is odd"


SCHEMA_FAULTS: list[tuple[tuple[str, str], str]] = [
    (("title: Chest X-ray (2026)\n", ""), "1: title is missing"),
    (
        ("title: Chest X-ray (2026)", "title: 医学"),
        (
            "1: slug must be made of lower-case letters, digits and single "
            "hyphens; the title gives none, so write `slug: …`"
        ),
    ),
    (
        ("title: Chest X-ray (2026)", "title: A\nslug: Chest X"),
        ("3: slug must be made of lower-case letters, digits and single hyphens, not 'Chest X'"),
    ),
    (
        ("title: Chest X-ray (2026)", f"title: {'a' * 201}"),
        f"2: title must have at most 200 characters, not '{'a' * 59}",
    ),
    (("    name: Final", "    name: ''"), "28: phases[1].name must not be empty"),
    (("    hidden: false", "    hidden: perhaps"), "26: phases[0].hidden must be true or false, not 'perhaps'"),
    (
        ("    name: Test", "    canaries: [short]"),
        (
            "15: tasks[1].canaries[0] must be 12 to 200 printable ASCII characters without spaces, which no program "
            "prints by chance"
        ),
    ),
    (
        ("    name: Test", f"    canaries: {[f'canary-{n:06}' for n in range(21)]}"),
        "15: tasks[1].canaries must hold at most 20 entries",
    ),
    (("    hidden: false", "    logs: some"), "26: phases[0].logs must be 'none', 'tail' or 'full', not 'some'"),
    (
        ("    max_submissions: 10", "    max_submissions: -1"),
        "32: phases[1].max_submissions must be at least 0, not -1",
    ),
    (
        ("    max_submissions: 10", "    max_submissions: 1.5"),
        "32: phases[1].max_submissions must be a whole number, not 1.5",
    ),
    (
        ("    max_submissions: 10", "    limits: {cpus: .inf}"),
        "32: phases[1].limits.cpus must be a finite number, not inf",
    ),
    (("    max_submissions: 10", "    limits: {cpus: 0}"), "32: phases[1].limits.cpus must be greater than 0, not 0"),
    (("    max_submissions: 10", "    limits: {gpus: 65}"), "32: phases[1].limits.gpus must be at most 64, not 65"),
    (("    max_submissions: 10", "    limits: 5"), "32: phases[1].limits must hold `key: value` lines, not 5"),
    (("    max_submissions: 10", "    outputs: '*.csv'"), "32: phases[1].outputs must be a list, not '*.csv'"),
    (("    max_submissions: 10", "    outputs: []"), "32: phases[1].outputs must hold at least one entry"),
    (
        ("    accepts: [container]", "    accepts: [zip]"),
        ("31: phases[1].accepts[0] must be 'container', 'code', 'image' or 'results', not 'zip'"),
    ),
    (("    tasks: [1]", "    tasks: []"), "30: phases[1].tasks must hold at least one entry"),
    (
        ("        key: f1", "        key: 'f1: weighted'"),
        (
            "41: leaderboards[0].columns[1].key must be a short name of "
            "letters, digits, `_`, `-` and `.`, not 'f1: weighted'"
        ),
    ),
    (
        ("        key: f1", "        key: f1\n        sorting: down"),
        ("42: leaderboards[0].columns[1].sorting must be 'desc' or 'asc', not 'down'"),
    ),
    (
        ("    key: main", f"    key: {'k' * 81}"),
        (f"36: leaderboards[0].key must be a short name of letters, digits, `_`, `-` and `.`, not '{'k' * 59}"),
    ),
    (
        ("    input_data: input_data/test", f"    input_data: {UUID}"),
        (
            f"18: tasks[1].input_data refers to data {UUID} on "
            "another server; put the files into the bundle and name them here"
        ),
    ),
    (
        ("    input_data: input_data/test", "    input_data: https://x.org/a.zip"),
        (
            "18: tasks[1].input_data names the "
            "address 'https://x.org/a.zip'; put the files into the bundle and name them here"
        ),
    ),
    (
        ("    input_data: input_data/test", "    input_data: /data"),
        (
            "18: tasks[1].input_data names '/data', which is "
            "outside the bundle; write a path relative to competition.yaml"
        ),
    ),
    (
        ("    input_data: input_data/test", "    input_data: input_data\\test"),
        r"18: tasks[1].input_data names 'input_data\\test'; write the path with forward slashes",
    ),
    (
        ("    input_data: input_data/test", "    input_data: ./"),
        ("18: tasks[1].input_data is empty; name a file or folder of the bundle"),
    ),
    (("    input_data: input_data/test", "    input_data: [a]"), "18: tasks[1].input_data must be text"),
]


@pytest.mark.parametrize(("change", "fault"), SCHEMA_FAULTS)
def test_a_wrong_value_is_named(change: tuple[str, str], fault: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, replaced(change)) == [f"competition.yaml:{fault}"]


HIDDEN = ("    accepts: [container]", "    accepts: [container]\n    hidden: true")

CROSS_FAULTS: list[tuple[list[tuple[str, str]], str]] = [
    (
        [("    tasks: [1]", "    tasks: [1, 2]")],
        "30: phases[1].tasks[1] names task 2, but the indexes of the tasks are 0, 1",
    ),
    (
        [("    end: 2026-06-30T18:00:00+02:00", "    end: 2026-01-01")],
        "23: phases[0].end is not after phases[0].start",
    ),
    ([("    end: 2026-06-30T18:00:00+02:00\n", "")], "20: phases[0].end is missing; only the last phase may stay open"),
    (
        [("    end: 2026-06-30T18:00:00+02:00\n", "    end:\n")],
        "23: phases[0].end is missing; only the last phase may stay open",
    ),
    (
        [("    start: 2026-07-01 00:00:00", "    start: 2025-07-01")],
        "29: phases[1].start is before that of phases[0], which has the lower index",
    ),
    (
        [("    name: Final", "    name: Training")],
        "28: phases[1].name is 'Training', as is that of phases[0]; give each its own",
    ),
    (
        [("    input_data: input_data/test\n", "")],
        "30: phases[1].accepts names container alone, but task 1 has no input_data to run it on",
    ),
    (
        [("    key: main", "    key: main\n    primary_index: 2")],
        "37: leaderboards[0].primary_index is 2, but the indexes of the columns are 0, 1",
    ),
    (
        [("        key: f1", "        key: f1\n        computation: avg")],
        (
            "42: leaderboards[0].columns[1].computation needs computation_indexes: the indexes of the columns to "
            "compute from"
        ),
    ),
    (
        [("        key: f1", "        key: f1\n        computation: avg\n        computation_indexes: [0, 4]")],
        "43: leaderboards[0].columns[1].computation_indexes[1] names column 4, but the indexes of the columns are 0, 1",
    ),
    (
        [("        key: f1", "        key: f1\n        computation: avg\n        computation_indexes: [1]")],
        "43: leaderboards[0].columns[1].computation_indexes[0] names column 1, which is the column itself",
    ),
    (
        [("    public_data: public_data", "    public_data: reference_data")],
        (
            "25: phases[0].public_data names reference_data, which would hand out the hidden reference_data "
            "reference_data/validation; keep them in separate folders"
        ),
    ),
    (
        [("    public_data: public_data", "    starting_kit: input_data/test"), HIDDEN],
        (
            "25: phases[0].starting_kit names input_data/test, which would hand out the hidden input_data "
            "input_data/test; keep them in separate folders"
        ),
    ),
]


@pytest.mark.parametrize(("changes", "fault"), CROSS_FAULTS)
def test_parts_that_do_not_fit_together_are_named(changes: list[tuple[str, str]], fault: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, replaced(*changes)) == [f"competition.yaml:{fault}"]


def test_open_input_data_may_be_public(tmp_path: Path) -> None:
    folder = write_bundle(
        tmp_path, replaced(("    public_data: public_data", "    public_data: input_data/validation"))
    )

    assert open_bundle(folder).definition.phases[0].public_data == "input_data/validation"


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        ("title: A\nversion: 3\n", "2: version 3 is unknown; MedICI reads version 2 of Codabench and 1.5 of CodaLab"),
        (
            "title: A\n",
            "1: is no challenge: it holds none of `tasks`, `phases`, `leaderboards`; begin with `version: 2`",
        ),
        ("- a\n", "1: must hold `key: value` lines, beginning with `version: 2`"),
    ],
)
def test_other_formats_are_recognised(definition: str, fault: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, definition) == [f"competition.yaml:{fault}"]


def test_version_2_is_recognised_by_its_keys(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, replaced(("version: 2\n", "")))

    assert open_bundle(folder).definition.title == "Chest X-ray (2026)"


def test_data_that_is_not_made_yet_points_to_the_readme(tmp_path: Path) -> None:
    definition = replaced(("    input_data: input_data/test", "    input_data: input_data/later"))

    assert _faults(tmp_path, definition, {"data/synthetic.py": "print('made')"}) == [
        (
            "competition.yaml:18: tasks[1].input_data names input_data/later, which the bundle does not hold; "
            "make it first: the bundle's README says how"
        )
    ]


def test_pages_and_data_have_to_be_of_their_kind(tmp_path: Path) -> None:
    definition = replaced(
        ("    file: pages/overview.md", "    file: pages"),
        ("    input_data: input_data/test", "    input_data: README.md"),
        ("    reference_data: reference_data/test", "    reference_data: nothing"),
    )
    (tmp_path / "nothing").mkdir()

    assert _faults(tmp_path, definition) == [
        "competition.yaml:7: pages[0].file names pages, which is a folder; name a file",
        "competition.yaml:17: tasks[1].reference_data names nothing, a folder without any file",
        (
            "competition.yaml:18: tasks[1].input_data names README.md, which is neither a zip nor a folder; "
            "put the file into a folder and name that"
        ),
    ]


def test_a_scoring_program_needs_something_to_run(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / "scoring_program" / "metadata").write_text("description: none\n")

    with pytest.raises(BundleRejected) as rejection:
        open_bundle(tmp_path)

    assert list(map(str, rejection.value.faults)) == [
        f"competition.yaml:{line}: tasks[{place}].scoring_program names scoring_program, which holds neither a "
        "Dockerfile nor a metadata file with a `command:`; add one of them"
        for line, place in ((11, 0), (16, 1))
    ]


def test_links_that_leave_the_bundle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("a secret")
    folder = write_bundle(tmp_path / "bundle")
    (folder / "pages" / "overview.md").unlink()
    (folder / "pages" / "overview.md").symlink_to(tmp_path / "secret.md")

    with pytest.raises(BundleRejected) as rejection:
        open_bundle(folder)

    assert str(rejection.value) == (
        "competition.yaml:7: pages[0].file names pages/overview.md, a link that leaves the bundle; "
        "put the files themselves there"
    )


def test_the_definition_used_here_is_sound(tmp_path: Path) -> None:
    assert open_bundle(write_bundle(tmp_path, DEFINITION)).report.ignored == ()
