"""Bundles of CodaLab 1.5 and 1.8 become the challenges that they were."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from medici_bundles.archives import check_zip
from medici_bundles.checker import check_bundle
from medici_bundles.kit import build_kit
from medici_bundles.packing import pack_folder
from medici_bundles.reader import open_bundle
from medici_bundles.report import ImportReport
from medici_bundles.schema import ChallengeDefinition, Column, Leaderboard, Page, Phase, Task
from medici_bundles.writing import write_definition
from tests.unit.bundles.codalab15 import EVERY_KEY, SMALL, changed, write_15

END = datetime(2026, 12, 31, 12, tzinfo=timezone(timedelta(hours=2)))
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def every_key(tmp_path_factory: pytest.TempPathFactory) -> tuple[ChallengeDefinition, ImportReport]:
    with open_bundle(write_15(tmp_path_factory.mktemp("every_key"), EVERY_KEY)) as bundle:
        return bundle.definition, bundle.report


def _read(folder: Path, definition: str) -> tuple[ChallengeDefinition, ImportReport]:
    with open_bundle(write_15(folder, definition)) as bundle:
        return bundle.definition, bundle.report


def test_what_the_organizer_is_told(every_key: tuple[ChallengeDefinition, ImportReport]) -> None:
    _, report = every_key

    assert report == ImportReport(
        format="CodaLab 1.8",
        ignored=(
            (
                "ignored: show_datasets_from_yaml (line 13): data that participants may have is in the "
                "starting kit and "
                "public data"
            ),
            "ignored: allow_teams (line 15): every participant stands alone here",
            "ignored: enable_forum (line 18): MedICI has no forum",
            "ignored: phases.1.color (line 33): MedICI's pages have one look",
            "ignored: phases.1.is_scoring_only (line 37): what a submission is, is recognised by its content",
            "ignored: phases.1.datasets (line 46): links to data on other servers; put them on a page",
        ),
        mapped=(
            "admin_names (line 20): collaborators: those who have an account of that name here organize with you",
            (
                "enable_per_submission_metadata (line 16): fact_sheet: submissions are asked for method_name, "
                "method_description, organization_or_affiliation, team_name, project_url, publication_url, bibtex"
            ),
            "start_date (line 7): the challenge begins with its first phase",
            "phases.4.start_date (line 66): a parallel phase has the time of its parent, phases.2",
            (
                "phases.2.leaderboard_management_mode (line 53): embargo_until: organizers alone see the leaderboards "
                "until the phase has ended; hide_score_output: and the scores"
            ),
            "max_submissions: not given in phases.2, phases.3, phases.4; 100 there, as on Codabench",
            "max_submissions_per_day: not given in phases.2, phases.3, phases.4; 5 there, as on Codabench",
            "phases.2.force_best_submission_to_leaderboard (line 54): submission_rule Force_Best for all leaderboards",
            (
                "leaderboard.columns.place.computed (line 98): Avg is the mean of the ranks, not of the scores, ranked "
                "ascending: 1.5 would have put the worst first"
            ),
            (
                "leaderboard.columns.reciprocal.computed (line 111): MRR is the mean of the reciprocal ranks, ranked "
                "descending"
            ),
        ),
        notes=(
            (
                "leaderboard 'Results' is ordered by ranks among its entries, which tell no best of one participant's "
                "submissions: with Force_Best the latest stands there by itself"
            ),
        ),
    )


def test_keys_of_the_challenge(every_key: tuple[ChallengeDefinition, ImportReport]) -> None:
    definition, _ = every_key

    assert definition.model_dump(exclude={"phases", "tasks", "leaderboards", "fact_sheet", "pages"}) == {
        "title": "Brain lesions",
        "slug": "lesions",
        "description": "Find them all.",
        "image": "logo.png",
        "terms": "pages/terms.html",
        "data_notice": None,
        "registration_auto_approve": False,
        "docker_image": "codalab/codalab-legacy:py3",
        "image_map": {},
        "pull": None,
        "collaborators": ("ada", "grace"),
        "queue": None,
        "enable_detailed_results": True,
        "show_detailed_results_in_submission_panel": True,
        "show_detailed_results_in_leaderboard": True,
        "auto_run_submissions": True,
        "can_participants_make_submissions_public": True,
        "make_programs_available": False,
        "make_input_data_available": False,
        "competition_type": "competition",
        "reward": "500",
        "contact_email": None,
        "forum_enabled": True,
        "solutions": (),
    }
    assert definition.pages == (
        Page(title="Overview", file="pages/overview.html"),
        Page(title="Evaluation", file="pages/evaluation.html"),
        Page(title="Data", file="pages/data.md"),
        Page(title="Get starting kit", file="pages/kit.md"),
    )
    assert [(key, question.type, question.title) for key, question in definition.fact_sheet.items()] == [
        ("method_name", "text", "Method name"),
        ("method_description", "text", "Method description"),
        ("organization_or_affiliation", "text", "Organization or affiliation"),
        ("team_name", "text", "Team name"),
        ("project_url", "text", "Project address"),
        ("publication_url", "text", "Publication address"),
        ("bibtex", "text", "BibTeX entry"),
    ]


def test_tasks(every_key: tuple[ChallengeDefinition, ImportReport]) -> None:
    definition, _ = every_key

    assert definition.tasks == (
        Task(
            index=0,
            name="Practice",
            scoring_program="program.zip",
            reference_data="reference.zip",
            input_data="input.zip",
            ingestion_program="ingestion",
            ingestion_only_during_scoring=True,
        ),
        Task(index=1, name="Test A", scoring_program="program.zip", reference_data="reference_a"),
        Task(index=2, name="Test B", scoring_program="program.zip", reference_data="reference_b"),
    )


def _results(**keys: object) -> Phase:
    """A phase with 1.5's defaults whose task has no input data."""
    fields = {
        "execution_time_limit": 300,
        "accepts": ["container", "code", "image", "results"],
        "unwrap_results": False,
        **keys,
    }
    return Phase.model_validate(fields)


