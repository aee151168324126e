"""A new version of a challenge: what is replaced, what stays, what is refused."""

import pytest
from sqlalchemy import select

from medici_platform.accounts.rules import Role
from medici_platform.challenges.models import Challenge
from medici_platform.submissions.models import Submission
from tests.factories.platform import BUNDLE_FILES, COMPETITION, FakeWorker, import_bundle, join, make_zip, submit


@pytest.fixture
def olga(platform):
    token = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, token).raise_for_status()
    return token


@pytest.fixture
def scored(platform, olga):
    """One scored submission of alice's in the phase Final."""
    alice = platform.user("alice")
    join(platform, alice)
    submit(platform, alice).raise_for_status()
    FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 2")
    return alice


def update(platform, token, definition=COMPETITION, files=None, **params):
    content = make_zip({**BUNDLE_FILES, **(files or {}), "competition.yaml": definition})
    with platform.client(token) as client:
        return client.put("/api/v1/challenges/tiny", params=params, files={"file": ("b.zip", content)})


def the_challenge(session):
    return session.scalar(select(Challenge).where(Challenge.slug == "tiny"))


def test_texts_dates_limits_and_columns_are_replaced_in_place(platform, olga, scored):
    with platform.context.database.read() as session:
        before = the_challenge(session)
        phases, board = [phase.id for phase in before.phases], before.leaderboards[0].id
        columns = {column.key: column.id for column in before.leaderboards[0].columns}
    definition = (
        COMPETITION.replace("title: Tiny", "title: Tinier")
        .replace("name: Final", "name: Finale\n    execution_time_limit: 77")
        .replace("title: F1,", "title: F-measure,")
        .replace("  - title: Overview", "  - title: Rules\n    file: rules.md\n  - title: Overview")
    )
    answer = update(platform, olga, definition, {"rules.md": "Be *fair*."})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["published"], answer.json()["remarks"]) == (2, True, [])
    with platform.context.database.read() as session:
        after = the_challenge(session)
        assert (after.title, after.version) == ("Tinier", 2)
        assert [phase.id for phase in after.phases] == phases
        assert (after.phases[1].name, after.phases[1].limits["time_s"]) == ("Finale", 77)
        assert [page.slug for page in after.pages] == ["rules", "overview"]
        assert after.leaderboards[0].id == board
        assert {column.key: column.id for column in after.leaderboards[0].columns} == columns
        assert after.leaderboards[0].columns[0].title == "F-measure"
        assert session.scalar(select(Submission.state)) == "finished"
    with platform.client(scored) as client:
        entries = client.get("/api/v1/challenges/tiny/leaderboard").json()["entries"]
    assert [(entry["participant"], entry["rank"]) for entry in entries] == [("alice", 1)]


def test_changed_data_are_used_by_later_runs_and_a_rescore_is_advised(platform, olga, scored):
    answer = update(platform, olga, files={"reference_data/truth.txt": "2"})
    assert answer.json()["remarks"] == [
        (
            "task 'Main': reference data changed; scores made before were made with what was there then: "
            "rescore the submissions that are to be compared"
        )
    ]
    submit(platform, scored).raise_for_status()
    run = platform.hints.hints[-1].run_id
    worker = FakeWorker(platform, platform.worker("w2"))
    token = worker.claim(run).json()["token"]
    for stage in ("preparing", "running", "scoring"):
        granted = worker.call(run, token, "stage", {"stage": stage}).json()["scoring"]
    with platform.context.database.read() as session:
        task = the_challenge(session).tasks[0]
        assert granted["reference_data"]["sha256"] == task.reference_data_sha256
    assert worker.fetch(run, token, "reference_data").content == (
        platform.context.storage.path(granted["reference_data"]["sha256"]).read_bytes()
    )


def without(*lines):
    text = COMPETITION
    for line in lines:
        assert line in text, line
        text = text.replace(line, "")
    return text


