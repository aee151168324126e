"""One run on its way: what it is, whom it tells, and what it has used."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from medici_worker.attempt import Attempt
from medici_worker.containers.bench import Bench
from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import (
    LABEL_ATTEMPT,
    LABEL_RUN,
    LABEL_UNTIL,
    LABEL_WORKER,
    ContainerPlan,
    EngineError,
    Exit,
    OnLog,
    Running,
)
from medici_worker.containers.profile import Profile, hardened
from medici_worker.host import RunHost
from medici_worker.logs import LogSender
from medici_worker.places import TASK_VARIABLE, TMP
from medici_worker.protocol import FileRef, Limits, RunSpec, ScoringGrant, Stage
from medici_worker.worksite import Worksite

KILL_GRACE_S = 30.0
OVERDUE_S = 600.0
"""Beyond its time limit: as long as a kill, a slow engine and clocks that differ may take."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended, and whether it had to be stopped at its time limit."""

    exit: Exit
    over_time: bool
    elapsed_s: float

    @property
    def went_wrong(self) -> bool:
        return self.over_time or self.exit.out_of_memory or self.exit.code != 0


@dataclass
class Progress:
    spec: RunSpec
    host: RunHost
    site: Worksite
    attempt: Attempt
    logs: LogSender
    bench: Bench
    folder: Path
    gpus: tuple[str, ...] = ()
    stage_seconds: dict[Stage, float] = field(default_factory=dict)
    image_digest: str | None = None
    scoring_image_digest: str | None = None
    exit_code: int | None = None
    base_images: tuple[str, ...] = ()
    build_index: str | None = None
    images: dict[str, str] = field(default_factory=dict)
    """Images that were used by name, and what the names stood for."""
    remarks: list[str] = field(default_factory=list)
    """What organizers should know of a run that ended well, a sentence each."""
    held_images: list[str] = field(default_factory=list)
    _fetched: dict[str, Path] = field(default_factory=dict)

    @contextmanager
    def stage(self, stage: Stage, log_bytes: int) -> Iterator[None]:
        """Count the stage's seconds and open its log; the platform is told by `enter`, where it matters."""
        self.attempt.go_on()
        self.logs.stage(stage, log_bytes)
        begun = time.monotonic()
        try:
            yield
        finally:
            self.stage_seconds[stage] = self.stage_seconds.get(stage, 0.0) + time.monotonic() - begun

    def enter(self, stage: Stage) -> ScoringGrant | None:
        return self.host.enter(stage)

    def on_log(self, stage: Stage) -> Callable[[bytes], None]:
        return lambda data: self.logs.write(stage, data)

    def fetch(self, file: FileRef) -> Path:
        """The archive on this machine, downloaded at most once per run."""
        if file.sha256 not in self._fetched:
            path = self.folder / f"{file.role}.zip"
            if not replace(self.site.disk, folder=self.folder).has_room_for(file.size_bytes):
                raise EngineError(
                    f"The {file.role} was not fetched: it takes {file.size_bytes} bytes, and hardly any room would be "
                    "left on the worker's disk."
                )
            self.host.fetch(file, path)
            self._fetched[file.sha256] = path
        return self._fetched[file.sha256]

    def volume(self, file: FileRef, fetch: Callable[[], Path] | None = None) -> AbstractContextManager[str]:
        """The file's contents at the engine, in a volume that stays as long as the context. `fetch`: another way to
        have its archive on this machine, when it is needed.
        """
        return self.site.datasets.volume(file.sha256, fetch or (lambda: self.fetch(file)), self.attempt.stop)

    def used(self, image: BuiltImage) -> None:
        """For the report; and while the run lasts, the image stays."""
        self.images.update(image.names)
        self.site.uses.hold(image.image_id)
        self.held_images.append(image.image_id)

    def labels(self, limits: Limits) -> dict[str, str]:
        """Of one container. One that outlives its limits is anybody's to remove: its worker has died for good."""
        until = time.time() + limits.time_s + OVERDUE_S
        return {
            LABEL_UNTIL: str(int(until)),
            LABEL_WORKER: self.site.worker,
            LABEL_RUN: str(self.spec.run_id),
            LABEL_ATTEMPT: str(self.spec.attempt),
        }

    def environment(self, places: Mapping[str, str] | None = None) -> dict[str, str]:
        """Of each container of this run, over what its image says: the task's name, and where things lie."""
        return {**(places or {}), TASK_VARIABLE: self.spec.task}

    def container_name(self, step: str) -> str:
        """The same for every try of the same step of the same attempt: a second one can't run beside it."""
        return f"medici-{self.site.worker}-{self.spec.run_id}-{self.spec.attempt}-{step}"

    def profile(self, user: str, limits: Limits, *, places: tuple[str, ...] = (), shares: bool = False) -> Profile:
        """What each container of this run may do: the same for participants' and organizers' programs.

        `places`: folders of its own in memory, as large as /tmp each. `shares`: it mounts the bench's shared folder.
        What lies there is the container's memory for the engine, and comes on top of the phase's.
        """
        extra_bytes = limits.tmp_bytes * len(places) + (self.bench.size.shared_bytes if shares else 0)
        profile = hardened(
            limits.model_copy(update={"memory_bytes": limits.memory_bytes + extra_bytes}),
            user=user,
            gpu_ids=self.gpus[: limits.gpus],
            engine_cpus=self.site.info.cpus,
            runtime=self.site.runtime,
        )
        tmpfs = profile.host["tmpfs"]
        tmpfs = {**tmpfs, **dict.fromkeys(places, tmpfs[TMP])}
        return replace(profile, host={**profile.host, "tmpfs": tmpfs})

    def run_container(self, plan: ContainerPlan, limits: Limits, stage: Stage) -> Ended:
        """Run to its end, or to its time limit, or to the end of this attempt. Raises `StartRefused`."""
        with self.started(plan, self.on_log(stage)) as running:
            return ended(running, plan.name, limits)

    @contextmanager
    def started(self, plan: ContainerPlan, on_log: OnLog) -> Iterator[Running]:
        """A container that is killed with this attempt, and removed afterwards. Raises `StartRefused`."""
        running = self.site.engine.start(plan, on_log)
        try:
            with self.attempt.watching(running):
                yield running
        finally:
            # In the background, and before the bench's volumes: a container in the way would keep them.
            self.site.benches.later(running.remove)


def ended(running: Running, name: str, limits: Limits) -> Ended:
    """Wait until it ends; at its time limit it is killed."""
    begun = time.monotonic()
    exit_ = running.wait(limits.time_s)
    over_time = exit_ is None
    if exit_ is None:
        running.kill()
        exit_ = running.wait(KILL_GRACE_S)
    if exit_ is None:
        raise EngineError(f"The container {name} was killed, but did not end.")
    return Ended(exit_, over_time, time.monotonic() - begun)


def scratch_folder(site: Worksite, spec: RunSpec) -> Path:
    """A folder on this machine for the archives of one run."""
    folder = site.scratch / f"{spec.run_id}-{spec.attempt}-{threading.get_ident()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
