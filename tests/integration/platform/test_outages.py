"""What the platform does when workers' machines, its database or its broker fail."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.exc import OperationalError

from medici_platform import clock as clocks
from medici_platform.accounts.rules import Role
from medici_platform.clock import Clock
from medici_platform.runs.rules import retry_delay_s
from medici_worker.protocol import FailureKind
from tests.factories.platform import (
    CONTAINER_ZIP,
    FakeWorker,
    import_bundle,
    join,
    running_platform,
    submit,
)

PASSING = {"failure": "system_error", "may_pass": True, "private_detail": "The engine is away."}
PAID = {
    FailureKind.ARCHIVE_REJECTED,
    FailureKind.IMAGE_REFUSED,
    FailureKind.BUILD_FAILED,
    FailureKind.BUILD_TIMEOUT,
    FailureKind.RUN_FAILED,
    FailureKind.TIME_LIMIT,
    FailureKind.MEMORY_LIMIT,
    FailureKind.OUTPUT_LIMIT,
    FailureKind.OUTPUT_MISSING,
    FailureKind.PREDICTIONS_INVALID,
    FailureKind.CANCELLED,
}
"""What its participant could have done otherwise. Cancelled: it had been claimed, as here."""


@pytest.fixture
def alice(platform):
    import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
    token = platform.user("alice")
    join(platform, token)
    return token


@pytest.fixture
def worker(platform):
    return FakeWorker(platform, platform.worker())


def handed_in(platform, alice):
    """Returns the submission's id and its run's."""
    answer = submit(platform, alice, CONTAINER_ZIP)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], platform.hints.hints[-1].run_id


def ended(platform, alice, number):
    with platform.client(alice) as client:
        return client.get(f"/api/v1/submissions/{number}").json()


def outcomes(platform, run_id):
    with platform.context.database.read() as session:
        return list(
            session.scalars(text(f"SELECT outcome FROM run_attempt WHERE run_id = {run_id} ORDER BY attempt"))  # noqa: S608
        )


def test_a_fault_of_the_workers_machine_has_the_run_tried_again(platform, worker, alice):
    number, run_id = handed_in(platform, alice)
    token = worker.claim(run_id).json()["token"]
    assert worker.call(run_id, token, "report", PASSING).status_code == 204
    assert ended(platform, alice, number)["state"] == "queued"
    assert worker.call(run_id, token, "report", PASSING).status_code == 410

    again = worker.claim(run_id)
    assert (again.status_code, again.json()["code"]) == (409, "too_soon")
    other = FakeWorker(platform, platform.worker("w2"))
    token = other.claim(run_id).json()["token"]
    for stage in ("running", "scoring"):
        other.call(run_id, token, "stage", {"stage": stage}).raise_for_status()
    other.call(run_id, token, "report", {"scores": {"scores_txt": "f1: 0.5"}}).raise_for_status()
    assert ended(platform, alice, number)["scores"] == {"f1": 0.5}
    assert outcomes(platform, run_id) == ["worker_failed", "finished"]


def test_the_only_worker_gets_it_again_after_a_growing_delay(platform, worker, alice):
    number, run_id = handed_in(platform, alice)
    clock = Clock(platform.context)
    for delay_s in (10, 20):
        token = worker.claim(run_id).json()["token"]
        worker.call(run_id, token, "report", PASSING).raise_for_status()
        hints = len(platform.hints.hints)
        platform.clock.advance(seconds=delay_s - 2)
        assert worker.claim(run_id).json()["code"] == "too_soon"
        clock.tick()
        assert len(platform.hints.hints) == hints
        platform.clock.advance(seconds=4)
        clock.tick()
        assert len(platform.hints.hints) == hints + 1
    token = worker.claim(run_id).json()["token"]
    worker.call(run_id, token, "report", PASSING).raise_for_status()
    submission = ended(platform, alice, number)
    assert (submission["state"], submission["failure"], submission["costs_quota"]) == ("failed", "system_error", False)
    assert outcomes(platform, run_id) == ["worker_failed", "worker_failed", "system_error"]


def test_what_no_other_attempt_would_be_spared_fails_at_once(platform, worker, alice):
    number, run_id = handed_in(platform, alice)
    token = worker.claim(run_id).json()["token"]
    worker.call(run_id, token, "report", {**PASSING, "may_pass": False}).raise_for_status()
    assert ended(platform, alice, number)["failure"] == "system_error"


def test_delays_grow_up_to_ten_minutes():
    assert [retry_delay_s(10, tried) for tried in (0, 1, 2, 3, 4, 12)] == [10, 10, 20, 40, 80, 600]


@pytest.mark.slow
def test_who_pays_for_each_way_to_fail(tmp_path):
    """Every failure that a worker may report, and the quota afterwards."""
    with running_platform(tmp_path / "all", upload_attempts="1000/minute") as platform:
        organizer = platform.user("olga", Role.ORGANIZER)
        import_bundle(platform, organizer).raise_for_status()
        worker = FakeWorker(platform, platform.worker())
        paid = set()
        for kind in FailureKind:
            person = platform.user(kind.value)
            join(platform, person)
            number, run_id = handed_in(platform, person)
            token = worker.claim(run_id).json()["token"]
            worker.call(run_id, token, "report", {"failure": kind.value}).raise_for_status()
            submission = ended(platform, person, number)
            with platform.client(person) as client:
                used = client.get("/api/v1/challenges/tiny/quota").json()["used_total"]
            assert (submission["failure"], submission["costs_quota"]) == (kind.value, used == 1)
            paid |= {kind} if used else set()
    assert paid == PAID


@pytest.fixture(params=["sqlite", "postgresql"])
def full(request, tmp_path):
    """A platform whose participant has used her five submissions of the day; her runs are claimed."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with running_platform(tmp_path / "data", database_url=url, upload_attempts="1000/minute") as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        worker = FakeWorker(platform, platform.worker())
        runs = [handed_in(platform, alice)[1] for _ in range(5)]
        yield platform, alice, worker, {run: worker.claim(run).json()["token"] for run in runs}


