"""An attempt that is over ends whatever is under way: builds, transfers, waiting for others."""

import threading
import time

import pytest

from medici_worker.attempt import Attempt
from medici_worker.containers.interrupt import Interrupt, Interrupted
from medici_worker.host import HandedBack, LeaseLost
from medici_worker.run import execute
from tests.factories.worker import make_zip
from tests.unit.worker.conftest import SCORE


def test_what_is_under_way_is_cut_and_what_comes_later_at_once():
    stop, cuts = Interrupt(), []
    with stop.calling(lambda: cuts.append("ended before")):
        pass
    with stop.calling(lambda: cuts.append(1 / 0)), stop.calling(lambda: cuts.append("under way")):
        stop.set()
    with stop.calling(lambda: cuts.append("later")):
        pass
    assert cuts == ["under way", "later"]


def test_chunks_pass_until_it_is_set():
    stop = Interrupt()
    chunks = stop.passing([b"a", b"b"])
    assert next(chunks) == b"a"
    stop.set()
    with pytest.raises(Interrupted):
        next(chunks)


def test_work_that_cannot_be_cut_is_left_to_itself():
    stop, done = Interrupt(), threading.Event()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Interrupted):
        stop.waiting_for(lambda: done.wait(5))
    done.set()


def test_the_answer_of_work_comes_back_and_so_does_its_error():
    assert Interrupt().waiting_for(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        Interrupt().waiting_for(lambda: 1 / 0)


@pytest.mark.parametrize("reason", [LeaseLost("cancelled"), HandedBack("shutting down")])
def test_a_build_ends_with_its_attempt(engine, site, make, reason):
    host, attempt = make.host(SCORE), Attempt()
    threading.Timer(0.1, attempt.end, args=(reason,)).start()
    began = time.monotonic()
    spec = make.container("FROM medici/python:latest\nRUN sleep 60\nCMD predict\n")
    with pytest.raises(type(reason)):
        execute(spec, host, site, attempt=attempt)
    assert time.monotonic() - began < 2
    assert (host.reports, host.released) == ([], int(isinstance(reason, HandedBack)))
    assert engine.images("") == []


def test_who_waits_for_anothers_dataset_waits_no_longer_than_it_is_wanted(site, tmp_path):
    archive, stop = make_zip(tmp_path / "a.zip", {"x": b"1"}), Interrupt()
    filling, go_on = threading.Event(), threading.Event()

    def fetch():
        filling.set()
        assert go_on.wait(5)
        return archive

    def fill():
        with site.datasets.volume("0" * 64, fetch):
            pass

    thread = threading.Thread(target=fill)
    thread.start()
    assert filling.wait(5)
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Interrupted), site.datasets.volume("0" * 64, lambda: archive, stop):
        pass
    go_on.set()
    thread.join()
    with site.datasets.volume("0" * 64, pytest.fail) as name:
        assert name.startswith(f"medici-data-{'0' * 64}-")
