"""The row of stages that a submission's page shows."""

import pytest

from medici_platform.accounts.rules import Role
from medici_platform.runs.schemas import RunOut
from medici_platform.runs.steps import steps_of
from tests.factories.platform import FakeWorker, RunningPlatform, import_bundle, join, submit
from tests.integration.platform.page_client import PageClient


def run(
    state: str, *, failure: str | None = None, seconds: dict[str, float] | None = None, started: bool = True
) -> RunOut:
    facts = dict.fromkeys(RunOut.model_fields)
    facts |= {"id": 1, "task": "Main", "task_index": 0, "attempt": 1, "message": "", "scores": {}, "attempts": []}
    facts |= {"has_outputs": False, "has_detailed_results": False, "has_cases": False}
    facts |= {"state": state, "failure": failure}
    facts |= {"stage_seconds": seconds or {}, "started_at": "2026-11-21T10:00:00Z" if started else None}
    return RunOut.model_validate(facts)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (run("submitted", started=False), "current ahead ahead ahead ahead"),
        (run("queued", started=False), "current ahead ahead ahead ahead"),
        (run("preparing"), "done current ahead ahead ahead"),
        (run("running"), "done done current ahead ahead"),
        (run("scoring"), "done done done current ahead"),
        (run("finished"), "done done done done done"),
        (run("failed", failure="build_failed"), "done failed ahead ahead ahead"),
        (run("failed", failure="memory_limit"), "done done failed ahead ahead"),
        (run("failed", failure="predictions_invalid"), "done done done failed ahead"),
        (run("failed", failure="system_error", seconds={"preparing": 1, "running": 2}), "done done failed ahead ahead"),
        (run("failed", failure="run_failed", seconds={"preparing": 1, "scoring": 2}), "done done done failed ahead"),
        (run("cancelled", failure="cancelled", started=False), "cancelled ahead ahead ahead ahead"),
        (run("cancelled", failure="cancelled"), "done cancelled ahead ahead ahead"),
    ],
)
def test_stages_of_a_container_submission(given, shown):
    assert " ".join(step.state for step in steps_of(given, "container")) == shown


def test_a_result_submission_has_no_inference():
    steps = steps_of(run("failed", failure="predictions_invalid", seconds={"preparing": 0.5}), "results")
    assert [(step.title, step.state.value, step.seconds) for step in steps] == [
        ("Queue", "done", None),
        ("Fetch", "done", 0.5),
        ("Scoring", "failed", None),
        ("Result", "ahead", None),
    ]


def test_detailed_results_stand_in_a_frame_that_can_do_nothing(platform: RunningPlatform):
    import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
    token = platform.user("alice")
    join(platform, token)
    submit(platform, token).raise_for_status()
    worker = FakeWorker(platform, platform.worker())
    attempt = worker.claim(1).json()["token"]
    html = "<h1>Report</h1><script>alert(1)</script><img src='https://example.org/x.png'>"
    report = {"scores": {"scores_txt": "f1: 0.5", "detailed_html": html}}
    for stage in ("preparing", "scoring"):
        worker.call(1, attempt, "stage", {"stage": stage}).raise_for_status()
    worker.call(1, attempt, "report", report).raise_for_status()
    olga = PageClient(platform, "olga")
    page = olga.get("/submissions/1").text
    assert 'src="/api/v1/runs/1/detailed-results"' in page
    assert " sandbox " in page
    answer = olga.get("/api/v1/runs/1/detailed-results")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "script" not in answer.text
    assert "example.org" not in answer.text