def test_phases(every_key: tuple[ChallengeDefinition, ImportReport]) -> None:
    definition, _ = every_key

    assert definition.phases[0] == Phase(
        index=0,
        name="Practice",
        description="Try it.",
        start=datetime(2026, 1, 1, 9, 30, tzinfo=timezone(timedelta(hours=1))),
        end=JUNE,
        tasks=(0,),
        max_submissions=50,
        max_submissions_per_day=7,
        execution_time_limit=120,
        public_data="public",
        starting_kit="kit",
        unwrap_results=False,
    )
    assert definition.phases[1:] == (
        _results(
            index=1,
            name="Test",
            start=JUNE,
            end=END,
            tasks=[1, 2],
            auto_migrate_to_this_phase=True,
            embargo_until=END,
            hide_score_output=True,
            parallel=True,
        ),
        _results(index=2, name="Test A", start=JUNE, end=END, tasks=[1], parent=1),
        _results(index=3, name="Test B", start=JUNE, end=END, tasks=[2], parent=1),
    )
    assert [phase.limits.time_s for phase in definition.phases] == [120, 300, 300, 300]


def test_leaderboards(every_key: tuple[ChallengeDefinition, ImportReport]) -> None:
    definition, _ = every_key

    assert definition.leaderboards == (
        Leaderboard(
            index=0,
            key="FIRST",
            title="Results",
            submission_rule="Force_Best",
            anonymous=True,
            columns=(
                Column(
                    index=0,
                    key="place",
                    title="Mean rank",
                    sorting="asc",
                    computation="avg_rank",
                    computation_indexes=(1, 2),
                    computation_weights=(2, 1),
                ),
                Column(index=1, key="dice", title="Dice", precision=4, group="Overlap"),
                Column(index=2, key="distance", title="Distance (mm)", sorting="asc"),
                Column(index=3, key="best", title="Best", computation="max", computation_indexes=(1, 2)),
                Column(index=4, key="reciprocal", title="MRR", computation="reciprocal_rank", computation_indexes=(1,)),
            ),
        ),
        Leaderboard(
            index=1,
            key="SECOND",
            title="By site",
            submission_rule="Force_Best",
            anonymous=True,
            columns=(Column(index=0, key="dice_site_1", title="Site 1"),),
        ),
    )


