"""The real thing: `medici up` and workers as processes of their own, driven through the command line and the API."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
from docker.errors import APIError, NotFound

from medici_worker.containers.docker_engine import DockerEngine
from tests.e2e import programs
from tests.factories.platform import make_zip
from tests.services import free_port
from tests.shared_engine import forget_data

START_S = 60
END_S = 60
PATIENCE_S = 90
COMMAND_S = 180
MEDICI = (sys.executable, "-m", "medici_platform.cli")
ENDED = ("finished", "failed", "cancelled")
IMPATIENT = {"MEDICI_HEARTBEAT_S": "0.5", "MEDICI_LEASE_S": "3", "MEDICI_SWEEP_S": "0.5", "MEDICI_RETRY_S": "0.5"}
"""So that a lost worker is noticed, and a run tried again, while a test waits."""


@dataclass(frozen=True)
class Command:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


@dataclass
class Process:
    """A program of ours in a session of its own, ended by its own id."""

    popen: subprocess.Popen[bytes]
    log: Path

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
        try:
            return self.popen.wait(END_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


@dataclass
class Stack:
    """A platform with its own data folder and port. `settings` are environment variables of all its processes."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    up: Process | None = None
    workers: list[Process] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    worker_states: list[Path] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    # ---- processes ----

    def environment(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MEDICI_")}
        return {**clean, "MEDICI_DATA_DIR": str(self.data), "MEDICI_URL": self.url, **self.settings, **more}

    def start(self, *, worker: bool = True) -> None:
        options = [] if worker else ["--no-worker"]
        command = [*MEDICI, "up", "--port", str(self.port), *options]
        self.up = self._spawn(command, self.folder / "up.log", self.environment())
        if worker:
            self.worker_states.append(self.data / "worker")
        until(self.answers, "the platform answers")

    def answers(self) -> bool:
        assert self.up is not None
        assert self.up.popen.poll() is None, self.up.log.read_text()
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz").is_success
        return False

    def start_worker(self, name: str, **settings: str) -> Process:
        """A worker process of its own, enrolled through the command line by an administrator."""
        credential = self.medici("worker", "enroll", name, user="root", json=True).json["credential"]
        return self.resume_worker(name, credential, **settings)

    def resume_worker(self, name: str, credential: str, **settings: str) -> Process:
        state = self.folder / f"worker-{name}"
        environment = self.environment(
            MEDICI_WORKER_CREDENTIAL=credential,
            MEDICI_WORKER_STATE_DIR=str(state),
            MEDICI_BROKER_URL=self.settings.get("MEDICI_BROKER_URL", f"folder://{self.data / 'broker'}"),
            **settings,
        )
        process = self._spawn([sys.executable, "-m", "medici_worker"], self.folder / f"worker-{name}.log", environment)
        self.workers.append(process)
        self.worker_states.append(state)
        until(lambda: self._welcomed(process), "the worker is welcomed")
        return process

    @staticmethod
    def _welcomed(process: Process) -> bool:
        assert process.popen.poll() is None, process.log.read_text()
        return "event=welcome" in process.log.read_text()

    def _spawn(self, command: list[str], log: Path, environment: dict[str, str]) -> Process:
        with log.open("ab") as target:
            popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=target, stderr=target, env=environment, start_new_session=True
            )
        return Process(popen, log)

    def stop(self) -> None:
        for process in [*self.workers, *([self.up] if self.up else [])]:
            process.stop()

    # ---- people ----

    def create_user(self, name: str, *options: str) -> str:
        ended = self.medici("admin", "create-user", name, *options, "--json")
        assert ended.code == 0, ended.errors
        self.tokens[name] = ended.json["token"]
        return self.tokens[name]

    def create_people(self) -> None:
        """An administrator (root), an organizer (olga) and a participant (alice)."""
        self.create_user("root", "--admin")
        self.create_user("olga", "--organizer")
        self.create_user("alice")

    def import_challenge(self, folder: Path, **keys: Any) -> str:
        """The tiny challenge with `keys` replaced in its definition; returns its slug."""
        bundle = programs.write_bundle(folder, **keys)
        ended = self.medici("challenge", "import", bundle, "--publish", user="olga")
        assert ended.code == 0, ended.errors
        return ended.output.strip()

    # ---- the command line ----

    def medici(
        self, *words: object, user: str | None = None, token: str | None = None, json: bool = False, **settings: str
    ) -> Command:
        """One command in a process of its own."""
        token = token or (self.tokens[user] if user else None)
        environment = self.environment(**({"MEDICI_TOKEN": token} if token else {}), **settings)
        command = [*MEDICI, *map(str, words), *(["--json"] if json else [])]
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=COMMAND_S, cwd=self.folder
        )
        return Command(ended.returncode, ended.stdout, ended.stderr)

    def submit(self, files: dict[str, str], *options: str, user: str = "alice", slug: str = programs.SLUG) -> Any:
        """`medici submit --wait --json` of these files; returns what it printed."""
        archive = programs.write_zip(self.folder / "submission.zip", files)
        return self.medici("submit", slug, archive, "--wait", *options, user=user, json=True).json

    # ---- the API ----

    def client(self, user: str | None = "alice") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60)

    def get(self, path: str, *, user: str | None = "alice", **params: Any) -> Any:
        with self.client(user) as client:
            answer = client.get(path, params=params)
        assert answer.is_success, answer.text
        return answer.json()

    def post_files(
        self, files: dict[str, str], *, user: str = "alice", slug: str = programs.SLUG, **params: Any
    ) -> httpx.Response:
        return self.post_bytes(make_zip(files), user=user, slug=slug, **params)

    def post_bytes(
        self, content: bytes, *, user: str = "alice", slug: str = programs.SLUG, **params: Any
    ) -> httpx.Response:
        with self.client(user) as client:
            return client.post(
                f"/challenges/{slug}/submissions", params=params, files={"file": ("submission.zip", content)}
            )

    def hand_in(self, files: dict[str, str], *, user: str = "alice", slug: str = programs.SLUG, **params: Any) -> int:
        """Upload over the API; returns the submission's number."""
        answer = self.post_files(files, user=user, slug=slug, **params)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def submission(self, number: int, *, user: str = "alice") -> Any:
        return self.get(f"/submissions/{number}", user=user)

    def runs(self, number: int, *, user: str = "alice") -> Any:
        return self.get(f"/submissions/{number}/runs", user=user)

    def await_end(self, number: int, *, user: str = "alice", within_s: float = PATIENCE_S) -> Any:
        return self.await_state(number, *ENDED, user=user, within_s=within_s)

    def await_state(self, number: int, *states: str, user: str = "alice", within_s: float = PATIENCE_S) -> Any:
        until(
            lambda: self.submission(number, user=user)["state"] in states,
            f"submission {number} is {' or '.join(states)}",
            within_s=within_s,
        )
        return self.submission(number, user=user)

    def run_files(self, files: dict[str, str], **options: Any) -> Any:
        """Upload over the API and wait for the end."""
        return self.await_end(self.hand_in(files, **options), user=options.get("user", "alice"))

    # ---- what lies about ----

    def engine(self) -> AbstractContextManager[docker.DockerClient]:
        """The one that the workers use."""
        return engine(self.settings.get("MEDICI_WORKER_DOCKER_HOST"))

    def worker_ids(self) -> list[str]:
        notes = [state / "worker-id" for state in dict.fromkeys(self.worker_states)]
        return [note.read_text().strip() for note in notes if note.exists()]

    def containers(self, *, run: bool = False) -> list[str]:
        """Names of this stack's containers at the engine; with `run` only those that run somebody's program."""
        with self.engine() as client:
            found = [
                container.name
                for worker in self.worker_ids()
                for container in client.containers.list(
                    all=True, filters={"label": f"medici.worker={worker}"}, ignore_removed=True
                )
                if not run or "medici.run" in container.labels
            ]
        return sorted(found)

    def volumes(self) -> list[str]:
        """Names of this stack's volumes at the engine, but for the caches of data sets."""
        with self.engine() as client:
            return sorted(
                volume.name
                for worker in self.worker_ids()
                for volume in client.volumes.list(filters={"label": f"medici.worker={worker}"})
            )

    def processes(self) -> list[str]:
        """Command lines of every process of this machine that knows this stack's folder."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(self.folder).encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def remains(self) -> dict[str, list[str]]:
        found = {"containers": self.containers(), "volumes": self.volumes(), "processes": self.processes()}
        return {what: names for what, names in found.items() if names}

    def stored(self) -> list[str]:
        """Every file of the storage folder."""
        storage = self.data / "storage"
        return sorted(str(path.relative_to(storage)) for path in storage.rglob("*") if path.is_file())

    def forget(self) -> None:
        """Remove the caches that this stack made at the engine: data sets by their sha256, images that it built."""
        contents = [path.name for path in (self.data / "storage").rglob("*") if path.is_file()]
        with closing(DockerEngine(self.settings.get("MEDICI_WORKER_DOCKER_HOST"))) as worked_on:
            forget_data(worked_on, self.folder, contents)
        with self.engine() as client:
            for digest in self._built_images():
                with suppress(APIError, NotFound):
                    client.images.remove(digest, force=True)

    def _built_images(self) -> set[str]:
        """Ids of images that our workers built, as their logs of this stack's runs name them."""
        with self.engine() as client:
            known = {image["Id"] for image in client.api.images(filters={"label": "medici.run-image"})}
        return known & self.images

    images: set[str] = field(default_factory=set)
    """Ids of the images that runs used, noted by `note_images`."""

    def note_images(self) -> None:
        """From the API, as the administrator sees it, while the platform still answers."""
        if "root" not in self.tokens or self.up is None or self.up.popen.poll() is not None:
            return
        with self.client("root") as client:
            for challenge in client.get("/challenges", params={"per_page": 200}).json()["items"]:
                listing = client.get(f"/challenges/{challenge['slug']}/submissions", params={"per_page": 200}).json()
                for submission in listing["items"]:
                    runs = client.get(f"/submissions/{submission['id']}/runs").json()
                    self.images |= {run["image_digest"] for run in runs if run["image_digest"]}


