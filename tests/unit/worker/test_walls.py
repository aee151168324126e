"""Walls that an operator requires: which engine has them, and what the operator reads when one is missing."""

import pytest
from typer.testing import CliRunner

from medici_worker.check.probe import Tried
from medici_worker.check.report import offers, told
from medici_worker.cli import app
from medici_worker.containers.docker_engine import _walls
from medici_worker.containers.engine import EngineInfo
from medici_worker.settings import WorkerSettings
from medici_worker.walls import Wall, WallMissing, require


def engine(*walls: str, runtimes=("runc",)) -> EngineInfo:
    return EngineInfo("id", "gpu-1", "27", 4, 8 * 1024**3, walls=frozenset(walls), runtimes=frozenset(runtimes))


@pytest.mark.parametrize(
    ("options", "walls"),
    [
        (["name=seccomp,profile=default", "name=userns"], {"seccomp", "userns"}),
        (["name=seccomp,profile=builtin", "name=cgroupns"], {"seccomp", "cgroupns"}),
        (["name=seccomp,profile=unconfined", "name=rootless"], {"rootless"}),
        (["apparmor"], {"apparmor"}),
        ([], set()),
    ],
)
def test_what_an_engine_says_of_itself(options, walls):
    assert set(_walls(options)) - {""} == walls


def test_what_is_there_is_enough():
    require(engine("seccomp", "userns", runtimes=["runc", "runsc"]), [*list(Wall)[:2], Wall.RUNTIME], "runsc")
    require(engine("rootless"), [Wall.USERNS, Wall.ROOTLESS], None)
    require(engine(), [], "io.containerd.kata.v2")


@pytest.mark.parametrize(
    ("walls", "runtime", "sentence"),
    [
        (
            [Wall.SECCOMP],
            None,
            (
                "The container engine gpu-1 filters no system calls: its `seccomp-profile` is off, or its kernel has "
                "none (MEDICI_WORKER_REQUIRE names `seccomp`)."
            ),
        ),
        (
            [Wall.USERNS],
            None,
            (
                "The container engine gpu-1 does not map users: set `userns-remap` in its daemon.json, or run it "
                "rootless (MEDICI_WORKER_REQUIRE names `userns`)."
            ),
        ),
        (
            [Wall.RUNTIME],
            None,
            "MEDICI_WORKER_REQUIRE names `runtime`, but MEDICI_WORKER_RUNTIME is not set: name one, such as runsc.",
        ),
        (
            [],
            "runsc",
            (
                "The container engine gpu-1 does not know the runtime runsc (MEDICI_WORKER_RUNTIME); it knows runc: "
                "add it to `runtimes` in its daemon.json, and restart it."
            ),
        ),
    ],
)
def test_one_sentence_says_what_is_missing(walls, runtime, sentence):
    with pytest.raises(WallMissing) as refusal:
        require(engine(), walls, runtime)
    assert str(refusal.value) == sentence


def test_the_setting_is_a_list_with_commas(monkeypatch):
    monkeypatch.delenv("MEDICI_WORKER_REQUIRE", raising=False)
    assert WorkerSettings().require == (Wall.SECCOMP,)
    monkeypatch.setenv("MEDICI_WORKER_REQUIRE", "userns, runtime")
    assert WorkerSettings().require == (Wall.USERNS, Wall.RUNTIME)
    monkeypatch.setenv("MEDICI_WORKER_REQUIRE", "")
    assert WorkerSettings().require == ()


def test_a_wall_that_nobody_knows_is_refused(monkeypatch):
    monkeypatch.setenv("MEDICI_WORKER_REQUIRE", "moat")
    answer = CliRunner().invoke(app, ["check"])
    assert answer.exit_code == 1
    assert answer.output == (
        "These settings can't be used: MEDICI_WORKER_REQUIRE names 'moat', which is no wall: there are seccomp, "
        "userns, rootless, runtime, apparmor, selinux\n"
    )


def test_what_check_says():
    lines = list(offers(engine("seccomp"), None))
    assert lines[0] == "Engine gpu-1 27: 4 CPUs, 8.0 GiB of memory."
    assert lines[1].split()[:2] == ["seccomp", "yes"]
    assert lines[2].split()[:2] == ["userns", "no"]
    assert lines[-1].split() == ["runtimes", "runc;", "containers", "use", "the", "default", "one"]


def test_an_attempt_that_was_not_stopped_is_named():
    lines, is_tight = told([Tried("mount", True, "no"), Tried("fork bomb", False, "400 processes")], verbose=False)
    assert not is_tight
    assert lines[:2] == ["  NOT STOPPED  fork bomb: 400 processes", "1 of 2 attempts stopped."]
    assert told([Tried("mount", True, "no")], verbose=True) == (
        ["  stopped      mount (no)", "1 of 1 attempts stopped."],
        True,
    )
