"""The two walls that an operator may add, for real: user namespaces, and gVisor around each container."""

import pytest
from typer.testing import CliRunner

from medici_worker.check.probe import Probe
from medici_worker.cli import app
from medici_worker.containers.engine import EngineInfo
from medici_worker.walls import Wall, require
from tests.factories.worker import IMAGE
from tests.walled_engine import FIRST_ID, walled_engine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walled():
    with walled_engine(IMAGE) as found:
        yield found


def test_the_engine_says_that_it_has_them(walled):
    info: EngineInfo = walled[0].describe()
    assert {"seccomp", "userns"} <= info.walls
    assert "runsc" in info.runtimes
    require(info, [Wall.SECCOMP, Wall.USERNS, Wall.RUNTIME], "runsc")


def test_volumes_outputs_and_scores_work_where_users_are_mapped(walled, trust):
    """And root of a container is nobody outside: the last of the probe's runs has shown what it may do."""
    tried = Probe(walled[0]).quiet()
    stopped = sum(one.stopped for one in tried)
    trust.note("the probe where the engine maps users (userns-remap)", f"{stopped} of {len(tried)} stopped")
    assert [one for one in tried if not one.stopped] == []


def test_the_map_is_the_one_that_was_asked_for(walled):
    api = walled[0].api
    made = api.create_container(IMAGE, ["cat", "/proc/self/uid_map"], network_disabled=True)["Id"]
    api.start(made)
    api.wait(made, timeout=30)
    assert api.logs(made).split() == [b"0", str(FIRST_ID).encode(), b"65536"]
    api.remove_container(made, force=True)


def test_gvisor_runs_all_of_it(walled, trust):
    tried = Probe(walled[0], runtime="runsc").quiet()
    stopped = sum(one.stopped for one in tried)
    trust.note("the probe in gVisor (runsc), where users are mapped, too", f"{stopped} of {len(tried)} stopped")
    assert [one for one in tried if not one.stopped] == []


def test_check_refuses_a_machine_that_lacks_what_is_required(walled):
    given = {"MEDICI_WORKER_DOCKER_HOST": walled[1], "MEDICI_WORKER_REQUIRE": "userns,apparmor"}
    answer = CliRunner().invoke(app, ["check"], env=given)
    assert answer.exit_code == 1
    assert "does not use AppArmor" in answer.output
    assert "does not map users" not in answer.output
