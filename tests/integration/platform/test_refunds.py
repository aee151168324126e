"""Faults of others cost nothing; but who has looked at the test data gets no more for nothing than for quota."""

import pytest

from tests.factories.platform import CONTAINER_ZIP
from tests.integration.platform.stage import set_stage

PER_DAY = 2
BEGUN = ("running",)
SCORED = ("running", "scoring")
USED_UP = (
    "It costs quota: 2 submissions of the same day failed by no fault of yours after the program had begun, and cost "
    "none; more are not free in one day. The organizers have been told."
)


@pytest.fixture
def stage(platform):
    return set_stage(platform, final={"max_submissions_per_day": PER_DAY, "max_submissions": 10})


def fails(stage, failure, stages=()):
    """What its participant then sees of the submission."""
    number = stage.submit(CONTAINER_ZIP, phase="Final").json()["id"]
    run_id, token = stage.platform.hints.hints[-1].run_id, stage.claim()["token"]
    for each in stages:
        stage.worker.call(run_id, token, "stage", {"stage": each}).raise_for_status()
    stage.worker.call(run_id, token, "report", {"failure": failure}).raise_for_status()
    seen = stage.get(f"/submissions/{number}").json()
    assert (seen["state"], seen["failure"]) == ("failed", failure)
    return seen


def alerts(stage):
    found = stage.get("/challenges/tiny/alerts", stage.olga).json()["items"]
    return sorted((each["submission"], each["kind"]) for each in found)


def test_a_program_that_has_begun_fails_for_nothing_as_often_a_day_as_one_may_submit(stage):
    free = [fails(stage, "system_error", BEGUN), fails(stage, "scoring_failed", SCORED)]
    assert [each["costs_quota"] for each in free] == [False, False]
    assert [each["message"].endswith("costs no quota.") for each in free] == [True, True]
    third = fails(stage, "system_error", BEGUN)
    assert third["costs_quota"] is True
    assert third["message"] == (f"The platform failed to run this task; the organizers can run it again.\n{USED_UP}")
    (run,) = stage.get(f"/submissions/{third['id']}/runs").json()
    assert "costs no quota" not in run["message"]
    assert alerts(stage) == [(free[1]["id"], "scoring_failed"), (third["id"], "refunds_used_up")]

    assert fails(stage, "system_error")["costs_quota"] is False, "nothing was seen"
    assert fails(stage, "scoring_failed", SCORED)["costs_quota"] is True
    assert stage.submit(CONTAINER_ZIP, phase="Final").json()["code"] == "submission_limit_reached"
    stage.platform.clock.advance(seconds=24 * 3600)
    assert fails(stage, "system_error", BEGUN)["costs_quota"] is False


def test_each_participant_has_refunds_of_their_own(stage):
    assert [fails(stage, "system_error", BEGUN)["costs_quota"] for _ in range(3)] == [False, False, True]
    stage.alice = stage.join("bob")
    assert fails(stage, "system_error", BEGUN)["costs_quota"] is False


def test_running_again_in_peace_gives_the_board_what_it_lacked(stage):
    third = [fails(stage, "system_error", BEGUN) for _ in range(3)][-1]
    stage.post(f"/submissions/{third['id']}/rerun", stage.olga).raise_for_status()
    stage.score("f1: 0.5")
    seen = stage.get(f"/submissions/{third['id']}").json()
    assert (seen["state"], seen["costs_quota"], seen["message"]) == ("finished", True, "")


def test_what_looked_in_an_attempt_that_was_lost_has_looked(stage):
    """Its last attempt did not come so far, and says so."""
    for _ in range(PER_DAY):
        fails(stage, "system_error", BEGUN)
    number = stage.submit(CONTAINER_ZIP, phase="Final").json()["id"]
    run_id, token = stage.platform.hints.hints[-1].run_id, stage.claim()["token"]
    stage.worker.call(run_id, token, "stage", {"stage": "running"}).raise_for_status()
    stage.worker.call(run_id, token, "release").raise_for_status()
    token = stage.claim(run_id)["token"]
    stage.worker.call(run_id, token, "report", {"failure": "system_error"}).raise_for_status()
    assert stage.get(f"/submissions/{number}").json()["costs_quota"] is True
