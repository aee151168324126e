"""Phases that follow each other: parents, parallel children, late submissions."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories.platform import RESULTS_ZIP, make_zip, running_platform
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.stage import set_stage

OPEN = {"start": "2026-01-01", "end": "2030-01-01"}
AHEAD = {"start": "2026-01-01", "end": None}
CHILD = {**OPEN, "parent": 0}


@pytest.fixture
def parallel(platform):
    """What succeeds in Practice goes on to Final."""
    return set_stage(platform, practice={**OPEN, "parallel": True}, final=CHILD)


def test_a_phase_opens_to_those_who_have_passed_its_parent(platform):
    stage = set_stage(platform, practice=OPEN, final=CHILD)
    sentence = (
        "You can submit to the phase 'Final' only after a submission of yours has finished in the phase 'Practice'."
    )
    refused = stage.submit(phase="Final")
    assert (refused.status_code, refused.json()["code"], refused.json()["message"]) == (
        403,
        "parent_not_passed",
        sentence,
    )
    assert sentence.replace("'", "&#39;") in PageClient(platform, "alice").get("/challenges/tiny/submit?phase=1").text
    stage.submit(phase="Practice")
    assert stage.submit(phase="Final").json()["code"] == "parent_not_passed"
    stage.score()
    assert stage.submit(phase="Final").status_code == 201
    assert stage.submit(token=stage.join("bob"), phase="Final").json()["code"] == "parent_not_passed"


def test_a_failed_submission_passes_nothing(platform):
    stage = set_stage(platform, practice=OPEN, final=CHILD)
    stage.submit(phase="Practice")
    claim = stage.claim()
    stage.worker.call(claim["spec"]["run_id"], claim["token"], "report", {"failure": "predictions_invalid"})
    assert stage.submit(phase="Final").json()["code"] == "parent_not_passed"


def test_what_succeeds_in_a_parallel_phase_is_entered_below_it(parallel):
    parent = parallel.submit(phase="Practice").json()
    assert parallel.submissions("Final") == []
    parallel.score("f1: 0.5")
    (child,) = parallel.submissions("Final")
    told = {key: child[key] for key in ("participant", "state", "costs_quota", "origin_id", "sha256", "submitted_at")}
    assert told == {
        "participant": "alice",
        "state": "queued",
        "costs_quota": False,
        "origin_id": parent["id"],
        "sha256": parent["sha256"],
        "submitted_at": parent["submitted_at"],
    }
    parallel.score("f1: 0.7")
    (child,) = parallel.submissions("Final")
    assert (child["state"], child["scores"], child["costs_quota"]) == ("finished", {"f1": 0.7}, False)
    board = parallel.get("/challenges/tiny/leaderboard?phase=Final").json()["entries"]
    assert [(entry["participant"], entry["scores"]) for entry in board] == [("alice", {"f1": 0.7})]


def test_it_is_entered_once_however_often_the_parent_runs(parallel):
    parent = parallel.submit(phase="Practice").json()
    parallel.score()
    for _ in range(2):
        parallel.post(f"/submissions/{parent['id']}/rerun", parallel.olga).raise_for_status()
        parallel.score()
    assert len(parallel.submissions("Final")) == 1


def test_a_failure_is_not_handed_on(parallel):
    parallel.submit(phase="Practice")
    claim = parallel.claim()
    parallel.worker.call(claim["spec"]["run_id"], claim["token"], "report", {"failure": "predictions_invalid"})
    assert parallel.submissions("Final") == []


def test_it_is_entered_whatever_the_quota_below(platform):
    stage = set_stage(platform, practice={**OPEN, "parallel": True}, final={**CHILD, "max_submissions": 0})
    stage.submit(phase="Practice")
    stage.score()
    assert len(stage.submissions("Final")) == 1
    assert stage.submit(phase="Final").json()["message"] == "The phase 'Final' takes no submissions."


def test_a_kind_that_the_child_cannot_run_stays_above(platform):
    stage = set_stage(platform, practice={**OPEN, "parallel": True}, final={**CHILD, "accepts": ["container"]})
    stage.submit(phase="Practice")
    stage.score()
    assert stage.submissions("Final") == []


def test_nothing_goes_round_in_a_circle(platform):
    stage = set_stage(
        platform,
        practice={**OPEN, "parallel": True, "parent": None},
        final={**CHILD, "parallel": True},
    )
    with platform.context.database.write() as session:
        session.connection().exec_driver_sql('UPDATE phase SET parent_index = 1 WHERE "index" = 0')
        session.connection().exec_driver_sql('UPDATE phase SET parent_index = NULL WHERE "index" = 1')
    stage.submit(phase="Final")
    with platform.context.database.write() as session:
        session.connection().exec_driver_sql('UPDATE phase SET parent_index = 0 WHERE "index" = 1')
    stage.score()
    stage.score()
    assert [len(stage.submissions(phase)) for phase in ("Practice", "Final")] == [1, 1]


LATE = {"start": "2026-01-01", "end": "2026-11-01", "late_until": "2026-12-31"}


def test_late_submissions_are_scored_marked_and_never_ranked(platform):
    stage = set_stage(platform, practice=LATE, final={"start": "2026-11-01"})
    late = stage.submit(phase="Practice").json()
    assert (late["is_late"], late["costs_quota"]) == (True, True)
    stage.score("f1: 0.9")
    ended = stage.get(f"/submissions/{late['id']}").json()
    assert (ended["state"], ended["scores"]) == ("finished", {"f1": 0.9})
    assert stage.get("/challenges/tiny/leaderboard?phase=Practice").json()["entries"] == []
    assert stage.get("/challenges/tiny/quota?phase=Practice").json()["used_total"] == 1
    page = PageClient(platform, "alice").get("/challenges/tiny/submit?phase=0").text
    assert (
        "The phase &#39;Practice&#39; ended on 2026-11-01 00:00 UTC. Late submissions are taken until "
        "2026-12-31 00:00 UTC: they are scored and marked as late, and never ranked." in page
    )
    assert (
        '<span class="chip chip-late">late</span>'
        in PageClient(platform, "alice").get("/challenges/tiny/submissions").text
    )


def test_after_the_time_for_late_ones_the_phase_is_closed(platform):
    stage = set_stage(platform, practice=LATE, final={"start": "2026-11-01"})
    platform.clock.advance(days=60)
    refused = stage.submit(phase="Practice").json()
    assert (refused["code"], refused["message"]) == (
        "phase_closed",
        (
            "The phase 'Practice' is closed: it ended on 2026-11-01 00:00 UTC, and late submissions were taken until "
            "2026-12-31 00:00 UTC."
        ),
    )


def test_facts_and_images_go_with_a_submission(platform):
    digest = "sha256:" + "1" * 64
    sheet = {"m": {"key": "m", "type": "text", "title": "Method"}}
    stage = set_stage(
        platform,
        practice={**OPEN, "parallel": True, "allowed_images": ["*"]},
        final=CHILD,
        fact_sheet=sheet,
    )
    body = {"image": f"team/model@{digest}", "fact_sheet": {"m": "U-Net"}}
    stage.post("/challenges/tiny/submissions", stage.alice, params={"phase": "0"}, json=body).raise_for_status()
    stage.score()
    (child,) = stage.submissions("Final")
    assert (child["kind"], child["image_reference"], child["fact_sheet"]) == (
        "image",
        f"docker.io/team/model@{digest}",
        {"m": "U-Net"},
    )


def test_a_phase_that_ends_during_an_upload_takes_nothing_into_the_next(platform):
    """The phase is settled when the upload begins."""
    stage = set_stage(platform, practice=OPEN, final={"start": "2030-01-01"})
    submission = stage.submit(make_zip({"answer.txt": "1"})).json()
    assert submission["phase"] == "Practice"
    platform.clock.advance(days=2000)
    assert stage.submit(RESULTS_ZIP).json()["phase"] == "Final"


@pytest.mark.slow
def test_many_at_once_are_handed_on_once_each(tmp_path, postgres_url):
    """Uploads, reports and entries lock rows of the same participants and phases: none waits for another in a ring."""
    with running_platform(tmp_path / "data", database_url=postgres_url) as platform:
        stage = set_stage(
            platform,
            practice={**OPEN, "parallel": True, "max_submissions_per_day": 50},
            final={**CHILD, "max_submissions_per_day": 50},
        )
        tokens = [stage.alice, *(stage.join(f"user{place}") for place in range(3))]

        def play(token):
            for _ in range(4):
                number = stage.submit(token=token, phase="Practice").json()["id"]
                (run,) = stage.get(f"/submissions/{number}/runs", token).json()
                stage.worker.score(run["id"], "f1: 0.5")
                stage.submit(token=token, phase="Final").raise_for_status()

        with ThreadPoolExecutor(len(tokens)) as pool:
            list(pool.map(play, tokens))
        entered = [item["origin_id"] for item in stage.submissions("Final") if item["origin_id"]]
        assert sorted(entered) == sorted(item["id"] for item in stage.submissions("Practice"))
        assert len(entered) == 16


@pytest.mark.parametrize(("allowed", "entered"), [([], [True]), (["ghcr.io/other/*"], []), (["ghcr.io/*"], [True])])
def test_an_image_is_not_entered_where_other_registries_are_named(platform, allowed, entered):
    stage = set_stage(
        platform,
        practice={**OPEN, "parallel": True, "allowed_images": ["*"]},
        final={**CHILD, "allowed_images": allowed},
    )
    reference = f"ghcr.io/team/model@sha256:{'0' * 64}"
    parent = stage.post(
        "/challenges/tiny/submissions", stage.alice, params={"phase": "Practice"}, json={"image": reference}
    )
    assert parent.status_code == 201, parent.text
    stage.score("f1: 0.5")
    assert [item["origin_id"] == parent.json()["id"] for item in stage.submissions("Final")] == entered
