"""Nothing lost, nothing twice: killed workers, cancelled and repeated runs, runs that wait for a GPU."""

import os
import signal
import sqlite3
import time

import pytest

from tests.e2e.programs import LIMITS, answering_in_container, phase, running
from tests.e2e.stack import children_of, until

pytestmark = pytest.mark.slow

FIVE_SECONDS = running("import time; time.sleep(5)\nopen('/mnt/out/answer.txt', 'w').write('0.6')\n")
FOREVER = running("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n")
CHANCE = running("import random\nopen('/mnt/out/answer.txt', 'w').write(str(random.random()))\n")
FAKE_GPU = "GPU-00000000-e2e0-0000-0000-000000000001, Fake 1, 16 GiB"


def stored_scores(platform, number):
    """The score rows of a submission, as they lie in the database."""
    with sqlite3.connect(f"file:{platform.data / 'medici.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT key, value FROM score JOIN run ON run.id = score.run_id WHERE run.submission_id = ? ORDER BY key",
            (number,),
        ).fetchall()
    database.close()
    return rows


def outcomes(platform, number):
    (run,) = platform.runs(number)
    return [attempt["outcome"] for attempt in run["attempts"]]


def await_container(platform):
    until(lambda: platform.containers(run=True), "the run's container runs")
    (name,) = platform.containers(run=True)
    return name


def test_a_worker_killed_in_the_middle_of_an_inference(platform):
    number = platform.hand_in(FIVE_SECONDS)
    orphan = await_container(platform)
    (worker,) = children_of(platform.up.popen.pid)
    os.kill(worker, signal.SIGKILL)
    killed_at = time.monotonic()
    submission = platform.await_end(number)
    assert (submission["state"], submission["scores"]) == ("finished", {"f1": 0.6, "seconds": 2.0})
    assert outcomes(platform, number) == ["lease_lost", "finished"]
    assert stored_scores(platform, number) == [("f1", 0.6), ("seconds", 2.0)]
    until(lambda: not platform.containers(run=True), "no container is left", within_s=15)
    assert orphan not in platform.containers()
    print(f"\nfinished {time.monotonic() - killed_at:.1f} s after the kill")


def test_cancel_ends_the_container_within_seconds(platform):
    number = platform.hand_in(FOREVER)
    await_container(platform)
    ended = platform.medici("cancel", number, user="alice", json=True)
    assert (ended.code, ended.json["state"], ended.json["failure"]) == (0, "cancelled", "cancelled")
    until(lambda: not platform.containers(run=True), "its container is gone", within_s=5)
    assert outcomes(platform, number) == ["cancelled"]
    assert stored_scores(platform, number) == []
    again = platform.medici("cancel", number, user="alice")
    assert (again.code, again.errors) == (1, f"Error: Submission {number} has already ended: it is cancelled.\n")


def test_watch_tells_of_a_cancelled_submission(platform):
    number = platform.hand_in(FOREVER)
    await_container(platform)
    assert platform.medici("cancel", number, user="olga").code == 0
    watched = platform.medici("watch", number, user="alice", json=True)
    assert (watched.code, watched.json["state"], watched.json["scores"]) == (1, "cancelled", {})


@pytest.fixture(scope="module")
def board(platform):
    """A challenge of its own, so that its board holds one submission."""
    slug = platform.import_challenge(platform.folder / "again", slug="again", title="Again")
    assert platform.medici("join", slug, user="alice").code == 0
    return slug


def test_rerun_and_rescore_replace_the_scores_once(platform, board):
    number = platform.hand_in(CHANCE, slug=board)
    scores = [platform.await_end(number)["scores"]]
    for decision in ("rerun", "rescore"):
        ended = platform.medici(decision, number, user="olga", json=True)
        assert (ended.code, ended.json["state"], ended.json["scores"]) == (0, "queued", {})
        scores.append(platform.await_end(number)["scores"])
        entries = platform.get(f"/challenges/{board}/leaderboard")["entries"]
        assert [(entry["rank"], entry["submission"], entry["scores"]) for entry in entries] == [(1, number, scores[-1])]
    first, rerun, rescored = scores
    assert first != rerun
    assert rerun == rescored
    assert outcomes(platform, number) == ["finished"] * 3
    assert stored_scores(platform, number) == sorted(rescored.items())
    assert platform.get(f"/challenges/{board}/quota")["used_total"] == 1


def test_participants_may_neither_rerun_nor_rescore(platform, board):
    number = platform.run_files(answering_in_container(0.2), slug=board)["id"]
    for decision in ("rerun", "rescore"):
        ended = platform.medici(decision, number, user="alice")
        assert ended.code == 1
        assert ended.errors == "Error: Only the organizers of this challenge may run a submission again.\n"


def test_a_run_that_needs_a_gpu_waits_for_a_worker_that_has_one(platform):
    """The fake GPU is claimed; this engine has no driver for it, however often: nobody's fault but the system's."""
    phases = [phase(0, "Final", limits={**LIMITS, "gpus": 1})]
    slug = platform.import_challenge(platform.folder / "gpu", slug="gpu", title="GPU", phases=phases)
    assert platform.medici("join", slug, user="alice").code == 0
    number = platform.hand_in(answering_in_container(0.9), slug=slug)
    passed_by = platform.run_files(answering_in_container(0.8))  # the worker without a GPU is there, and works
    assert passed_by["state"] == "finished"
    (run,) = platform.runs(number)
    assert (run["state"], run["attempts"]) == ("queued", [])
    assert run["waiting"] == "Waiting for a worker with 1 GPU: none is connected at the moment."

    worker = platform.start_worker("gpu", MEDICI_WORKER_GPUS=FAKE_GPU)
    submission = platform.await_end(number)
    worker.stop()  # other tests on this stack count on one
    told = {key: submission[key] for key in ("state", "failure", "fault", "message", "costs_quota", "scores")}
    assert told == {
        "state": "failed",
        "failure": "system_error",
        "fault": "system",
        "message": "The platform failed to run this submission; it costs no quota.",
        "costs_quota": False,
        "scores": {},
    }
    (run,) = platform.runs(number, user="olga")
    assert [(attempt["worker"], attempt["outcome"]) for attempt in run["attempts"]] == [
        ("gpu", "worker_failed"),
        ("gpu", "worker_failed"),
        ("gpu", "system_error"),
    ]
    assert 'could not select device driver "" with capabilities: [[gpu]]' in run["private_detail"]
    assert platform.get(f"/challenges/{slug}/quota")["used_total"] == 0
