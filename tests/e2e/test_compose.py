"""docker-compose.yml as an operator uses it: up, a challenge, submissions, the board, local scoring, down."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from docker.errors import APIError

from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.images import build_images
from tests.e2e.programs import COPYING, SLUG, answering, write_bundle, write_zip
from tests.services import free_port, missing
from tests.shared_engine import forget_data

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("POSTGRES_PASSWORD", "MEDICI_REDIS_PASSWORD", "MEDICI_SECRET_KEY", "MEDICI_WORKER_CREDENTIAL")
OFFLINE = {"MEDICI_POSTGRES_IMAGE": "medici/postgres:latest", "MEDICI_REDIS_IMAGE": "medici/redis:latest"}
OWN_PREFIXES = ("MEDICI_", "POSTGRES_", "COMPOSE_")
COMMAND_S = 240
PREDICTIONS = "file,class\n/mnt/in/1.jpg,Hand\n/mnt/in/2.jpg,CXR\n/mnt/in/3.jpg,Hand\n/mnt/in/4.jpg,HeadCT\n"
TRUTH = "file,class\n1.jpg,Hand\n2.jpg,CXR\n3.jpg,CXR\n4.jpg,HeadCT\n"


def compose_program() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return missing("docker-compose", "`make services` installs it")


def run(command: Sequence[object], *, cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that knows none of this machine's settings of ours, and the folder where it is."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIXES)}
    environment = {**clean, "PWD": str(cwd), **settings}
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=COMMAND_S
    )


@dataclass
class Stack:
    """One project of docker-compose.yml with settings of its own."""

    folder: Path
    settings: dict[str, str]
    name: str = field(default_factory=lambda: f"medici-test-{secrets.token_hex(4)}")
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings['MEDICI_PORT']}"

    def compose(self, *words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """`docker compose …` with the settings in a file of this stack's own, in place of `.env`."""
        file = self.folder / f"{self.name}.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        options = ["-f", ROOT / "docker-compose.yml", "-p", self.name, "--env-file", file]
        return run([*compose_program(), *options, *words], cwd=cwd)

    def inside(self, service: str, *words: str) -> str:
        ended = self.compose("exec", "-T", service, *words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def create_user(self, name: str, *options: str) -> None:
        self.tokens[name] = json.loads(self.inside("web", "medici", "admin", "create-user", name, *options, "--json"))[
            "token"
        ]

    def medici(self, *words: object, user: str) -> str:
        """The command line of this checkout, as people use it from elsewhere."""
        command = [sys.executable, "-m", "medici_platform.cli", *words]
        ended = run(command, MEDICI_URL=self.url, MEDICI_TOKEN=self.tokens[user])
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def submit(self, files: dict[str, str | bytes]) -> Any:
        archive = write_zip(self.folder / "submission.zip", files)
        return json.loads(self.medici("submit", SLUG, archive, "--wait", "--json", user="alice"))

    def down(self) -> None:
        ended = self.compose("down", "--volumes", "--remove-orphans", "--timeout", "60")
        assert ended.returncode == 0, ended.stderr


def labelled(engine: docker.DockerClient, label: str) -> list[str]:
    containers = [container.name for container in engine.containers.list(all=True, filters={"label": label})]
    return containers + [volume.name for volume in engine.volumes.list(filters={"label": label})]


@pytest.fixture(scope="module")
def images(docker_engine: docker.DockerClient) -> docker.DockerClient:
    build_images(["platform", "worker", "scoring", "postgres", "redis"], engine=docker_engine)
    return docker_engine


def settings() -> dict[str, str]:
    port = str(free_port())
    return {**{name: secrets.token_hex(32) for name in SECRETS}, **OFFLINE, "MEDICI_PORT": port, "MEDICI_SWEEP_S": "1"}


@pytest.fixture(scope="module")
def stack(images: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Up with an organizer, a participant and the tiny challenge; down with nothing left."""
    up = Stack(tmp_path_factory.mktemp("compose"), settings())
    try:
        started = up.compose("up", "--detach", "--no-build")
        assert started.returncode == 0, started.stderr + up.compose("logs", "--no-color").stdout
        up.create_user("root", "--admin")
        up.create_user("olga", "--organizer")
        up.create_user("alice")
        bundle = write_bundle(up.folder / "bundle", title=up.name)
        (bundle / "input_data" / "case.txt").write_text(up.name)  # a data set that no other stack has
        assert up.medici("challenge", "import", bundle, "--publish", user="olga").strip() == SLUG
        up.medici("join", SLUG, user="alice")
        yield up
        forget_runs(up, images)
        worker = up.inside("worker", "worker-start", "cat", "/state/worker-id").strip()
        up.down()
        left = labelled(images, f"com.docker.compose.project={up.name}") + labelled(images, f"medici.worker={worker}")
        assert left == []
    finally:
        up.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")


def forget_runs(up: Stack, engine: docker.DockerClient) -> None:
    """What runs leave at an engine on purpose: images that they built, data sets by their sha256."""
    headers = {"Authorization": f"Bearer {up.tokens['root']}"}
    with httpx.Client(base_url=f"{up.url}/api/v1", headers=headers) as client:
        submissions = client.get(f"/challenges/{SLUG}/submissions").json()["items"]
        runs = [run for each in submissions for run in client.get(f"/submissions/{each['id']}/runs").json()]
    for digest in {run["image_digest"] for run in runs if run["image_digest"]}:
        with suppress(APIError):
            engine.images.remove(digest, force=True)
    stored = up.inside("web", "find", "/data/storage", "-type", "f").split()
    with closing(DockerEngine()) as ours:
        forget_data(ours, up.folder, [Path(path).name for path in stored])


def test_every_service_is_well(stack: Stack, images: docker.DockerClient) -> None:
    found = images.containers.list(all=True, filters={"label": f"com.docker.compose.project={stack.name}"})
    by_service = {each.labels["com.docker.compose.service"]: each for each in found}
    assert {name: each.status for name, each in by_service.items()} == {
        "secrets": "exited",
        "migrate": "exited",
        **dict.fromkeys(("db", "redis", "web", "clock", "worker"), "running"),
    }
    assert all("Health" in by_service[name].attrs["State"] for name in ("db", "redis", "web", "clock", "worker"))
    stack.inside("clock", "medici", "admin", "check-clock")
    stack.inside("worker", "worker-start", "python", "-m", "medici_worker.health")


def test_nobody_is_root(stack: Stack, images: docker.DockerClient) -> None:
    found = images.containers.list(filters={"label": f"com.docker.compose.project={stack.name}"})
    programs = {
        each.labels["com.docker.compose.service"]: [
            line[1] for line in each.top(ps_args="-eo pid,uid,args")["Processes"] if "docker-init" not in line[2]
        ]
        for each in found
    }
    assert {name for name, users in programs.items() if "0" in users} == set()


def test_a_result_submission_reaches_the_board(stack: Stack) -> None:
    ended = stack.submit(answering(0.25))
    assert (ended["state"], ended["kind"], ended["scores"]) == ("finished", "results", {"f1": 0.25, "seconds": 2.0})


def test_a_container_submission_reaches_the_board(stack: Stack) -> None:
    ended = stack.submit(COPYING)
    assert (ended["state"], ended["kind"], ended["scores"]) == ("finished", "container", {"f1": 0.5, "seconds": 2.0})
    board = json.loads(stack.medici("leaderboard", SLUG, "--json", user="alice"))
    rows = [(entry["rank"], entry["participant"], entry["scores"]) for entry in board["entries"]]
    assert rows == [(1, "alice", {"f1": 0.5, "seconds": 2.0})]


def test_the_stack_comes_up_again_with_its_data(stack: Stack) -> None:
    again = stack.compose("up", "--detach", "--no-build", "--force-recreate")
    assert again.returncode == 0, again.stderr
    board = json.loads(stack.medici("leaderboard", SLUG, "--json", user="alice"))
    assert [entry["participant"] for entry in board["entries"]] == ["alice"]
    assert stack.submit(answering(0.75))["state"] == "finished"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MEDICI_SECRET_KEY", "", "MEDICI_SECRET_KEY is not set"),
        ("POSTGRES_PASSWORD", "p@ss" * 10, "POSTGRES_PASSWORD holds more than letters, digits, - and _"),
        ("MEDICI_WORKER_CREDENTIAL", "short", "MEDICI_WORKER_CREDENTIAL is shorter than 32 characters"),
    ],
)
def test_nothing_starts_without_good_secrets(
    images: docker.DockerClient, tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    refused = Stack(tmp_path, {**settings(), name: value})
    try:
        assert refused.compose("up", "--detach", "--no-build").returncode != 0
        said = refused.compose("logs", "--no-color", "secrets").stdout
        assert f"{sentence}: copy .env.example to .env, which says how to make one." in said
        found = images.containers.list(all=True, filters={"label": f"com.docker.compose.project={refused.name}"})
        assert {each.labels["com.docker.compose.service"] for each in found if each.status == "running"} == set()
    finally:
        refused.down()


# ---- local scoring: no settings, no secrets, nothing of the above ----


@pytest.fixture
def scoring(images: docker.DockerClient, tmp_path: Path) -> Iterator[Stack]:
    """A working folder of an ordinary user's, with a bundle and predictions."""
    here = tmp_path / "here"
    shutil.copytree(ROOT / "bundles/mednist/scoring_program", here / "bundles/mednist/scoring_program")
    shutil.copy(ROOT / "bundles/mednist/competition.yaml", here / "bundles/mednist")
    truth = here / "bundles/mednist/reference_data/testing/testing_solution.csv"
    truth.parent.mkdir(parents=True)
    truth.write_text(TRUTH)
    (here / "mine").mkdir()
    (here / "mine/classification_results.csv").write_text(PREDICTIONS)
    if os.geteuid() == 0:
        run(["chown", "-R", "12345:12345", here])
    bare = Stack(tmp_path, {})
    yield bare
    bare.down()


def test_predictions_are_scored_with_a_bundle(scoring: Stack) -> None:
    here = scoring.folder / "here"
    ended = scoring.compose("run", "--rm", "scoring", "bundles/mednist", "mine", cwd=here)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "weighted avg" in ended.stdout
    assert (here / "mine/output/scores.txt").read_text().splitlines()[-1] == "accuracy: 0.75"
    assert (here / "mine/output/scores.txt").stat().st_uid == here.stat().st_uid


def test_a_submission_directory_is_scored_in_place(scoring: Stack) -> None:
    here = scoring.folder / "here"
    for source, target in (
        ("bundles/mednist/scoring_program", "program"),
        ("bundles/mednist/reference_data/testing", "input/ref"),
        ("mine", "input/res"),
    ):
        shutil.copytree(here / source, here / target)
    ended = scoring.compose("run", "--rm", "scoring", cwd=here)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "weighted avg" in ended.stdout
    assert (here / "output/scores.txt").is_file()
