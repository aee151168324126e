import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medici_platform.challenges.rules import shown_moment
from medici_platform.runs.rules import (
    LogView,
    costs_quota,
    explain_failures,
    is_refundable,
    log_view,
    mean_scores,
    submission_state,
    waiting_sentence,
)
from medici_platform.states import HELD, TERMINAL, TRANSITIONS, State, may_follow
from medici_worker.protocol import FailureKind, Fault, Stage

ROOT = Path(__file__).resolve().parents[3]


def test_every_state_has_its_line_in_the_table():
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("state", sorted(HELD))
def test_a_held_run_can_be_queued_again_and_can_end(state):
    assert may_follow(state, State.QUEUED)
    assert all(may_follow(state, end) for end in TERMINAL)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_ended_run_can_only_be_run_again(state):
    assert TRANSITIONS[state] == {State.QUEUED}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([State.QUEUED], State.QUEUED),
        ([State.FINISHED, State.RUNNING], State.RUNNING),
        ([State.QUEUED, State.SCORING], State.SCORING),
        ([State.FINISHED, State.FAILED], State.FINISHED),
        ([State.FAILED, State.CANCELLED], State.FAILED),
        ([State.CANCELLED], State.CANCELLED),
    ],
)
def test_a_submission_is_where_its_runs_are(states, expected):
    assert submission_state(states) == expected


def test_unscored_is_not_zero():
    assert mean_scores([{"f1": 0.5, "auc": 0.0}, {"f1": 1.0, "auc": 0.25}]) == {"auc": 0.125, "f1": 0.75}


def test_nobody_gains_by_failing_a_hard_task():
    assert mean_scores([{"f1": 0.9}, {}]) == {}
    assert mean_scores([]) == {}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_has_a_sentence_and_a_fault(kind):
    assert kind.sentence.endswith(".")
    if kind != FailureKind.CANCELLED:
        assert costs_quota(State.FAILED, [kind.value], was_claimed=True) == (kind.fault == Fault.PARTICIPANT)


@pytest.mark.parametrize("was_claimed", [True, False])
def test_cancelling_while_it_waits_costs_nothing(was_claimed):
    assert costs_quota(State.CANCELLED, ["cancelled"], was_claimed=was_claimed) is was_claimed


@pytest.mark.parametrize("failures", [["system_error", "time_limit"], ["time_limit", "scoring_failed"]])
def test_of_several_tasks_one_fault_of_others_is_enough_to_cost_nothing(failures):
    assert costs_quota(State.FAILED, failures, was_claimed=True) is False
    assert costs_quota(State.FINISHED, failures, was_claimed=True) is True


@pytest.mark.parametrize(
    ("logs", "has_secrets", "hide_output", "of_the_run"),
    [
        ("none", True, False, LogView.NEVER),
        ("none", False, False, LogView.NEVER),
        ("tail", True, False, LogView.AT_END),
        ("tail", False, False, LogView.AT_END),
        ("full", True, False, LogView.AT_END),
        ("full", False, False, LogView.LIVE),
        ("full", False, True, LogView.NEVER),
        ("tail", True, True, LogView.NEVER),
    ],
)
def test_what_participants_see_of_logs(logs, has_secrets, hide_output, of_the_run):
    views = [log_view(stage, logs, has_secrets=has_secrets, hide_output=hide_output) for stage in Stage]
    assert views == [LogView.LIVE, of_the_run, LogView.NEVER]


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [(0, "2026-03-01T12:00:59"), (1, "2026-03-01T12:01:00"), (999_999, "2026-03-01T12:01:00")],
)
def test_moments_of_hidden_phases_are_whole_seconds_rounded_up(microseconds, shown):
    moment = datetime(2026, 3, 1, 12, 0, 59, microseconds, tzinfo=UTC)
    assert shown_moment(moment, exact=False) == datetime.fromisoformat(f"{shown}+00:00")
    assert shown_moment(moment, exact=True) is moment
    assert shown_moment(None, exact=False) is None


def test_every_task_that_failed_is_named():
    assert explain_failures([("A", "Too slow.")], 1) == "Too slow."
    assert explain_failures([("A", "Too slow."), ("C", "No output.")], 3) == "Task 'A': Too slow.\nTask 'C': No output."
    alike = [("A", "Too slow."), ("B", "No output."), ("C", "Too slow.")]
    assert explain_failures(alike, 3) == "Tasks 'A', 'C': Too slow.\nTask 'B': No output."


def test_a_mean_too_large_to_tell_is_none():
    assert mean_scores([{"f1": 1e308}, {"f1": 1e308}]) == {}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ((0, 0, 0, 0), "Waiting: no worker is connected at the moment; the run starts as soon as one is."),
        ((0, 1, 1, 0), "Waiting for a worker with 1 GPU: none is connected at the moment."),
        ((0, 1, 0, 1), "Next in the queue."),
        ((2, 1, 0, 1), "Waiting: 2 runs ahead in the queue."),
    ],
)
def test_why_a_run_waits(facts, sentence):
    ahead, workers, gpus, gpu_workers = facts
    assert waiting_sentence(ahead=ahead, workers=workers, gpus=gpus, gpu_workers=gpu_workers) == sentence


def test_the_folder_platform_does_not_shadow_pythons_own_module():
    assert not (ROOT / "platform" / "__init__.py").exists()
    answer = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.system())"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout.strip() == "Linux"


@pytest.mark.parametrize(
    ("met_data", "refunded", "expected"), [(True, 2, True), (True, 3, False), (False, 3, True), (True, 4, False)]
)
def test_after_a_look_at_the_data_failures_are_free_as_often_a_day_as_submissions_are_allowed(
    met_data, refunded, expected
):
    may = is_refundable(met_data=met_data, refunded=refunded, per_day=3)
    assert may is expected
    assert costs_quota(State.FAILED, ["system_error"], was_claimed=True, is_refundable=may) is not expected
    assert costs_quota(State.FAILED, ["time_limit"], was_claimed=True, is_refundable=may) is True
