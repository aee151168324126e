"""What a worker may do, and what it may no longer do."""

import io

import pytest
from sqlalchemy import select

from medici_platform.accounts.rules import Role
from medici_platform.challenges.models import Task
from medici_platform.clock import Clock
from medici_platform.runs.models import Run
from tests.factories.platform import BUNDLE_FILES, COMPETITION, CONTAINER_ZIP, FakeWorker, import_bundle, join, submit


@pytest.fixture
def alice(platform):
    import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
    token = platform.user("alice")
    join(platform, token)
    return token


@pytest.fixture
def worker(platform):
    return FakeWorker(platform, platform.worker())


def claimed(platform, worker, alice, content=CONTAINER_ZIP):
    submission = submit(platform, alice, content).json()
    run_id = platform.hints.hints[-1].run_id
    return submission["id"], run_id, worker.claim(run_id).json()["token"]


def test_a_run_is_claimed_once(platform, worker, alice):
    _, run_id, _ = claimed(platform, worker, alice)
    again = worker.claim(run_id)
    assert (again.status_code, again.json()["code"]) == (409, "not_queued")


def test_the_reference_data_is_handed_out_in_the_scoring_stage_alone(platform, worker, alice):
    _, run_id, token = claimed(platform, worker, alice)
    for stage in ("preparing", "running"):
        answer = worker.call(run_id, token, "stage", {"stage": stage}).json()
        assert answer["scoring"] is None
        assert worker.fetch(run_id, token, "reference_data").status_code == 403
    answer = worker.call(run_id, token, "stage", {"stage": "scoring"}).json()
    fetched = worker.fetch(run_id, token, "reference_data")
    assert fetched.status_code == 200
    assert len(fetched.content) == answer["scoring"]["reference_data"]["size_bytes"]


def test_the_claim_says_nothing_of_the_reference_data(platform, worker, alice):
    submit(platform, alice, CONTAINER_ZIP)
    claim = worker.claim(platform.hints.hints[-1].run_id).text
    with platform.context.database.read() as session:
        sha256 = session.scalars(select(Task.reference_data_sha256)).one()
    assert ("reference_data" in claim, sha256 in claim) == (False, False)


def test_a_repeated_report_changes_nothing(platform, worker, alice):
    submission_id, run_id, token = claimed(platform, worker, alice)
    for stage in ("running", "scoring"):
        worker.call(run_id, token, "stage", {"stage": stage})
    first = {"scores": {"scores_txt": "f1: 0.25"}}
    assert worker.call(run_id, token, "report", first).status_code == 204
    assert worker.call(run_id, token, "report", {"scores": {"scores_txt": "f1: 0.75"}}).status_code == 204
    with platform.client(alice) as client:
        assert client.get(f"/api/v1/submissions/{submission_id}").json()["scores"] == {"f1": 0.25}


@pytest.mark.parametrize("call", ["heartbeat", "stage", "logs", "report", "release"])
def test_after_a_cancellation_every_call_of_the_worker_is_refused(platform, worker, alice, call):
    submission_id, run_id, token = claimed(platform, worker, alice)
    with platform.client(alice) as client:
        assert client.post(f"/api/v1/submissions/{submission_id}/cancel").json()["state"] == "cancelled"
    bodies = {"stage": {"stage": "running"}, "logs": {"stage": "running", "position": 0, "text": "x"}}
    assert worker.call(run_id, token, call, bodies.get(call, {})).status_code == 410


def test_a_released_run_waits_again_and_keeps_its_attempts(platform, worker, alice):
    submission_id, run_id, token = claimed(platform, worker, alice)
    assert worker.call(run_id, token, "release").status_code == 204
    assert platform.hints.hints[-1].run_id == run_id
    for _ in range(5):
        token = worker.claim(run_id).json()["token"]
        worker.call(run_id, token, "release").raise_for_status()
    with platform.client(alice) as client:
        assert client.get(f"/api/v1/submissions/{submission_id}").json()["state"] == "queued"


def test_a_run_that_loses_every_worker_fails_as_the_platforms_fault(platform, worker, alice):
    submission_id, run_id, _ = claimed(platform, worker, alice)
    clock = Clock(platform.context)
    for _ in range(platform.context.settings.max_attempts):
        worker.claim(run_id)
        platform.clock.advance(seconds=61)
        assert clock.tick()
    with platform.client(alice) as client:
        submission = client.get(f"/api/v1/submissions/{submission_id}").json()
    assert (submission["state"], submission["failure"], submission["fault"]) == ("failed", "system_error", "system")
    assert submission["costs_quota"] is False


