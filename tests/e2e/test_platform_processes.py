"""`medici up` ends with everything that it started, however it is ended, and goes on where it stopped."""

import os
import signal
import socket

import pytest

from tests.e2e.programs import answering, running
from tests.e2e.stack import IMPATIENT, Stack, children_of, stack, until

pytestmark = pytest.mark.slow

LONG = running("import time; time.sleep(8)\nopen('/mnt/out/answer.txt', 'w').write('0.6')\n")


@pytest.fixture(scope="module")
def ending(docker_engine, tmp_path_factory):
    """A platform of this module's own, which its tests end and start again on the same data folder."""
    folder = tmp_path_factory.mktemp("ending")
    with stack(folder, **IMPATIENT, MEDICI_WORKER_GRACE_S="1") as running_stack:
        running_stack.import_challenge(folder / "bundle")
        assert running_stack.medici("join", "tiny", user="alice").code == 0
        yield running_stack


def started(ending: Stack) -> Stack:
    if ending.up.popen.poll() is not None:
        ending.start()
    return ending


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle_of_a_run_with_nothing_left(ending, with_signal):
    platform = started(ending)
    number = platform.hand_in(LONG)
    until(lambda: platform.containers(run=True), "the run's container runs")
    assert platform.up.stop(with_signal) == 0
    assert platform.remains() == {}

    started(ending)
    submission = platform.await_end(number)
    assert (submission["state"], submission["scores"]) == ("finished", {"f1": 0.6, "seconds": 2.0})
    (run,) = platform.runs(number)
    assert [attempt["outcome"] for attempt in run["attempts"]] == ["released", "finished"]


def test_killed_it_takes_its_worker_along(ending):
    platform = started(ending)
    (worker,) = children_of(platform.up.popen.pid)
    platform.up.kill()
    until(lambda: platform.remains() == {}, f"worker {worker} and what it held are gone", within_s=45)

    started(ending)
    assert platform.run_files(answering(0.4))["scores"] == {"f1": 0.4, "seconds": 2.0}


def test_a_worker_that_ends_is_started_again(ending):
    platform = started(ending)
    (worker,) = children_of(platform.up.popen.pid)
    os.kill(worker, signal.SIGKILL)
    until(lambda: children_of(platform.up.popen.pid) not in ([], [worker]), "another worker runs")
    assert platform.run_files(answering(0.4))["scores"] == {"f1": 0.4, "seconds": 2.0}


def test_a_port_that_is_taken_is_told_in_one_sentence(ending):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = ending.medici("up", "--port", port, MEDICI_DATA_DIR=str(ending.folder / "other"))
    assert ended.code == 1
    assert ended.errors == (
        f"Error: Port {port} on 127.0.0.1 cannot be used (Address already in use): choose another with --port.\n"
    )
