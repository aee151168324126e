"""What stands on one phase's board enters the next, once, whatever breaks off between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from medici_platform.clock import Clock
from medici_platform.leaderboards import migration
from tests.factories.platform import running_platform
from tests.integration.platform.stage import set_stage

BEFORE = {"start": "2026-01-01", "end": "2027-01-01"}
AFTER = {"start": "2027-01-01", "auto_migrate_to_this_phase": True}
AFTER_OPENING = datetime(2027, 1, 2, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def any_platform(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with running_platform(tmp_path / "data", database_url=url) as running:
        yield running


@pytest.fixture
def stage(any_platform):
    return set_stage(any_platform, practice=BEFORE, final=AFTER)


def open_final(stage):
    stage.platform.clock.offset = AFTER_OPENING - stage.platform.context.now() + stage.platform.clock.offset


def fill(stage, count=3):
    """Alice and others, each with a worse and then a better submission; returns the better ones' numbers."""
    better = []
    for place in range(count):
        token = stage.alice if place == 0 else stage.join(f"user{place}")
        for score in (0.1, 0.5 + place / 10):
            number = stage.submit(token=token, phase="Practice").json()["id"]
            stage.score(f"f1: {score}")
        better.append(number)
    return better


def origins(stage):
    return sorted(item["origin_id"] for item in stage.submissions("Final"))


def test_the_clock_enters_what_stands_on_the_board(stage):
    better = fill(stage)
    clock = Clock(stage.platform.context)
    clock.tick()
    assert origins(stage) == []
    open_final(stage)
    clock.tick()
    clock.tick()
    assert origins(stage) == better
    entered = stage.submissions("Final")
    assert {(item["costs_quota"], item["state"], item["is_late"]) for item in entered} == {(False, "queued", False)}
    assert stage.get("/challenges/tiny/quota?phase=Final").json()["used_total"] == 0


def migrate_due_phases(session, context):
    for phase_id in migration.due_phases(session, now=context.now()):
        migration.migrate_phase(session, context, phase_id, now=context.now())


def test_in_batches_under_two_clocks_and_after_a_break(stage, monkeypatch):
    monkeypatch.setattr(migration, "ENTRIES_PER_SWEEP", 2)
    better = fill(stage, 5)
    open_final(stage)
    context = stage.platform.context
    Clock(context).tick()
    assert len(origins(stage)) == 2
    with context.database.write() as session:
        migrate_due_phases(session, context)
        session.rollback()  # the power fails before the commit
    assert len(origins(stage)) == 2

    def sweep(_):
        with context.database.write() as session:
            migrate_due_phases(session, context)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(sweep, range(4)))
    assert origins(stage) == better


def test_the_board_is_waited_for(stage):
    """A run that is still under way may change who stands there."""
    fill(stage, 1)
    number = stage.submit(phase="Practice").json()["id"]
    run_id = stage.platform.hints.hints[-1].run_id
    open_final(stage)
    clock = Clock(stage.platform.context)
    clock.tick()
    assert origins(stage) == []
    stage.worker.score(run_id, "f1: 0.99")
    clock.tick()
    assert origins(stage) == [number]


def test_a_phase_without_the_word_is_left_alone_until_an_organizer_says_so(platform):
    stage = set_stage(platform, practice=BEFORE, final={"start": "2027-01-01"})
    better = fill(stage, 2)
    open_final(stage)
    Clock(platform.context).tick()
    assert origins(stage) == []
    path = "/challenges/tiny/migrate"
    assert stage.post(path, stage.alice, params={"to": "Final"}).status_code == 403
    entered = [stage.post(path, stage.olga, params={"to": "Final"}).json() for _ in range(2)]
    assert entered == [{"phase": "Final", "entered": 2}, {"phase": "Final", "entered": 0}]
    assert origins(stage) == better
    first = stage.post(path, stage.olga, params={"to": "Practice"})
    assert (first.status_code, first.json()["message"]) == (
        409,
        "The phase 'Practice' is the first: there is no phase before it to take entries from.",
    )
