"""Any order of what people, workers and clocks do, on both databases; and that this finds what is wrong."""

import logging
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import select

from medici_platform.runs import queries, reports, rules, service
from medici_platform.runs.models import Run
from medici_platform.states import HELD
from medici_scoring.scores import Scores
from tests.factories.platform import running_platform
from tests.trust.lives.machine import Lives
from tests.trust.lives.stage import SETTINGS, Stage

pytestmark = pytest.mark.slow

STEPS = 40


@contextmanager
def prepared(folder, url=""):
    with running_platform(folder, database_url=url, **SETTINGS) as running:
        stage = Stage(running)
        yield stage
        stage.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def stage(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with prepared(tmp_path / "data", url) as stage:
        yield stage


def play(stage, examples):
    """The same plays each time. Returns how many steps they had."""
    machine = type("Played", (Lives,), {"stage": stage, "steps": 0})
    profile = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=profile)
    return machine.steps


def test_whatever_happens_in_whatever_order(stage, trust):
    examples = 150 if trust.is_full else 10
    steps = play(stage, examples)
    name = stage.database.engine.name
    trust.note(
        f"hypothesis on the life of runs, {name}: {examples} plays, {steps:,} steps",
        "after each step the database was what an independent model says",
    )
    assert steps > examples * STEPS / 2


def any_token(run_id, token):
    """Not only that of the attempt that holds the run."""
    return select(Run).where(Run.id == run_id)


def held_whatever_the_token(session, run_id, token, *, lock=False):
    return session.scalar(select(Run).where(Run.id == run_id, Run.state.in_(HELD)))


def always(*_, **__):
    return True


def nothing(*_, **__):
    return None


def unscored_is_zero(read):
    def changed(**files):
        scores = read(**files)
        return Scores({**dict.fromkeys(scores.unscored, 0.0), **scores.values}, {}, scores.ignored)

    return changed


PLANTED = {
    "a run is held whatever the token": (queries, "held_run", lambda _: held_whatever_the_token),
    "a report is taken whatever the token": (queries, "run_by_token", lambda _: any_token),
    "a report of a superseded attempt is answered as if it counted": (reports, "_require_own_end", lambda _: nothing),
    "every submission costs quota": (rules, "costs_quota", lambda _: always),
    "unscored is zero": (reports, "parse_scores", unscored_is_zero),
    "an attempt has no end": (service, "end_attempt", lambda _: nothing),
    "a submission that runs again stays on the board": (service, "reopen", lambda _: nothing),
    "a heartbeat does not renew the lease": (service, "renew_lease", lambda _: lambda _context, run: run.lease_until),
    "what succeeds is not handed on": (service, "hand_on", lambda _: nothing),
    "a log is as long as what has arrived of it": (queries, "log_end", lambda _: lambda *_: 0),
}


def test_what_is_wrong_is_found(tmp_path, monkeypatch, trust):
    found = []
    logging.disable()  # the server's traces of what is planted are not read
    names = list(PLANTED) if trust.is_full else list(PLANTED)[:2]
    with prepared(tmp_path / "data") as stage:
        for name in names:
            module, function, mistake = PLANTED[name]
            with monkeypatch.context() as planted:
                planted.setattr(module, function, mistake(getattr(module, function)))
                try:
                    play(stage, 600)  # it ends with the first that is found
                except AssertionError:
                    found.append(name)
    logging.disable(logging.NOTSET)
    trust.note(f"hypothesis on the life of runs, {len(names)} mistakes planted", f"{len(found)} found")
    assert found == names
