"""The other parts of a platform killed at random moments while workers work: web, clock, broker, database, engine."""

import random
import signal
import socket
import threading
import time
from contextlib import ExitStack, closing

import httpx
import pytest

from medici_worker.containers.build_traces import DEAD_STEP_S
from medici_worker.containers.docker_engine import DockerEngine
from tests.e2e.programs import LIMITS, phase
from tests.e2e.stack import stack, until
from tests.factories.platform import make_zip
from tests.services import postgres_database, postgres_server, redis_server
from tests.trust import engines, parts
from tests.trust.evidence import Kills
from tests.trust.load import Load, container
from tests.trust.monitor import Monitor
from tests.trust.parts import Killer, Parts
from tests.trust.test_kills import SETTINGS, SLACK_S

pytestmark = pytest.mark.slow

PATIENT = {**SETTINGS, "MEDICI_MAX_ATTEMPTS": "12", "MEDICI_RETRY_S": "0.5", "MEDICI_RESEND_S": "2"}
"""A run may live through many kills. A hint that was lost is sent again after two seconds."""
MORE_PATIENT = {**PATIENT, "MEDICI_MAX_ATTEMPTS": "60"}
"""Each kill of an engine that workers share costs a run that is under way an attempt, or one of each worker."""
DOWN_S = 20.0
"""While clock, web or database are away no lease expires: that long, and the machine's own slowness."""


@pytest.fixture(scope="module")
def services():
    with postgres_server(durable=True) as postgres, redis_server() as redis, postgres_database(postgres) as url:
        yield postgres, redis, url


@pytest.fixture(scope="module")
def platform(services, docker_engine, tmp_path_factory):
    """Web, two clocks and two workers on PostgreSQL and Redis."""
    _, redis, url = services
    folder = tmp_path_factory.mktemp("parts")
    settings = {**PATIENT, "MEDICI_DATABASE_URL": url, "MEDICI_BROKER_URL": redis.url}
    with stack(folder, worker=False, kind=Parts, **settings) as running:
        running.import_challenge(folder / "bundle")
        assert running.medici("join", "tiny", user="alice").code == 0
        for name in ("one", "two"):
            running.start_worker(name)
        yield running


def judged(platform, trust, what, kill, start, **killer_settings):
    """Kill it again and again under load; the row of the table, and what must hold."""
    with Monitor(platform).watching() as monitor:
        load = Load(platform, monitor, random.Random(trust.seed))  # noqa: S311 - a plan, no secret
        load.begin()
        kills, chance = 20 if trust.is_full else 2, random.Random(trust.seed)  # noqa: S311 - a plan, no secret
        killer = Killer(load, kills, kill, start, chance, **killer_settings)
        killer.work()
        left = monitor.left_after_a_minute()
        lost, duplicated = load.lost(), load.duplicated()
    orphans = left + len(monitor.orphans)
    recovery_s = load.recovery_s(killer.at)
    trust.note_kills(Kills(what, killer.stages, len(lost), len(duplicated), orphans, recovery_s))
    ends = ", ".join(f"{outcome} {count}" for outcome, count in sorted(load.attempts().items()))
    told = f"{len(load.accepted)} submissions, {load.unanswered} posts unanswered; attempts: {ends}"
    trust.note(
        f"while {what} was killed", f"{told}; longest that a lease outlived its time: {monitor.longest_overrun_s:.1f} s"
    )
    assert (lost, duplicated, orphans) == ([], [], 0)
    assert monitor.longest_overrun_s < SLACK_S + DOWN_S
    assert monitor.rows("SELECT count(*) FROM run WHERE state IN ('queued', 'preparing', 'running', 'scoring')") == [
        (0,)
    ]


def test_killed_web_processes(platform, trust):
    def kill():
        platform.up.kill()

    judged(platform, trust, "web process", kill, platform.start_web)


