"""Runs whose engine or platform goes away: whose fault that is, and whether another attempt may be spared it."""

import threading

import pytest

from medici_worker.containers.bench import BenchSize
from medici_worker.containers.engine import EngineError
from medici_worker.host import HostRefuses, HostUnreachable
from medici_worker.janitor import remove_strays
from medici_worker.protocol import FailureKind, Limits
from medici_worker.run import execute
from medici_worker.worksite import open_worksite
from tests.unit.worker.conftest import SCORE, container, predict


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (EngineError("The engine is away."), True),
        (HostUnreachable("The platform did not answer."), True),
        (HostRefuses("The platform said no."), False),
        (OSError("No space left on device"), True),
        (KeyError("a bug of ours"), False),
    ],
)
def test_what_may_pass_is_worth_another_attempt(site, make, monkeypatch, error, may_pass):
    host = make.host(SCORE)

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(host, "fetch", broken)
    report = execute(container(make), host, site)
    assert (report.failure, report.may_pass) == (FailureKind.SYSTEM_ERROR, may_pass)


@pytest.mark.parametrize("when", ["before it writes", "after it has written"])
def test_a_container_that_the_engine_lost_is_not_its_participants_fault(engine, site, make, when):
    def lost(inside):
        if when == "before it writes":
            engine.restart()
            return 137
        predict(inside)
        engine.restart()
        return 0

    engine.programs["predict"] = lost
    report = execute(container(make), make.host(SCORE), site)
    assert (report.failure, report.may_pass) == (FailureKind.SYSTEM_ERROR, True)
    assert report.private_detail.startswith("The container engine lost the run's volumes.")


def test_scores_that_the_engine_lost_are_not_the_organizers_fault(engine, site, make):
    def lost(_):
        engine.restart()
        return 0

    engine.programs["score"] = lost
    report = execute(container(make), make.host(SCORE), site)
    assert (report.failure, report.may_pass) == (FailureKind.SYSTEM_ERROR, True)


@pytest.mark.parametrize(
    ("what", "program"), [("input_data", "predict"), ("reference_data", "score"), ("scoring_program", "score")]
)
def test_data_that_vanish_as_their_container_begins_are_nobodys_fault(engine, site, make, monkeypatch, what, program):
    """The engine puts an empty volume in their place, without a word; the program sees nothing, and may go on."""
    spec, host = container(make), make.host(SCORE)
    data = spec.input_data if what == "input_data" else getattr(host.grant, what)
    engine.programs[program] = lambda _: 0

    def started(plan, on_log, start=engine.start):
        if any(data.sha256 in mount.volume for mount in plan.mounts):
            for volume in engine.volumes(name_contains=data.sha256):
                assert engine.remove_volume(volume.name)
        return start(plan, on_log)

    monkeypatch.setattr(engine, "start", started)
    report = execute(spec, host, site)
    assert (report.failure, report.may_pass) == (FailureKind.SYSTEM_ERROR, True)
    assert report.private_detail.startswith(f"The volume medici-data-{data.sha256}-")
    assert "was removed at the engine while a run used it" in report.private_detail


def test_a_bench_that_ended_with_its_engine_is_not_used(engine, make, tmp_path):
    site = open_worksite(engine, tmp_path / "state", worker="w1")
    spec = container(make)
    execute(spec, make.host(SCORE), site)
    drained(site)
    engine.restart()
    report = execute(spec.model_copy(update={"attempt": 2}), make.host(SCORE), site)
    site.close()
    assert report.failure is None
    assert engine.containers({}) == []
    assert engine.volumes(labels={"medici.worker": "w1"}) == []


def test_what_could_not_be_removed_is_found_again(engine, site, make, monkeypatch):
    """The engine goes away while a container runs: nothing can be removed. What another run has in hand stays."""
    bench = site.benches.take(BenchSize.of(Limits(), Limits()))

    def away(_: str) -> None:
        raise EngineError("The engine is away.")

    def going_away(inside):
        monkeypatch.setattr(engine, "remove_container", away)
        monkeypatch.setattr(engine, "remove_volume", away)
        return predict(inside)

    engine.programs["predict"] = going_away
    execute(container(make), make.host(SCORE), site)
    drained(site)
    monkeypatch.undo()
    left = [one.name for one in engine.containers({"medici.worker": "w1"}) if one.name != bench.name]
    assert sorted(name[:12] for name in left) == ["medici-bench", "medici-fill-", "medici-w1-1-"]
    assert remove_strays(site, lambda: [("1", "1")]) == 1
    assert remove_strays(site, list) == 2
    assert [one.name for one in engine.containers({})] == [bench.name]
    assert {one.name for one in engine.volumes(labels={"medici.worker": "w1"})} == set(bench.volumes)
    site.benches.give_back(bench)


def test_background_work_that_breaks_ends_no_later_work(site):
    site.benches.later(lambda: 1 / 0)
    drained(site)


def drained(site):
    """Wait until the background work that was asked for so far is done."""
    done = threading.Event()
    site.benches.later(done.set)
    assert done.wait(5)


def test_a_refusal_that_quotes_what_is_no_text_is_told_all_the_same(make, site):
    spec = make.container('FROM medici/python\nVOLUME ["\\ud800"]\n')
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert "VOLUME ? is not allowed" in report.public_detail