def test_a_log_piece_that_is_sent_twice_is_kept_once(platform, worker, alice):
    submission_id, run_id, token = claimed(platform, worker, alice)
    for position, text in ((0, "Step 1\n"), (0, "Step 1\n"), (7, "Step 2\x00\n"), (7, "Step 2\x00\n")):
        worker.call(run_id, token, "logs", {"stage": "preparing", "position": position, "text": text})
    with platform.client(alice) as client:
        log = client.get(f"/api/v1/submissions/{submission_id}/logs").json()
    assert "".join(piece["text"] for piece in log["pieces"]) == "Step 1\nStep 2\ufffd\n"


def test_participants_see_build_logs_alone_in_a_hidden_phase(platform, worker, alice):
    submission_id, run_id, token = claimed(platform, worker, alice)
    for stage in ("preparing", "running", "scoring"):
        worker.call(run_id, token, "stage", {"stage": stage})
        worker.call(run_id, token, "logs", {"stage": stage, "position": 0, "text": f"{stage} "})
    olga = platform.user("admin", Role.ADMIN)
    seen = {}
    for name, person in (("participant", alice), ("admin", olga)):
        with platform.client(person) as client:
            log = client.get(f"/api/v1/submissions/{submission_id}/logs").json()
        seen[name] = "".join(piece["text"] for piece in log["pieces"])
    assert seen == {"participant": "preparing ", "admin": "preparing running scoring "}


def test_outputs_arrive_whole_or_not_at_all(platform, worker, alice):
    _, run_id, token = claimed(platform, worker, alice)
    with platform.client(token) as client:
        path = f"/api/worker/v1/runs/{run_id}/outputs"
        damaged = client.put(path, content=io.BytesIO(b"half"), headers={"X-Content-SHA256": "0" * 64})
    assert damaged.status_code == 422
    assert list((platform.context.settings.storage / "incoming").iterdir()) == []


def test_a_worker_without_gpus_never_gets_a_run_that_needs_one(platform, worker):
    files = dict(BUNDLE_FILES)
    files["competition.yaml"] = COMPETITION.replace(
        "    max_submissions: 10\n", "    max_submissions: 10\n    limits: {gpus: 2}\n"
    )
    import_bundle(platform, platform.user("olga", Role.ORGANIZER), files).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    worker.hello().raise_for_status()
    submission = submit(platform, alice, CONTAINER_ZIP).json()
    hint = platform.hints.hints[-1]
    assert hint.gpus == 2
    refused = worker.claim(hint.run_id, free_gpus=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_gpus")
    with platform.client(alice) as client:
        (run,) = client.get(f"/api/v1/submissions/{submission['id']}/runs").json()
    assert run["waiting"] == "Waiting for a worker with 2 GPUs: none is connected at the moment."
    assert worker.claim(hint.run_id, free_gpus=2).json()["spec"]["limits"]["gpus"] == 2


def test_a_revoked_worker_is_refused(platform, worker, alice):
    submit(platform, alice)
    with platform.client(platform.user("root", Role.ADMIN)) as client:
        assert client.delete("/api/v1/workers/w1").status_code == 204
    refused = worker.claim(platform.hints.hints[-1].run_id)
    assert (refused.status_code, refused.json()["code"]) == (401, "bad_credential")


def overlooked(platform, name, *, gpus=(), queue="default"):
    """What a worker that says hello is told of."""
    with platform.client(platform.worker(name, queue)) as client:
        hello = {"version": "0", "hostname": name, "slots": 1, "gpus": list(gpus)}
        return client.post("/api/worker/v1/hello", json=hello).json()["overlooked"]


def test_a_worker_hears_of_what_has_waited_long_though_no_hint_reached_it(platform, alice):
    runs = []
    for _ in range(2):
        submit(platform, alice, CONTAINER_ZIP).raise_for_status()
        runs.append(platform.hints.hints[-1].run_id)
    assert overlooked(platform, "early") == []
    platform.clock.advance(seconds=2 * platform.context.settings.resend_s + 1)
    Clock(platform.context).tick()  # its hints change nothing
    assert overlooked(platform, "late") == runs
    assert overlooked(platform, "elsewhere", queue="other") == []
    with platform.context.database.write() as session:
        session.get_one(Run, runs[0]).gpus = 1
    assert overlooked(platform, "without") == runs[1:]
    assert overlooked(platform, "with", gpus=["H200"]) == runs
    FakeWorker(platform, platform.worker("w1")).claim(runs[1])
    assert overlooked(platform, "last") == []
