"""Quotas, claims and repeated messages under concurrency, on both databases."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from medici_platform.accounts.rules import Role
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    FakeWorker,
    import_bundle,
    join,
    running_platform,
    submit,
)

pytestmark = pytest.mark.slow

WORKERS = 4
POSTS, QUOTA = 100, 5
STAGES = ("preparing", "running", "scoring")


@pytest.fixture(params=["sqlite", "postgresql"])
def platform(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with running_platform(tmp_path / "data", database_url=url, upload_attempts="100000/minute") as running:
        yield running


def opened(platform, quota=100_000):
    """The tiny challenge with this quota a day; returns the organizer's and alice's tokens."""
    limits = f"max_submissions: {quota * 2}\n    max_submissions_per_day: {quota}\n"
    competition = COMPETITION.replace("max_submissions: 10\n    max_submissions_per_day: 5\n", limits)
    assert competition != COMPETITION or quota == QUOTA
    organizer = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, organizer, BUNDLE_FILES | {"competition.yaml": competition}).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    return organizer, alice


def test_a_quota_takes_its_number_of_parallel_posts(platform, trust):
    _, alice = opened(platform, QUOTA)
    with ThreadPoolExecutor(POSTS) as pool:
        answers = Counter(pool.map(lambda _: submit(platform, alice).status_code, range(POSTS)))
    name = platform.context.database.engine.name
    trust.note(f"{POSTS} parallel posts against a quota of {QUOTA}, {name}", f"{answers[201]} accepted")
    assert answers == {201: QUOTA, 409: POSTS - QUOTA}


def test_each_run_is_claimed_once(platform, trust):
    """Every worker hears of every run, in an order of its own, and asks for each."""
    _, alice = opened(platform)
    count = 1000 if trust.is_full else 60
    with ThreadPoolExecutor(WORKERS) as pool:
        assert set(pool.map(lambda _: submit(platform, alice).status_code, range(count))) == {201}
    runs = sorted({hint.run_id for hint in platform.hints.hints})
    workers = [FakeWorker(platform, platform.worker(f"w{number}")) for number in range(WORKERS)]

    def ask_for_all(number):
        order = random.Random(number).sample(runs, len(runs))  # noqa: S311 - an order, no secret
        return [run for run in order if workers[number].claim(run).status_code == 200]

    with ThreadPoolExecutor(WORKERS) as pool:
        claimed = [run for granted in pool.map(ask_for_all, range(WORKERS)) for run in granted]
    times = Counter(claimed)
    name = platform.context.database.engine.name
    trust.note(f"{len(runs)} runs and {WORKERS} workers, {name}", f"{sum(n == 1 for n in times.values())} claimed once")
    assert len(runs) == count
    assert times == dict.fromkeys(runs, 1)


def scored(platform, *, times):
    """Six runs by a worker whose every message arrives `times` times; returns the board and all score rows."""
    _, alice = opened(platform)
    bob = platform.user("bob")
    join(platform, bob)
    worker = FakeWorker(platform, platform.worker())
    for number in range(6):
        submit(platform, alice if number % 2 else bob).raise_for_status()
        run = platform.hints.hints[-1].run_id
        claims = [worker.claim(run) for _ in range(times)]
        assert [claim.status_code for claim in claims] == [200] + [409] * (times - 1)
        token = claims[0].json()["token"]
        messages = [("stage", {"stage": stage}) for stage in STAGES]
        messages.insert(2, ("logs", {"stage": "running", "position": 0, "text": "hello\n"}))
        messages.append(("report", {"scores": {"scores_txt": f"f1: 0.{number + 1}\nseconds: {number}"}}))
        for what, body in messages:
            answers = {worker.call(run, token, what, body).status_code for _ in range(times)}
            assert answers <= {200, 204}, (what, answers)
    with platform.client() as client:
        board = client.get("/api/v1/challenges/tiny/leaderboard").json()
    with platform.context.database.read() as session:
        rows = session.execute(text("SELECT run_id, key, value FROM score ORDER BY run_id, key")).all()
    return board["entries"], rows


def test_every_message_twice_gives_the_same_board(tmp_path, trust):
    with running_platform(tmp_path / "once", upload_attempts="100000/minute") as platform:
        once = scored(platform, times=1)
    with running_platform(tmp_path / "twice", upload_attempts="100000/minute") as platform:
        twice = scored(platform, times=2)
    is_same = "the same board" if once[1] == twice[1] else "another board"
    trust.note("every message of 6 runs delivered twice", f"{is_same}, {len(twice[1])} scores")
    moments = ("submitted_at", "scored_at")
    assert [{**entry, **dict.fromkeys(moments)} for entry in twice[0]] == [
        {**entry, **dict.fromkeys(moments)} for entry in once[0]
    ]
    assert twice[1] == once[1]
    assert len(once[1]) == 12
