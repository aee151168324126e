"""A Redis that dies while a worker works: the worker hears of the next run all the same."""

import signal
import subprocess
import sys
import textwrap

import pytest
from celery import Celery

from medici_worker.protocol import PROTOCOL_VERSION
from medici_worker.protocol.broker import RUN_JOB, broker_settings
from tests.e2e.stack import until
from tests.services import redis_server

pytestmark = pytest.mark.slow

WORKER = textwrap.dedent(
    """\
    import pathlib, sys, time, types
    from medici_worker.hints import Taken
    from medici_worker.tasks import celery_app, configure_logging, consume

    folder = pathlib.Path(sys.argv[2])

    class Process:
        name, settings = "w1", types.SimpleNamespace(slots=1)

        def take_run(self, run_id):
            (folder / f"begun-{run_id}").touch()
            while not (folder / f"end-{run_id}").exists():
                time.sleep(0.05)
            return Taken.EXECUTED

        def stop(self):
            pass

    process = Process()
    configure_logging("info")
    consume(celery_app(sys.argv[1], process), process, ["default"])
    """
)


@pytest.fixture
def redis():
    with redis_server() as server:
        yield server


@pytest.fixture
def celery(redis):
    app = Celery("platform", set_as_current=False)
    app.conf.update(broker_settings(redis.url))
    yield app
    app.close()


@pytest.fixture
def worker(redis, tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", WORKER, redis.url, str(tmp_path)], stderr=log)
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(30)


@pytest.mark.usefixtures("worker")
def test_a_hint_that_cannot_be_acknowledged_is_not_the_last_one(redis, celery, tmp_path):
    def hint(run_id):
        celery.send_task(RUN_JOB, args=[PROTOCOL_VERSION, run_id], queue="default", retry=False)

    def begun(run_id):
        until((tmp_path / f"begun-{run_id}").exists, f"run {run_id} is taken", within_s=30)

    hint(1)
    begun(1)
    redis.stop(signal.SIGKILL)
    (tmp_path / "end-1").touch()
    until(lambda: "Connection refused" in (tmp_path / "log").read_text(), "it is noticed", within_s=30)
    redis.start()
    (tmp_path / "end-2").touch()
    hint(2)
    begun(2)
