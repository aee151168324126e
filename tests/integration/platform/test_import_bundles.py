"""What of a bundle is recorded, and what an import says of the rest."""

import pytest
from sqlalchemy import func, select

from medici_platform.accounts.rules import Role
from medici_platform.challenges.models import Challenge
from medici_platform.challenges.queries import get_challenge
from medici_platform.challenges.recording import choices
from medici_platform.queues.service import get_queue
from tests.factories.platform import BUNDLE_FILES, COMPETITION, import_bundle

RICH = """\
version: 2
title: Rich
slug: rich
terms: terms.md
pages:
  - {title: Overview, file: overview.md}
registration_auto_approve: true
docker_image: codalab/codalab-legacy:py37
image_map: {"codalab/*": hospital/codalab}
pull: never
collaborators: [Ann, nobody, ann, OLGA]
queue: big
enable_detailed_results: true
show_detailed_results_in_submission_panel: false
show_detailed_results_in_leaderboard: false
auto_run_submissions: false
can_participants_make_submissions_public: false
competition_type: benchmark
reward: A book
contact_email: olga@example.org
colour: red
fact_sheet:
  method: {key: method, type: select, title: Method, selection: [cnn, forest], is_required: "true"}
  notes: {key: notes, type: text, is_on_leaderboard: true}
tasks:
  - {index: 0, name: One, scoring_program: scoring_program, reference_data: reference_data, input_data: input_data,
     ingestion_program: ingestion, ingestion_only_during_scoring: true}
  - {index: 1, name: Two, scoring_program: scoring_program, reference_data: reference_data}
solutions:
  - {index: 0, name: Ours, path: solution, tasks: [0]}
phases:
  - {index: 0, name: First, start: 2026-01-01, end: 2026-06-01, tasks: [0, 1], hidden: false, public_data: open,
     starting_kit: kit}
  - {index: 1, name: Second, start: 2026-06-01, end: 2026-12-01, tasks: [0], parent: 0, parallel: true,
     auto_migrate_to_this_phase: true, embargo_until: 2026-12-01, freeze_at: 2026-11-01, late_until: 2026-12-24,
     hide_output: true, hide_prediction_output: true, hide_score_output: true, allowed_images: ["ghcr.io/*"],
     unwrap_results: false, build: {pull: always, image_map: {"python:*": local/python}}}
leaderboards:
  - title: Results
    key: main
    primary_index: 2
    columns:
      - {title: Dice, key: dice, index: 0, group: Overlap}
      - {title: IoU, key: iou, index: 1, group: Overlap}
      - {title: Rank, key: rank, index: 2, sorting: asc, computation: avg_rank, computation_indexes: [0, 1],
         computation_weights: [2, 1]}
"""
FILES = {
    **BUNDLE_FILES,
    "competition.yaml": RICH,
    "ingestion/metadata": "command: python $program/ingest.py",
    "open/case.txt": "zero",
    "kit/run.py": "pass",
    "solution/answer.txt": "1",
}


@pytest.fixture
def olga(platform):
    return platform.user("olga", Role.ORGANIZER)


@pytest.fixture
def rich(platform, olga):
    """The rich bundle on a platform that has one of its collaborators and its queue."""
    platform.user("ann")
    with platform.context.database.write() as session:
        get_queue(session, "big")
    answer = import_bundle(platform, olga, FILES)
    assert answer.status_code == 201, answer.text
    with platform.context.database.read() as session:
        yield answer.json(), session.scalar(select(Challenge).where(Challenge.slug == "rich"))


def test_the_report_tells_what_was_not_honoured(rich):
    report, _ = rich
    assert report["ignored"] == ["ignored: colour (line 21)"]
    assert report["remarks"] == [
        (
            "collaborators: there is no user 'nobody' here; once there is: "
            "`medici challenge collaborators rich --add nobody`"
        )
    ]
    assert (report["format"], report["version"], report["published"], report["dry_run"]) == (
        "Codabench 2",
        1,
        True,
        False,
    )
    assert report["summary"][:2] == ["task 0 'One'", "task 1 'Two'"]


def test_the_challenge_is_recorded(rich):
    _, challenge = rich
    assert (challenge.docker_image, challenge.image_map, challenge.pull) == (
        "codalab/codalab-legacy:py37",
        {"codalab/*": "hospital/codalab"},
        "never",
    )
    assert [user.username for user in challenge.collaborators] == ["ann"]
    assert challenge.queue_id is not None
    assert (challenge.show_detailed_results, challenge.detailed_results_in_panel) == (True, False)
    assert (challenge.detailed_results_on_board, challenge.auto_run, challenge.public_submissions) == (
        False,
        False,
        False,
    )
    assert (challenge.competition_type, challenge.reward, challenge.contact_email) == (
        "benchmark",
        "A book",
        "olga@example.org",
    )
    method = {"key": "method", "type": "select", "title": "Method", "choices": ["cnn", "forest"]}
    notes = {"key": "notes", "type": "text", "title": "notes", "choices": []}
    assert challenge.fact_sheet == [
        {**method, "is_required": True, "is_on_leaderboard": False},
        {**notes, "is_required": False, "is_on_leaderboard": True},
    ]
    assert challenge.definition["title"] == "Rich"
    assert {file.path: (file.is_data, file.media_type) for file in challenge.files} == {
        "ingestion": (True, None),
        "input_data": (True, None),
        "kit": (True, None),
        "open": (True, None),
        "overview.md": (False, None),
        "reference_data": (True, None),
        "scoring_program": (True, None),
        "solution": (True, None),
        "terms.md": (False, None),
    }