@pytest.mark.slow
def test_while_places_are_given_back_no_more_than_those_are_taken(full):
    """Three of five fail by the platform's fault, while twelve others are posted again and again."""
    platform, alice, worker, tokens = full
    refunded = list(tokens)[:3]
    begin = threading.Barrier(15)

    def refund(run):
        begin.wait()
        worker.call(run, tokens[run], "report", {"failure": "system_error"}).raise_for_status()
        return 0

    def post(_):
        begin.wait()
        return sum(submit(platform, alice).status_code == 201 for _ in range(4))

    with ThreadPoolExecutor(15) as pool:
        refunds, posts = pool.map(refund, refunded), pool.map(post, range(12))
        accepted = sum(refunds) + sum(posts)
    accepted += sum(submit(platform, alice).status_code == 201 for _ in range(5))
    assert accepted == 3
    with platform.client(alice) as client:
        assert client.get("/api/v1/challenges/tiny/quota").json()["used_total"] == 5


def test_a_broker_that_is_away_costs_a_delay(tmp_path):
    """The upload is accepted; the hint goes out once the broker is there."""
    with running_platform(tmp_path / "data") as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        sent, platform.context.dispatcher.send = platform.hints.send, broken  # type: ignore[method-assign]
        assert submit(platform, alice).status_code == 201
        assert platform.hints.hints == []
        platform.context.dispatcher.send = sent  # type: ignore[method-assign]
        clock = Clock(platform.context)
        clock.tick()
        assert platform.hints.hints == []
        platform.clock.advance(seconds=61)
        clock.tick()
        assert len(platform.hints.hints) == 1


def broken(*_):
    raise ConnectionError("The broker is away.")


def test_a_database_that_is_away_is_told_as_such(platform, alice, monkeypatch):
    """A worker's report then waits; a 500 would have it give up after half a minute."""

    def away(*_, **__):
        raise OperationalError("SELECT 1", {}, ConnectionError("gone"))

    monkeypatch.setattr(type(platform.context.database), "read", away)
    monkeypatch.setattr(type(platform.context.database), "write", away)
    with platform.client(alice) as client:
        api, page = client.get("/api/v1/challenges"), client.get("/challenges", headers={"Accept": "text/html"})
    sentence = "The database does not answer at the moment. Nothing is lost: please try again in a minute."
    assert (api.status_code, api.json(), api.headers["Retry-After"]) == (
        503,
        {"code": "unavailable", "message": sentence},
        "5",
    )
    assert (page.status_code, page.text) == (503, sentence)


