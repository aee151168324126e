"""Workers killed with SIGKILL at random points of their runs: nothing lost, nothing twice, nothing left behind."""

import os
import random
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from medici_worker.containers.datasets import FILLS
from tests.e2e.stack import stack, until
from tests.trust.evidence import Kills
from tests.trust.load import Load, container
from tests.trust.monitor import Monitor
from tests.trust.victims import STAGES, Plan, Victim

pytestmark = pytest.mark.slow

WORKERS = ("one", "two", "three")
SETTINGS = {
    "MEDICI_HEARTBEAT_S": "0.5",
    "MEDICI_LEASE_S": "3",
    "MEDICI_SWEEP_S": "0.5",
    "MEDICI_MAX_ATTEMPTS": "5",
}
LARGE_BYTES = 64 * 1024**2
SLACK_S = 10.0
"""Of a busy machine: a sweep is due every half second."""
WANTED = {
    "late": ["finished"],  # its worker was dead, its report was not
    "lost": ["lease_lost", "finished"],
}


def test_killed_workers(trust, tmp_path):
    each, answers = (36, 20) if trust.is_full else (2, 1)
    planned = Counter({**dict.fromkeys(STAGES, each), "answer": answers})
    plan = Plan(planned.copy(), random.Random(trust.seed))  # noqa: S311 - a plan, no secret
    with stack(tmp_path, worker=False, **SETTINGS) as platform, ExitStack() as workers:
        platform.import_challenge(tmp_path / "bundle")
        platform.medici("join", "tiny", user="alice")
        for name in WORKERS:
            workers.enter_context(Victim(platform, name, plan).at_work())
        monitor = workers.enter_context(Monitor(platform).watching())
        load = Load(platform, monitor, random.Random(trust.seed), at_once=len(WORKERS), longest_s=0.3)  # noqa: S311
        while load.step(more=not plan.are_done) or not plan.are_done:
            time.sleep(0.1)
        left = monitor.left_after_a_minute()
        recovery_s = load.recovery_s([kill.at for kill in plan.kills.values()])
        lost, duplicated = load.lost(), load.duplicated()
        outcomes = ends_of(monitor)
        workers.close()
    stages = Counter(kill.stage for kill in plan.kills.values())
    orphans = left + len(monitor.orphans)
    trust.note_kills(Kills("worker", stages, len(lost), len(duplicated), orphans, recovery_s))
    trust.note("longest that a lease outlived its time while workers were killed", f"{monitor.longest_overrun_s:.1f} s")
    reports = Counter(kill.report for kill in plan.kills.values() if kill.report)
    trust.note("reports whose worker was killed", ", ".join(f"{how} {count}" for how, count in sorted(reports.items())))
    assert (lost, duplicated, orphans) == ([], [], 0)
    assert all(stages[stage] >= count for stage, count in planned.items() if stage != "answer"), stages
    assert monitor.longest_overrun_s < SLACK_S
    for run, kill in plan.kills.items():
        assert outcomes[run] in wanted(kill), (kill, outcomes[run])


def test_a_worker_that_dies_for_good_as_it_lays_data_out(trust, tmp_path):
    """Half of the data stay at the engine, in the hands of its container, and nobody comes to clear them away."""
    data = tmp_path / "bundle" / "input_data" / "large.bin"
    data.parent.mkdir(parents=True)
    data.write_bytes(os.urandom(LARGE_BYTES))  # does not deflate
    with stack(tmp_path, worker=False, **SETTINGS) as platform:
        platform.import_challenge(tmp_path / "bundle")
        platform.medici("join", "tiny", user="alice")
        credential = platform.medici("worker", "enroll", "one", user="root", json=True).json["credential"]
        first = platform.resume_worker("one", credential)
        number = platform.hand_in(container("0.25", 0))
        until(lambda: fillers(platform), "the data are laid out", every_s=0.02)
        first.popen.kill()
        first.popen.wait()
        assert platform.submission(number)["state"] == "running"
        killed_at = time.monotonic()
        platform.start_worker("two")
        assert platform.await_end(number)["scores"] == {"f1": 0.25, "seconds": 2.0}
        trust.note(
            "worker that died for good as it laid data out", f"scored {time.monotonic() - killed_at:.1f} s later"
        )
        assert len(fillers(platform)) == 1
        platform.resume_worker("one", credential)
        until(lambda: not fillers(platform), "it has cleared away what its earlier life left")


def fillers(platform):
    return [name for name in platform.containers() if name.startswith(FILLS)]


def wanted(kill):
    """How the attempts of this run may have ended."""
    if kill.stage == "answer":
        return [["finished"]]
    if kill.report == "racing":
        return [["finished"], ["lease_lost", "finished"]]
    return [WANTED.get(kill.report, ["lease_lost", "finished"])]


def ends_of(monitor):
    """Run → the outcomes of its attempts, in order."""
    ends = {}
    for run, outcome in monitor.rows("SELECT run_id, outcome FROM run_attempt ORDER BY run_id, attempt"):
        ends.setdefault(run, []).append(outcome)
    return ends