def test_tasks_phases_and_columns_are_recorded(rich):
    _, challenge = rich
    files = {file.path: file.sha256 for file in challenge.files}
    one, two = challenge.tasks
    assert (one.ingestion_program_sha256, one.ingestion_only_during_scoring) == (files["ingestion"], True)
    assert (two.ingestion_program_sha256, two.input_data_sha256) == (None, None)
    first, second = challenge.phases
    assert (first.public_data_sha256, first.starting_kit_sha256) == (files["open"], files["kit"])
    assert [task.name for task in first.tasks] == ["One", "Two"]
    assert (second.parent_index, second.parallel, second.auto_migrate) == (0, True, True)
    dates = (second.embargo_until, second.freeze_at, second.late_until)
    assert [f"{date:%Y-%m-%d}" for date in dates] == ["2026-12-01", "2026-11-01", "2026-12-24"]
    assert (second.hide_output, second.hide_prediction_output, second.hide_score_output) == (True, True, True)
    assert (second.allowed_images, second.unwrap_results) == (["ghcr.io/*"], False)
    assert second.build == {"pull": "always", "image_map": {"python:*": "local/python"}}
    columns = challenge.leaderboards[0].columns
    assert [(each.key, each.group, each.computation) for each in columns] == [
        ("dice", "Overlap", None),
        ("iou", "Overlap", None),
        ("rank", "", "avg_rank"),
    ]
    assert (columns[2].computation_indexes, columns[2].computation_weights) == ([0, 1], [2, 1])


def test_an_unknown_queue_is_told(platform, olga):
    files = {**BUNDLE_FILES, "competition.yaml": COMPETITION + "queue: gone\n"}
    assert import_bundle(platform, olga, files).json()["remarks"] == [
        "queue: there is no queue 'gone' here, the default one runs it"
    ]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (None, []),
        ("", []),
        ("a, b,,c", ["a", "b", "c"]),
        (["a", "", "b", "a"], ["a", "b"]),
        (("1", "2"), ["1", "2"]),
        ({"x": "Choice X", "y": "Choice Y"}, ["Choice X", "Choice Y"]),
    ],
)
def test_choices_in_every_shape(selection, expected):
    assert choices(selection) == expected


def stored(platform):
    with platform.context.database.read() as session:
        rows = session.scalar(select(func.count()).select_from(Challenge))
    return rows, sorted(path for path in platform.context.settings.storage.rglob("*") if path.is_file())


def test_a_dry_run_says_the_same_and_stores_nothing(platform, olga):
    before = stored(platform)
    dry = import_bundle(platform, olga, FILES, dry_run=True)
    assert dry.status_code == 200
    assert stored(platform) == before
    real = import_bundle(platform, olga, FILES).json()
    assert dry.json() == {**real, "dry_run": True}


def test_every_fault_is_listed_with_its_line(platform, olga):
    wrong = COMPETITION.replace("key: f1", "key: ''").replace("file: overview.md", "file: no.md")
    before = stored(platform)
    for dry_run in (False, True):
        answer = import_bundle(platform, olga, {**BUNDLE_FILES, "competition.yaml": wrong}, dry_run=dry_run)
        assert (answer.status_code, answer.json()["code"]) == (422, "bundle_rejected")
        faults = answer.json()["faults"]
        assert [(fault["file"], fault["line"]) for fault in faults] == [
            ("competition.yaml", 11),
            ("competition.yaml", 36),
        ]
        assert faults[0]["message"] == "pages[0].file names no.md, which the bundle does not hold"
    assert stored(platform) == before


def test_public_data_that_hold_hidden_input_are_not_offered(platform, olga):
    files = {
        **BUNDLE_FILES,
        "competition.yaml": COMPETITION.replace("    hidden: false\n", "    public_data: input_data\n"),
    }
    answer = import_bundle(platform, olga, files)
    assert answer.json()["remarks"] == [
        "phase 'Practice': its public data input_data are not offered for download, since they hold hidden data"
    ]
    with platform.client(olga) as client:
        assert client.get("/challenges/tiny/phases/0/public-data").status_code == 404


def test_the_column_that_ranks_is_named_by_its_index_not_its_place(platform, olga):
    files = {
        **BUNDLE_FILES,
        "competition.yaml": COMPETITION.replace("index: 0, sorting: desc", "index: 7, sorting: desc").replace(
            "    submission_rule", "    primary_index: 7\n    submission_rule"
        ),
    }
    import_bundle(platform, olga, files).raise_for_status()
    with platform.client(olga) as client:
        columns = client.get("/api/v1/challenges/tiny/leaderboard").json()["columns"]
    assert [column["key"] for column in columns if column["primary"]] == ["f1"]


def test_a_draft_is_found_by_its_organizers(rich, platform):
    with platform.context.database.read() as session:
        assert get_challenge(session, "rich", None).slug == "rich"
