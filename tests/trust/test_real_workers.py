"""Many runs on few workers, and every message twice: the worker's real code, engines in memory, both databases."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from medici_platform.clock import Clock
from medici_worker import worker as worker_module
from medici_worker.containers.fake_engine import finished
from medici_worker.hints import Taken
from tests.e2e.stack import until
from tests.factories.platform import CONTAINER_ZIP, FakeWorker, join, make_zip, running_platform, submit
from tests.trust.fleet import worker
from tests.trust.proxy import proxy
from tests.trust.test_exactly_once import opened, platform  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

WORKERS = 4
MOMENTS = ("submitted_at", "scored_at")


def result(value):
    return make_zip({"answer.txt": f"{value:.4f}"})


def rows(platform, sql):  # noqa: F811 - the platform of the test
    with platform.context.database.read() as session:
        return [tuple(row) for row in session.execute(text(sql))]


def test_each_run_is_executed_once(platform, trust, tmp_path):  # noqa: F811 - the fixture
    """Every worker hears of every run, in an order of its own, and takes what it gets."""
    _, alice = opened(platform)
    count = 1000 if trust.is_full else 60
    contents = [CONTAINER_ZIP if number % 10 == 0 else result(number / 10_000) for number in range(count)]
    with ThreadPoolExecutor(WORKERS) as pool:
        assert set(pool.map(lambda content: submit(platform, alice, content).status_code, contents)) == {201}
    runs = sorted({hint.run_id for hint in platform.hints.hints})
    with ExitStack() as held:
        fleet = [
            held.enter_context(worker(tmp_path / f"w{number}", platform.url, platform.worker(f"w{number}")))
            for number in range(WORKERS)
        ]

        def take_all(number):
            for run in random.Random(number).sample(runs, len(runs)):  # noqa: S311 - an order, no secret
                assert fleet[number][0].take_run(run) is not Taken.NOT_TRIED

        began = time.monotonic()
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(take_all, range(WORKERS)))
        seconds = time.monotonic() - began
    name = platform.context.database.engine.name
    attempts = Counter(rows(platform, "SELECT run_id, outcome FROM run_attempt"))
    shares = rows(platform, "SELECT worker_id, count(*) FROM run_attempt GROUP BY worker_id")
    trust.note(
        f"{count} runs by {WORKERS} real workers on engines in memory, {name}",
        f"{sum(n == 1 for n in attempts.values())} executed once, {count / seconds:.1f} runs/s ({seconds:.0f} s)",
    )
    assert attempts == {(run, "finished"): 1 for run in runs}
    assert rows(platform, "SELECT state, count(*) FROM run GROUP BY state") == [("finished", count)]
    assert Counter(rows(platform, "SELECT run_id FROM score")) == {(run,): 2 for run in runs}
    assert len(shares) == WORKERS
    for number, (_, engine) in enumerate(fleet):
        assert finished(engine)
        assert engine.volumes(labels={"medici.worker": f"w{number}"}) == []


def whole_logs(platform):  # noqa: F811 - the platform of the test
    """(Run, attempt, stage) → its text: where it is cut into pieces is a matter of time."""
    logs = {}
    pieces = rows(platform, "SELECT run_id, attempt, stage, text FROM run_log ORDER BY run_id, stage, position")
    for run, attempt, stage, piece in pieces:
        logs[run, attempt, stage] = logs.get((run, attempt, stage), "") + piece
    return logs


def executed(platform, folder, *, times):  # noqa: F811 - the platform of the test
    """Eight runs of two people by one worker, whose every request and every hint arrives `times` times."""
    _, alice = opened(platform)
    bob = platform.user("bob")
    join(platform, bob)
    with (
        proxy(platform.url, lambda _: None, times=times) as url,
        worker(folder, url, platform.worker()) as (process, _),
    ):
        for number in range(8):
            content = CONTAINER_ZIP if number % 4 == 0 else result((number + 1) / 100)
            submit(platform, alice if number % 2 else bob, content).raise_for_status()
            for _ in range(times):
                assert process.take_run(platform.hints.hints[-1].run_id) is not Taken.NOT_TRIED
    with platform.client() as client:
        entries = client.get("/api/v1/challenges/tiny/leaderboard").json()["entries"]
    return {
        "board": [{**entry, **dict.fromkeys(MOMENTS)} for entry in entries],
        "scores": rows(platform, "SELECT run_id, key, value FROM score ORDER BY run_id, key"),
        "attempts": rows(platform, "SELECT run_id, attempt, outcome FROM run_attempt ORDER BY run_id, attempt"),
        "logs": whole_logs(platform),
        "runs": rows(platform, "SELECT id, state, outputs_bytes, exit_code FROM run ORDER BY id"),
        "records": rows(platform, "SELECT run_id, attempt FROM run_record ORDER BY run_id"),
    }


def test_every_message_twice_gives_the_same(tmp_path, trust):
    with running_platform(tmp_path / "once", upload_attempts="100000/minute") as once:
        expected = executed(once, tmp_path / "w1", times=1)
    with running_platform(tmp_path / "twice", upload_attempts="100000/minute") as twice:
        found = executed(twice, tmp_path / "w2", times=2)
    is_same = "nothing differs" if found == expected else "it differs"
    trust.note(
        "every request and hint of a real worker delivered twice, 8 runs", f"{is_same}, {len(found['scores'])} scores"
    )
    assert found == expected
    assert (len(found["scores"]), len(found["board"])) == (16, 2)
    assert len(found["logs"]) > 8


def test_what_comes_late_from_an_earlier_attempt_changes_nothing(platform, trust, tmp_path):  # noqa: F811
    _, alice = opened(platform)
    submit(platform, alice, result(0.25)).raise_for_status()
    run = platform.hints.hints[-1].run_id
    stale = FakeWorker(platform, platform.worker("stale"))
    token = stale.claim(run).json()["token"]
    platform.clock.advance(seconds=61)
    assert Clock(platform.context).tick()
    with worker(tmp_path / "w1", platform.url, platform.worker("w1")) as (process, _):
        assert process.take_run(run) is Taken.EXECUTED
    before = [rows(platform, f"SELECT * FROM {table}") for table in ("run", "score", "run_log", "run_attempt")]  # noqa: S608
    late = {
        "stage": {"stage": "scoring"},
        "logs": {"stage": "scoring", "position": 0, "text": "late"},
        "report": {"scores": {"scores_txt": "f1: 0.99"}},
        "heartbeat": {},
        "release": {},
    }
    answers = [stale.call(run, token, what, body).status_code for what, body in late.items()]
    assert answers == [410] * len(late)
    after = [rows(platform, f"SELECT * FROM {table}") for table in ("run", "score", "run_log", "run_attempt")]  # noqa: S608
    assert after == before
    trust.note(
        f"messages of an earlier attempt after a later one has finished, {platform.context.database.engine.name}",
        f"{answers.count(410)} of {len(late)} refused",
    )


@pytest.fixture
def waiting(platform, monkeypatch):  # noqa: F811 - the fixture
    """Five runs whose hints nobody has received, for long."""
    monkeypatch.setattr(worker_module, "IDLE_S", 0.0)
    _, alice = opened(platform)
    for number in range(5):
        submit(platform, alice, CONTAINER_ZIP if number % 2 else result(number / 10)).raise_for_status()
    platform.clock.advance(seconds=2 * platform.context.settings.resend_s + 1)


@pytest.mark.usefixtures("waiting")
def test_without_any_broker_every_run_is_executed(platform, trust, tmp_path):  # noqa: F811 - the fixture
    with worker(tmp_path / "w1", platform.url, platform.worker("w1")) as (process, engine):
        process._take_overlooked(process.hello().overlooked)
        until(lambda: rows(platform, "SELECT count(*) FROM run WHERE state = 'finished'") == [(5,)], "all have ended")
    assert finished(engine)
    attempts = rows(platform, "SELECT run_id, attempt, outcome FROM run_attempt ORDER BY run_id")
    assert attempts == [(run, 1, "finished") for run in range(1, 6)]
    trust.note(f"runs of which no hint ever arrived, {platform.context.database.engine.name}", "5 of 5 executed once")


@pytest.mark.usefixtures("waiting")
def test_a_worker_that_ends_hands_back_what_it_found_by_itself(platform, tmp_path):  # noqa: F811 - the fixture
    begun = threading.Event()

    def never_ends(inside):
        begun.set()
        inside.sleep(600)

    with worker(tmp_path / "w1", platform.url, platform.worker("w1")) as (process, engine):
        engine.programs["python /app/program/score.py /app/input /app/output"] = never_ends
        process._take_overlooked(process.hello().overlooked)
        assert begun.wait(20)
    assert rows(platform, "SELECT run_id, attempt, outcome FROM run_attempt") == [(1, 1, "released")]
    assert rows(platform, "SELECT state, count(*) FROM run GROUP BY state") == [("queued", 5)]