def test_a_report_that_comes_while_the_database_is_away_comes_again(platform, worker, alice, monkeypatch):
    """Before it is read it is asked whose it is: that may not fail otherwise than all else does."""
    _, run = handed_in(platform, alice)
    token = worker.claim(run).json()["token"]

    def away(*_, **__):
        raise OperationalError("SELECT 1", {}, ConnectionError("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(type(platform.context.database), "read", away)
        patched.setattr(type(platform.context.database), "write", away)
        large = {"failure": "run_failed", "private_detail": "x" * 2 * 1024**2}
        assert worker.call(run, token, "report", {"failure": "run_failed"}).status_code == 503
        assert worker.call(run, token, "report", large).status_code in (422, 503)
    assert worker.call(run, token, "report", {"failure": "run_failed"}).status_code == 204
    assert worker.call(2**31, token, "report", {"failure": "run_failed"}).status_code in (404, 410, 422)


def test_a_database_without_tables_says_what_to_do(platform):
    with platform.client() as client:
        assert client.get("/readyz").json()["ready"]
        with platform.context.database.write() as session:
            metadata = MetaData()
            metadata.reflect(session.connection())
            metadata.drop_all(session.connection())
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "empty: run `medici admin migrate`"}


def test_one_run_that_cannot_be_mended_keeps_no_other_from_being_so(platform, worker, alice, monkeypatch):
    (_, bad), (other, good) = handed_in(platform, alice), handed_in(platform, alice)
    for run in (bad, good):
        worker.claim(run).raise_for_status()
    expiring = clocks.service.expire_lease

    def fail(session, context, run):
        if run.id == bad:
            raise ValueError("this run's row is broken")
        expiring(session, context, run)

    monkeypatch.setattr(clocks.service, "expire_lease", fail)
    platform.clock.advance(seconds=61)
    assert Clock(platform.context).tick()
    assert (outcomes(platform, good), outcomes(platform, bad)) == (["lease_lost"], [None])
    assert ended(platform, alice, other)["state"] == "queued"


def test_a_clock_that_begins_hears_the_workers_first(platform, worker, alice):
    """After an outage every lease has run out, and the workers live."""
    _, run_id = handed_in(platform, alice)
    worker.claim(run_id).raise_for_status()
    platform.clock.advance(seconds=600)
    clock = Clock(platform.context)
    clock._be_patient()
    clock.tick()
    assert outcomes(platform, run_id) == [None]
    platform.clock.advance(seconds=13)
    clock.tick()
    assert outcomes(platform, run_id) == ["lease_lost"]


def test_when_a_clock_is_gone_another_takes_over(platform):
    first, second = Clock(platform.context), Clock(platform.context)
    assert (first.tick(), second.tick(), first.tick(), second.tick()) == (True, False, True, False)
    platform.clock.advance(seconds=44)
    assert second.tick() is False
    platform.clock.advance(seconds=2)
    assert (second.tick(), first.tick()) == (True, False)


def test_a_broken_sweep_does_not_end_the_clock(platform, monkeypatch):
    ticks = []
    clock = Clock(replace(platform.context, settings=platform.context.settings.model_copy(update={"sweep_s": 0.01})))

    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            clock.stop()
        raise ValueError("a bug of ours")

    monkeypatch.setattr(clock, "tick", tick)
    clock.run()
    assert len(ticks) == 3


def test_operators_see_what_waits_and_what_has_run_out(platform, worker, alice):
    def gauges():
        with platform.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return {
            name: float(line.split()[1])
            for line in lines
            for name in ("medici_lease_overrun_seconds", "medici_queue_wait_seconds")
            if line.startswith(name + " ")
        }

    assert gauges() == {"medici_lease_overrun_seconds": 0, "medici_queue_wait_seconds": 0}
    _, run_id = handed_in(platform, alice)
    platform.clock.advance(seconds=100)
    assert 100 <= gauges()["medici_queue_wait_seconds"] < 110
    worker.claim(run_id).raise_for_status()
    assert gauges() == {"medici_lease_overrun_seconds": 0, "medici_queue_wait_seconds": 0}
    platform.clock.advance(seconds=70)
    assert 10 <= gauges()["medici_lease_overrun_seconds"] < 20
