"""What hardening.md promises of containers, looked up at the engine in every container that a run makes."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.types import HostConfig

from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import ContainerPlan
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.protocol import Limits
from medici_worker.run import execute
from medici_worker.settings import default_lock_folder
from medici_worker.worksite import open_worksite
from tests.factories.worker import RunMaker, python_program, python_submission

MIB = 1024**2
LIMITS = Limits(
    time_s=30, memory_bytes=96 * MIB, cpus=0.5, pids=50, output_bytes=3 * MIB, output_files=20, shm_bytes=2 * MIB,
    tmp_bytes=5 * MIB,
)  # fmt: skip
SCORING = LIMITS.model_copy(update={"memory_bytes": 80 * MIB, "pids": 40})
SOURCES = Path(__file__).resolve().parents[2] / "worker/src/medici_worker"
WRITE = "import os\nfor p in ('/mnt/out', '/app/output'):\n    if os.path.isdir(p): open(p + '/y', 'w').write('1')\n"
STRANGERS = ("inference", "submission", "ingestion", "scoring")
WRITABLE = {
    "inference": {"/mnt/out"},
    "submission": {"/mnt/out", "/app/output", "/app/shared"},
    "ingestion": {"/app/output", "/app/shared"},
    "scoring": {"/app/output"},
}


@dataclass(frozen=True)
class Created:
    """A container as the engine has it."""

    step: str
    user: str
    environment: dict[str, str]
    host: dict
    mounts: dict[str, bool]
    """Path → whether it may be written."""


class Watched(DockerEngine):
    """The real engine; every container is looked at when it has been created."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[Created] = []

    def _create(self, plan: ContainerPlan) -> str:
        container_id = super()._create(plan)
        seen = self.api.inspect_container(container_id)
        binds = dict(bind.split(":")[1:] for bind in seen["HostConfig"]["Binds"] or ())
        assert set(binds) == {mount["Destination"] for mount in seen["Mounts"]}
        environment = dict(variable.partition("=")[::2] for variable in seen["Config"]["Env"])
        mounts = {path: mode == "rw" for path, mode in binds.items()}
        user = seen["Config"]["User"]
        self.created.append(Created(_step(plan), user, environment, seen["HostConfig"], mounts))
        return container_id


class WatchedFake(FakeEngine):
    def __init__(self) -> None:
        super().__init__(images=("medici/python:latest", "medici/codalab:latest"))
        self.programs = Anything()

    @property
    def created(self) -> list[Created]:
        """What the engine's library would send of each plan."""
        return [
            Created(
                _step(plan),
                plan.profile.user,
                {**plan.profile.environment, **plan.environment},
                HostConfig(version="1.41", **plan.profile.host),
                {mount.path: not mount.read_only for mount in plan.mounts},
            )
            for plan in self.plans
        ]


class Anything(dict):
    """Every command writes to each of its places for outputs."""

    def get(self, *_):
        return _write


def _write(inside: Inside) -> int:
    for mount in inside.plan.mounts:
        if mount.path in ("/mnt/out", "/app/output") and not mount.read_only:
            inside.write(f"{mount.path}/scores.txt", b"y: 1\n")
    return 0


def _step(plan: ContainerPlan) -> str:
    if plan.name.startswith("medici-bench"):
        return "holder"
    return "filler" if plan.name.startswith("medici-fill") else plan.name.rpartition("-")[2]


@pytest.fixture(scope="module", params=["fake", pytest.param("docker", marks=pytest.mark.slow)])
def engine(request) -> Iterator[Watched | WatchedFake]:
    opened = Watched() if request.param == "docker" else WatchedFake()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def created(engine, tmp_path_factory) -> dict[str, list[Created]]:
    """Of a run of an image, and of one of code beside an ingestion program: step → its containers."""
    folder = tmp_path_factory.mktemp("profile")
    make = RunMaker(folder)
    site = open_worksite(
        engine, folder / "state", worker="medici-test-profile", lock_folder=default_lock_folder(), prewarm=False
    )
    dockerfile, files = python_submission(WRITE)
    image = dockerfile.replace("CMD", "ENV NVIDIA_VISIBLE_DEVICES=all HOME=/root\nUSER root\nCMD")
    limits = {"limits": LIMITS, "scoring_limits": SCORING}
    program = {"metadata": "command: python $program/main.py\n", "main.py": WRITE}
    specs = [make.container(image, files, **limits), make.code(program, program, **limits)]
    try:
        for spec in specs:
            report = execute(spec, make.host(python_program()), site)
            assert report.failure is None, report
            site.datasets.remove(spec.submission.sha256)
    finally:
        site.close()
        for used in (folder / "state" / "datasets").glob("*"):
            site.datasets.remove(used.name)
        for one in engine.images("medici.run-image=medici-test-profile"):
            engine.remove_image(one.image_id)
    by_step = sorted(engine.created, key=lambda one: one.step)
    return {step: list(found) for step, found in itertools.groupby(by_step, key=lambda one: one.step)}


def test_every_kind_of_container_was_made(created):
    assert set(created) == {*STRANGERS, "holder", "filler"}
    assert len(created["scoring"]) == 2


EVERYWHERE = {
    "NetworkMode": "none",
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges"],
    "Init": True,
    "IpcMode": "private",
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "1"}},
}
NOWHERE = (
    "Privileged", "CapAdd", "Devices", "DeviceCgroupRules", "PidMode", "UTSMode", "UsernsMode", "CgroupParent",
    "VolumesFrom", "ExtraHosts", "Dns", "PortBindings", "GroupAdd", "Sysctls", "PublishAllPorts", "DeviceRequests",
    "OomKillDisable", "OomScoreAdj", "Links",
)  # fmt: skip


