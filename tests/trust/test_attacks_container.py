"""The probe inside the profile, attempt by attempt; then the same attempt where the one defence is missing."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medici_worker.check import escapes, probe
from medici_worker.check.probe import Probe, Tried
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.protocol import FailureKind
from tests.trust import controls
from tests.trust.controls import CONTROLS, MAY_LACK, NOT_SHOWN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    opened = DockerEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def held(engine) -> dict[str, Tried]:
    """Every attempt inside the profile, by the worker's own code."""
    return {one.name: one for one in Probe(engine).attempts()}


@pytest.fixture(scope="module")
def free(engine) -> dict[str, tuple[bool, str]]:
    """Every attempt in a container that lacks its defence."""
    found = {}
    with controls.probe_image(engine) as image, controls.services() as reachable:
        for control in CONTROLS:
            found |= controls.tried(engine, image, control, reachable)
        for name in probe.ENDINGS:
            found[name] = not_ended(engine, image, name)
    return found


def not_ended(engine: DockerEngine, image: str, name: str) -> tuple[bool, str]:
    """What becomes of a program that the worker has to end, where nobody does: with SIGTERM alone it runs on; with a
    larger limit it takes more memory than the phase allows.
    """
    api = engine.api
    host = api.create_host_config(
        **{**controls.OUTER, "mem_limit": "300m", "memswap_limit": "300m"}, network_mode="none"
    )
    command = [*probe.PROGRAM, "", json.dumps([name])]
    made = api.create_container(image, command, user=controls.NOBODY, host_config=host)["Id"]
    try:
        api.start(made)
        if probe.ENDINGS[name] is FailureKind.MEMORY_LIMIT:
            api.wait(made, timeout=60)
            taken = 10 * controls.MIB * api.logs(made).count(b"10 MiB more")
            return taken < 1.5 * probe.LIMITS.memory_bytes, f"{taken} bytes"
        time.sleep(1)
        api.kill(made, "SIGTERM")
        time.sleep(1)
        return not api.inspect_container(made)["State"]["Running"], "after SIGTERM"
    finally:
        api.remove_container(made, force=True, v=True)


def test_every_attempt_has_a_control_or_a_reason():
    shown = [name for control in CONTROLS for name in control.attempts]
    assert sorted([*shown, *NOT_SHOWN]) == sorted(escapes.ATTEMPTS)


@pytest.mark.parametrize("name", [*escapes.ATTEMPTS, *probe.ENDINGS])
def test_an_attempt_is_stopped_by_the_profile_and_by_nothing_else(held, free, trust, name):
    shown = name not in NOT_SHOWN and Path(MAY_LACK.get(name, "/")).exists()
    succeeds = not free[name][0] if shown else None
    trust.note_attack("container", name, stopped=held[name].stopped, succeeds_without=succeeds)
    assert held[name].stopped, held[name].detail
    if shown:
        assert succeeds, f"It is stopped without the defence, too: {free[name][1]}"