FINAL = COMPETITION[COMPETITION.index("  - index: 1\n    name: Final") : COMPETITION.index("leaderboards:")]

REFUSED = {
    "a phase with submissions is gone": (
        without(FINAL),
        "The phase 'Final' (index 1) has submissions: keep it in the bundle.",
    ),
    "a phase with submissions under another index": (
        COMPETITION.replace("  - index: 1\n    name: Final", "  - index: 2\n    name: Final").replace(
            "  - index: 0\n    name: Practice", "  - index: 1\n    name: Practice"
        ),
        (
            "The phase 'Final' has submissions under the index 1, which the bundle gives to 'Practice': "
            "let each phase keep its index."
        ),
    ),
    "a task with runs is gone": (
        COMPETITION.replace("  - index: 0\n    name: Main", "  - index: 3\n    name: Main").replace(
            "tasks: [0]", "tasks: [3]"
        ),
        "The task 'Main' (index 0) has runs: keep it in the bundle.",
    ),
    "a leaderboard with entries is gone": (
        COMPETITION.replace("key: main", "key: other"),
        "The leaderboard 'main' has entries: keep its key in the bundle, or set it hidden.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_has_submissions_stays(platform, olga, scored, case, dry_run):
    definition, sentence = REFUSED[case]
    answer = update(platform, olga, definition, dry_run=dry_run)
    assert (answer.status_code, answer.json()) == (409, {"code": "in_use", "message": sentence})
    with platform.context.database.read() as session:
        assert the_challenge(session).version == 1


def test_without_submissions_phases_and_tasks_may_go(platform, olga):
    definition = without(FINAL).replace("    end: 2026-06-01\n", "")
    assert update(platform, olga, definition).status_code == 200
    with platform.context.database.read() as session:
        assert [phase.name for phase in the_challenge(session).phases] == ["Practice"]


def test_another_primary_column_numbers_the_board_anew(platform, olga, scored):
    bob = platform.user("bob")
    join(platform, bob)
    submit(platform, bob).raise_for_status()
    FakeWorker(platform, platform.worker("w2")).score(platform.hints.hints[-1].run_id, "f1: 0.9\nseconds: 9")

    def order():
        with platform.client(olga) as client:
            entries = client.get("/api/v1/challenges/tiny/leaderboard").json()["entries"]
        return [entry["participant"] for entry in entries]

    assert order() == ["bob", "alice"]
    definition = COMPETITION.replace("    submission_rule", "    primary_index: 1\n    submission_rule")
    assert update(platform, olga, definition).status_code == 200
    assert order() == ["alice", "bob"]


def test_a_dry_run_changes_nothing_and_says_the_same(platform, olga):
    definition = COMPETITION.replace("title: Tiny", "title: Tinier")
    dry = update(platform, olga, definition, dry_run=True)
    with platform.context.database.read() as session:
        assert (the_challenge(session).title, the_challenge(session).version) == ("Tiny", 1)
    real = update(platform, olga, definition)
    assert dry.json() == {**real.json(), "dry_run": True}


def test_collaborators_stay_and_only_the_owner_adds_new_ones(platform, olga):
    ann = platform.user("ann")
    platform.user("ben")
    with platform.client(olga) as client:
        client.put("/api/v1/challenges/tiny/collaborators/ann").raise_for_status()
    definition = COMPETITION + "collaborators: [ben]\n"
    answer = update(platform, ann, definition)
    assert answer.json()["remarks"] == ["collaborators: only the owner can add ben"]
    assert update(platform, olga, definition).json()["remarks"] == []
    with platform.context.database.read() as session:
        assert sorted(user.username for user in the_challenge(session).collaborators) == ["ann", "ben"]


def test_a_challenge_that_is_not_there(platform, olga):
    with platform.client(olga) as client:
        answer = client.put("/api/v1/challenges/none", files={"file": ("b.zip", make_zip(BUNDLE_FILES))})
    assert answer.status_code == 404