def test_killed_clocks(platform, trust):
    """Always the one that works: the other one takes over."""
    monitor = Monitor(platform)
    seconds = []

    def held_until():
        return monitor.rows("SELECT held_until FROM clock_lease")[0][0]

    def kill():
        killed_at, last = time.monotonic(), held_until()
        platform.clocks.pop(0).kill()
        until(lambda: held_until() > last, "a clock works")
        seconds.append(time.monotonic() - killed_at)

    judged(platform, trust, "clock", kill, lambda: platform.clocks.append(platform.start_clock()))
    trust.note("longest that no clock worked after one was killed", f"{max(seconds):.1f} s")


def test_killed_and_emptied_redis(platform, services, trust):
    _, redis, _ = services
    judged(platform, trust, "Redis (emptied)", lambda: parts.kill(redis), redis.start)


@pytest.mark.parametrize("how", ["SIGKILL", "SIGQUIT"])
def test_killed_postgresql(platform, services, trust, how):
    """SIGQUIT is PostgreSQL's immediate shutdown: no clean end either."""
    postgres, _, _ = services
    judged(
        platform, trust, f"PostgreSQL ({how})", lambda: postgres.stop(signal.Signals[how]),
        lambda: parts.start_patiently(postgres),
    )  # fmt: skip


def test_a_killed_engine(trust, docker_engine, tmp_path):
    phases = [phase(0, "Final", limits=LIMITS)]
    with ExitStack() as held:
        own = held.enter_context(engines.own_engine())
        settings = {**MORE_PATIENT, "MEDICI_WORKER_DOCKER_HOST": own.url, "MEDICI_PROGRAM_IMAGE": engines.IMAGE}
        platform = held.enter_context(stack(tmp_path, worker=False, **settings))
        platform.import_challenge(tmp_path / "bundle", phases=phases)
        assert platform.medici("join", "tiny", user="alice").code == 0
        for name in ("one", "two"):
            platform.start_worker(name)
        # What takes all runs with it each time leaves some of them the time to end.
        judged(platform, trust, "dockerd", lambda: parts.kill(own), lambda: parts.start_patiently(own), longest_s=12.0)
        for worker in platform.workers:
            worker.stop()
        with closing(DockerEngine(own.url)) as engine:
            steps = engine.clear_builds(now=time.time() + DEAD_STEP_S)
        trust.note("steps of builds that died with their engine", f"{steps} removed after {DEAD_STEP_S:g} s")
        with platform.engine() as client:
            assert [one.name for one in client.containers.list(all=True)] == []


def test_a_web_process_that_dies_between_commit_and_hint(trust, tmp_path):
    """Its broker is silent, so that it hangs there: the submission is stored, and nobody has heard of it."""
    with ExitStack() as held:
        silent = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        platform = held.enter_context(stack(tmp_path, worker=False, **PATIENT, MEDICI_BROKER_URL=url))
        platform.import_challenge(tmp_path / "bundle")
        platform.medici("join", "tiny", user="alice")
        posting = threading.Thread(target=post_and_lose_the_answer, args=(platform,), daemon=True)
        posting.start()
        monitor = Monitor(platform)
        until(lambda: monitor.rows("SELECT id FROM run WHERE state = 'queued'"), "the submission is stored")
        assert posting.is_alive()
        platform.up.kill()
        posting.join()
        silent.close()
        redis = held.enter_context(redis_server())
        platform.settings["MEDICI_BROKER_URL"] = redis.url
        platform.start(worker=False)
        began = time.monotonic()
        platform.start_worker("one")
        ((number,),) = monitor.rows("SELECT id FROM submission")
        assert platform.await_end(number)["scores"] == {"f1": 0.25, "seconds": 2.0}
        trust.note("web process killed between commit and hint", f"scored {time.monotonic() - began:.1f} s later")


def post_and_lose_the_answer(platform):
    try:
        platform.post_bytes(make_zip(container("0.25", 0)))
    except httpx.HTTPError:
        return