@pytest.mark.parametrize("step", [*STRANGERS, "holder", "filler"])
def test_what_holds_for_all(created, step):
    for one in created[step]:
        assert {name: one.host[name] for name in EVERYWHERE} == EVERYWHERE
        assert {name: one.host[name] for name in NOWHERE if one.host.get(name)} == {}
        assert (one.host.get("Runtime") or "runc") == "runc"
        assert one.user == "65534:65534"
        assert one.environment["HOME"] == "/tmp"


@pytest.mark.parametrize("step", [*STRANGERS, "holder", "filler"])
def test_no_more_gpus_than_were_leased(created, step):
    """Also where the image's own ENV asks for all of them."""
    for one in created[step]:
        assert one.environment["NVIDIA_VISIBLE_DEVICES"] == "void"


@pytest.mark.parametrize("step", STRANGERS)
def test_limits_are_the_phases(created, step):
    limits = SCORING if step == "scoring" else LIMITS
    for one in created[step]:
        host = one.host
        assert host["PidsLimit"] == limits.pids
        assert host["NanoCpus"] == 500_000_000
        assert host["ShmSize"] == 2 * MIB
        assert host["Memory"] == host["MemorySwap"]
        places = len(host["Tmpfs"]) - 1
        shares = 5 * MIB if "/app/shared" in one.mounts else 0
        files = (3 + 1 + 5 + 2) * MIB
        assert host["Memory"] == limits.memory_bytes + files + places * 5 * MIB + shares
        assert host["Ulimits"] == [
            {"Name": "nofile", "Soft": 4096, "Hard": 4096},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": 7 * MIB, "Hard": 7 * MIB},
        ]


@pytest.mark.parametrize("step", STRANGERS)
def test_places_in_memory_have_a_size_and_no_devices(created, step):
    for one in created[step]:
        assert set(one.host["Tmpfs"].values()) == {f"size={5 * MIB},nosuid,nodev,mode=1777"}
        assert "/tmp" in one.host["Tmpfs"]


@pytest.mark.parametrize("step", STRANGERS)
def test_only_places_for_outputs_may_be_written(created, step):
    for one in created[step]:
        assert {path for path, writable in one.mounts.items() if writable} <= WRITABLE[step]
        assert not one.mounts.get("/mnt/in")


def test_the_reference_data_are_in_the_scoring_container_alone(created):
    seen = {step for step, found in created.items() for one in found if "/app/input/ref" in one.mounts}
    assert seen == {"scoring"}
    assert all(one.mounts["/app/input/ref"] is False for one in created["scoring"])
    assert all(one.mounts["/app/input/res"] is False for one in created["scoring"])


def test_what_is_mounted_is_a_volume_of_the_engine(created):
    """Never a folder of the machine, and never the engine's socket."""
    binds = [bind for found in created.values() for one in found for bind in one.host.get("Binds") or ()]
    assert all(re.match(r"medici-(bench|data)-[0-9a-f]+(-\w+)?:/", bind) for bind in binds), binds


def test_leased_gpus_are_named_and_no_others(tmp_path):
    engine = WatchedFake()
    make = RunMaker(tmp_path)
    site = open_worksite(engine, tmp_path / "state", worker="w", prewarm=False)
    spec = make.container(
        *python_submission(WRITE), limits=LIMITS.model_copy(update={"gpus": 1}), scoring_limits=SCORING
    )
    execute(spec, make.host(python_program()), site, gpus=("GPU-a", "GPU-b"))
    site.close()
    by_step = {one.step: one for one in engine.created}
    (request,) = by_step["inference"].host["DeviceRequests"]
    assert (request["DeviceIDs"], request["Count"]) == (["GPU-a"], 0)
    assert by_step["inference"].environment["NVIDIA_VISIBLE_DEVICES"] == "GPU-a"
    assert "DeviceRequests" not in by_step["scoring"].host
    assert by_step["scoring"].environment["NVIDIA_VISIBLE_DEVICES"] == "void"


def calls(name: str) -> dict[str, int]:
    """Where the worker calls a function of this name: file → how often."""
    found = {
        str(path.relative_to(SOURCES)): sum(
            isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
            for node in ast.walk(ast.parse(path.read_text()))
        )
        for path in SOURCES.rglob("*.py")
    }
    return {path: count for path, count in found.items() if count}


def test_nothing_makes_a_container_past_the_profile():
    """`docker_users` reads the list of users of an image from a container that is never started."""
    assert calls("create_container") == {"containers/docker_engine.py": 1, "containers/docker_users.py": 1}
    assert calls("create_host_config") == {"containers/docker_engine.py": 1, "containers/docker_users.py": 1}
    users = (SOURCES / "containers/docker_users.py").read_text()
    assert ".start(" not in users
    assert calls("Profile") == {"containers/profile.py": 1}
    assert calls("hardened") == {"containers/profile.py": 2, "progress.py": 1}
    assert calls("relay") == {"containers/build_index.py": 1}
    assert calls("keeper") == {"worksite.py": 1}


@pytest.mark.parametrize("path", sorted(calls("ContainerPlan")))
def test_every_plan_has_the_profile(path):
    """A run's own, or the keeper's, which its maker was given."""
    plans = [
        node
        for node in ast.walk(ast.parse((SOURCES / path).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ContainerPlan"
    ]
    profiles = [ast.unparse(word.value) for plan in plans for word in plan.keywords if word.arg == "profile"]
    assert len(profiles) == len(plans)
    assert all(one.startswith(("run.profile(", "relay(")) or one == "self._profile" for one in profiles)