def test_what_is_not_written_has_1_5s_defaults(tmp_path: Path) -> None:
    definition, report = _read(tmp_path, SMALL)

    assert report == ImportReport(format="CodaLab 1.5")
    assert (definition.registration_auto_approve, definition.can_participants_make_submissions_public) == (True, False)
    assert definition.leaderboards[0].submission_rule == "Add_And_Delete"
    assert definition.tasks == (
        Task(index=0, name="Training", scoring_program="program.zip", reference_data="reference.zip"),
    )
    assert [(phase.tasks, phase.max_submissions, phase.execution_time_limit) for phase in definition.phases] == [
        ((0,), 10, 300),
        ((0,), 0, 300),
    ]
    assert [phase.end for phase in definition.phases] == [
        datetime(2026, 7, 1, tzinfo=UTC),
        datetime(2026, 12, 31, 18, tzinfo=timezone(timedelta(hours=1))),
    ]


@pytest.mark.parametrize("version", ["", "version: 1\n", "version: 1.0\n", "version: '1.5'\n", "version:\n"])
def test_versions(version: str, tmp_path: Path) -> None:
    assert check_bundle(write_15(tmp_path, version + SMALL)).format == "CodaLab 1.5"


def test_version_1_8(tmp_path: Path) -> None:
    assert check_bundle(write_15(tmp_path, f"version: 1.8\n{SMALL}")).format == "CodaLab 1.8"


@pytest.mark.parametrize(
    ("line", "rule", "told"),
    [
        (
            "force_submission_to_leaderboard: true",
            "Force_Last",
            "force_submission_to_leaderboard (line 2): submission_rule Force_Last for all leaderboards",
        ),
        (
            "disallow_leaderboard_modifying: true",
            "Force_Best",
            "disallow_leaderboard_modifying (line 2): submission_rule Force_Best for all leaderboards",
        ),
    ],
)
def test_submission_rules(line: str, rule: str, told: str, tmp_path: Path) -> None:
    definition, report = _read(tmp_path, changed(("image: logo.png", f"{line}\nimage: logo.png")))

    assert (definition.leaderboards[0].submission_rule, report.mapped) == (rule, (told,))


def test_results_hidden_in_a_phase_without_an_end(tmp_path: Path) -> None:
    text = changed(
        ("end_date: 2026-12-31T18:00:00+01:00\n", ""),
        ("    label: Final\n", "    label: Final\n    leaderboard_management_mode: hide_results\n"),
    )

    definition, report = _read(tmp_path, text)

    assert definition.phases[1].end is None
    assert definition.phases[1].embargo_until == datetime(2999, 12, 31, tzinfo=UTC)
    assert report.mapped == (
        (
            "phases.2.leaderboard_management_mode (line 19): embargo_until: organizers alone see the "
            "leaderboards until "
            "the organizer sets another time; hide_score_output: and the scores"
        ),
    )


def test_labels_are_html(tmp_path: Path) -> None:
    definition, _ = _read(tmp_path, changed(("label: Recall", 'label: "&lt; Rank &gt;"')))

    assert definition.leaderboards[0].columns[1].title == "< Rank >"


def test_what_it_becomes_is_a_good_bundle_of_version_2(tmp_path: Path) -> None:
    folder = write_15(tmp_path / "old", SMALL)
    with open_bundle(folder) as bundle:
        definition = bundle.definition
    (folder / "competition.yaml").write_text(write_definition(definition), encoding="utf-8")

    with open_bundle(folder) as bundle:
        assert bundle.definition == definition


def test_an_average_that_asks_for_the_worst_first_gets_it(tmp_path: Path) -> None:
    computed = "      rank: 2\n      sort: desc\n      computed: {operation: avg, fields: score_1}\n"

    definition, report = _read(tmp_path, SMALL.removesuffix("      rank: 2\n") + computed)

    assert definition.leaderboards[0].columns[1].sorting == "desc"
    assert report.mapped == (
        (
            "leaderboard.columns.score_2.computed (line 40): Avg is the mean of the ranks, not of the scores, ranked "
            "descending as `sort` says: the worst comes first"
        ),
    )


