"""Cancelled with the settings that everybody has: in whichever stage, nothing of the run is left 5 seconds later."""

import time

import pytest

from tests.e2e import programs
from tests.e2e.programs import running
from tests.e2e.stack import engine, stack, until

pytestmark = pytest.mark.slow

LIMIT_S = 5.0
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n"
SLOW_SCORER = f"import pathlib\npathlib.Path('/app/output/scores.txt').write_text('f1: 1')\n{STUBBORN}"


@pytest.fixture(scope="module")
def platform(docker_engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cancel")
    with stack(folder) as opened:
        opened.import_challenge(folder / "slow", slug="slow-scorer", title="Slow", scorer=SLOW_SCORER)
        bundle = folder / "ingesting"
        (bundle / "ingestion_program").mkdir(parents=True)
        (bundle / "ingestion_program/metadata").write_text("command: python3 $program/main.py\n")
        (bundle / "ingestion_program/main.py").write_text(STUBBORN)
        task = {"name": "Main", "scoring_program": "scoring_program", "reference_data": "reference_data"}
        task |= {"input_data": "input_data", "ingestion_program": "ingestion_program"}
        opened.import_challenge(bundle, slug="ingesting", title="Ingesting", tasks=[task])
        for slug in ("slow-scorer", "ingesting"):
            assert opened.medici("join", slug, user="alice").code == 0
        yield opened


def of_builds():
    with engine() as client:
        return [one["Id"] for one in client.api.containers(all=True) if "sleep 1000" in (one["Command"] or "")]


CASES = {
    "build": ("slow-scorer", {"Dockerfile": "FROM medici/python:latest\nRUN sleep 1000\n"}),
    "inference": ("slow-scorer", running(STUBBORN)),
    "scoring": ("slow-scorer", programs.COPYING),
    "ingestion": ("ingesting", {"metadata": "command: python3 -c 'import time; time.sleep(600)'\n", "x.py": ""}),
}


@pytest.mark.parametrize("stage", CASES)
def test_nothing_of_a_cancelled_run_is_left(platform, stage):
    slug, files = CASES[stage]
    number = platform.hand_in(files, slug=slug)
    state = {"build": "preparing", "scoring": "scoring"}.get(stage, "running")
    platform.await_state(number, state)
    wanted = 2 if stage == "ingestion" else 1
    until(lambda: len(platform.containers(run=True) + of_builds()) == wanted, f"its containers run: {stage}")
    with platform.client("alice") as client:
        answer = client.post(f"/submissions/{number}/cancel")
    answered_at = time.monotonic()
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    until(lambda: not platform.containers(run=True) and not of_builds(), "no container of it is left", within_s=30)
    took_s = time.monotonic() - answered_at
    print(f"\ncancelled while in {stage}: no container of the run {took_s:.1f} s after the answer")
    assert took_s < LIMIT_S