@contextmanager
def stack(
    folder: Path, *, worker: bool = True, people: bool = True, kind: type[Stack] = Stack, **settings: str
) -> Iterator[Stack]:
    """A platform that is started, and ended with nothing left behind: no process, container, volume or image."""
    folder.mkdir(parents=True, exist_ok=True)
    running = kind(folder, {"MEDICI_UPLOAD_ATTEMPTS": "100000/minute", **settings})
    try:
        running.start(worker=worker)
        if people:
            running.create_people()
        yield running
        running.note_images()
        running.stop()
        assert running.remains() == {}
    finally:
        for process in [*running.workers, *([running.up] if running.up else [])]:
            if process.popen.poll() is None:
                process.kill()
        clear_away(running)


def clear_away(ended: Stack) -> None:
    """What a failed test left at the engine."""
    with ended.engine() as client:
        for name in ended.containers():
            with suppress(APIError):
                client.containers.get(name).remove(force=True)
        for name in ended.volumes():
            with suppress(APIError):
                client.volumes.get(name).remove()
    ended.forget()


@contextmanager
def engine(host: str | None = None) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=host, timeout=120) if host else docker.from_env(timeout=120)
    try:
        yield client
    finally:
        client.close()


def until(true: Callable[[], object], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.05) -> float:
    """Wait until `true()` is; returns the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"waited {within_s:g} s in vain until {what}"
        time.sleep(every_s)
    return time.monotonic() - began


def children_of(pid: int) -> list[int]:
    """Process ids of a process's own children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found