def test_the_challenges_start_is_that_of_a_first_phase_without_one(tmp_path: Path) -> None:
    text = changed(("    start_date: 2026-01-01\n", ""), ("end_date:", "start_date: 02-01-2026 08:00 +0100\nend_date:"))

    definition, report = _read(tmp_path, text)

    assert definition.phases[0].start == datetime(2026, 2, 1, 7, tzinfo=UTC)
    assert report.mapped == ()


def test_phases_follow_each_other_by_their_numbers(tmp_path: Path) -> None:
    text = changed(
        ("  1:\n    phasenumber: 1\n", "  last:\n    phasenumber: 9\n"), ("  2:\n    phasenumber: 2\n", "  7:\n")
    ).replace("    start_date: 2026-01-01", "    start_date: 2026-08-01")

    definition, _ = _read(tmp_path, text)

    assert [(phase.index, phase.name) for phase in definition.phases] == [(0, "Final"), (1, "Training")]


@pytest.mark.parametrize("written", ["True", "False"])
def test_every_phase_takes_every_kind(tmp_path: Path, written: str) -> None:
    """Also without input data: what a submission is, is recognised by its content."""
    definition, report = _read(
        tmp_path, changed(("    label: Training\n", f"    label: Training\n    is_scoring_only: {written}\n"))
    )

    assert [phase.accepts for phase in definition.phases] == [("container", "code", "image", "results")] * 2
    assert len(report.ignored) == (written == "True")


def test_old_python_and_a_bare_end_are_told(tmp_path: Path) -> None:
    text = changed(
        ("competition_docker_image: medici/python", "competition_docker_image: codalab/codalab-legacy"),
        ("end_date: 2026-12-31T18:00:00+01:00", "end_date: 2026-12-31"),
    )

    _, report = _read(tmp_path, text)

    assert report.notes == (
        (
            "competition_docker_image (line 7): codalab/codalab-legacy runs Python 2; programs run "
            "under Python 3 here, "
            "and one that needs Python 2 will fail"
        ),
        "end_date (line 6): 2026-12-31 ends as that day begins (00:00 UTC)",
    )


def test_long_keys_and_labels(tmp_path: Path) -> None:
    board, column = "R" * 50, "c" * 100
    text = changed(("    RESULTS: &RESULTS\n", f"    {board}: &RESULTS\n"), ("    score_2:\n", f"    {column}:\n"))

    definition, report = _read(tmp_path, text)

    assert (definition.leaderboards[0].key, definition.leaderboards[0].columns[1].key) == (board, column)
    assert report.notes == (
        "leaderboard.leaderboards." + board + " (line 27): has more than 36 characters, the most that Codabench takes",
    )


def test_any_name_of_the_definition_in_a_wrapped_zip_with_noise(tmp_path: Path) -> None:
    folder = write_15(tmp_path / "outer" / "lungs", name="lungs.yaml")
    (folder / "._lungs.yaml").write_text("noise")
    (folder / "values.yaml").write_text("a: 1")
    pack_folder(tmp_path / "outer", tmp_path / "lungs.zip")

    with open_bundle(tmp_path / "lungs.zip") as bundle:
        assert bundle.report.notes == (
            "lungs.yaml is read as the challenge's definition: there is no competition.yaml",
        )
        assert bundle.page_text("pages/overview.html") == "about overview.html"
        bundle.pack("program.zip", tmp_path / "program.zip")
    assert [file.name for file in check_zip(tmp_path / "program.zip").files] == ["metadata", "score.py"]


def test_the_kit_holds_what_helps_but_neither_answers_nor_programs(tmp_path: Path) -> None:
    names = build_kit(write_15(tmp_path / "bundle", EVERY_KEY), tmp_path / "kit.zip")

    assert names == [
        "competition.yaml",
        "kit/README.md",
        "logo.png",
        "pages/data.md",
        "pages/evaluation.html",
        "pages/kit.md",
        "pages/overview.html",
        "pages/terms.html",
        "public/0.png",
    ]
