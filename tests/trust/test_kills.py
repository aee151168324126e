"""Workers killed with SIGKILL at random points of their runs: nothing lost, nothing twice, nothing left behind."""

import random
import sqlite3
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.e2e.programs import running
from tests.e2e.stack import ENDED, stack, until
from tests.trust.evidence import Kills
from tests.trust.victims import STAGES, Plan, Victim

pytestmark = pytest.mark.slow

AT_ONCE = 2
SETTINGS = {
    "MEDICI_HEARTBEAT_S": "0.5",
    "MEDICI_LEASE_S": "3",
    "MEDICI_SWEEP_S": "0.5",
    "MEDICI_MAX_ATTEMPTS": "5",
}


def answering(number):
    """A container of its own for every submission, so that every run builds."""
    value = f"0.{number:06d}"
    return float(value), running(f"open('/mnt/out/answer.txt', 'w').write('{value}')\n")


def all_ended(platform, plan, count):
    """Hand in one after the other, `AT_ONCE` under way; returns the expected score of each, and its recovery time."""
    waiting, expected, ended_at = {}, {}, {}
    while len(ended_at) < count:
        while len(waiting) < AT_ONCE and len(expected) < count:
            value, files = answering(len(expected) + 1)
            number = platform.hand_in(files)
            expected[number], waiting[number] = value, time.monotonic()
        for number in list(waiting):
            if platform.submission(number)["state"] in ENDED:
                ended_at[number] = time.monotonic()
                del waiting[number]
            else:
                assert time.monotonic() - waiting[number] < 90, f"submission {number} is stuck: {plan.kills}"
        time.sleep(0.1)
    return expected, ended_at


def rows(platform, sql):
    with sqlite3.connect(f"file:{platform.data / 'medici.sqlite3'}?mode=ro", uri=True) as database:
        found = database.execute(sql).fetchall()
    database.close()
    return found


def test_killed_workers(trust, tmp_path):
    each = 40 if trust.is_full else 1
    plan = Plan(Counter(dict.fromkeys(STAGES, each)), random.Random(trust.seed))  # noqa: S311 - a plan, no secret
    with stack(tmp_path, worker=False, **SETTINGS) as platform, ExitStack() as workers:
        platform.import_challenge(tmp_path / "bundle")
        platform.medici("join", "tiny", user="alice")
        for name in ("one", "two"):
            workers.enter_context(Victim(platform, name, plan).at_work())
        expected, ended_at = all_ended(platform, plan, each * len(STAGES) + len(STAGES))
        runs = dict(rows(platform, "SELECT id, submission_id FROM run"))
        scores = rows(platform, "SELECT run.submission_id, key, value FROM score JOIN run ON run.id = score.run_id")
        outcomes = {
            run: [each["outcome"] for each in platform.runs(number)[0]["attempts"]] for run, number in runs.items()
        }
        until(lambda: not platform.containers(run=True), "no container of a run is left", within_s=60)
        workers.close()
    kills = plan.kills
    recovery_s = {run: ended_at[runs[run]] - kill.at for run, kill in kills.items() if len(outcomes[run]) > 1}
    found = {number: value for number, key, value in scores if key == "f1"}
    stages = Counter(kill.stage for kill in kills.values())
    lost, duplicated = len(expected.keys() - found.keys()), len(scores) - 2 * len(found)
    trust.note_kills(Kills("worker", stages, lost, duplicated, 0, max(recovery_s.values())))
    assert stages == dict.fromkeys(STAGES, each)
    assert found == expected
    assert len(scores) == 2 * len(expected)
    for run, kill in kills.items():
        wanted = (["lease_lost", "finished"],) if kill.stage != "report" else (["finished"], ["lease_lost", "finished"])
        assert outcomes[run] in wanted, (kill, outcomes[run])
