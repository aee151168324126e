"""One worker process: a worksite, its GPUs, its platform, and the runs that it has in hand."""

import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog
from tenacity import retry, retry_if_exception, wait_exponential_jitter

from medici_worker.attempt import Attempt
from medici_worker.client import ClaimRefused, PlatformClient
from medici_worker.containers.bench import BenchSize
from medici_worker.containers.disk import Disk, engine_folder
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import Engine, EngineError
from medici_worker.gpus import GpuLease, GpuPool, find_gpus
from medici_worker.hints import Overlooked, Taken
from medici_worker.host import HandedBack, HostRefuses, HostUnreachable, LeaseLost
from medici_worker.janitor import (
    RunAttempt,
    keep_within_budget,
    make_room,
    reap_orphans,
    remove_overdue,
    remove_strays,
)
from medici_worker.locks import FileLock
from medici_worker.machine import own_version
from medici_worker.protocol import Claim, ClaimRequest, Limits, WorkerHello, WorkerWelcome
from medici_worker.run import execute
from medici_worker.settings import WorkerSettings
from medici_worker.walls import require
from medici_worker.worksite import Worksite, open_worksite

DISK_LOOK_S = 5.0
"""How soon a full disk, and one that has room again, is noticed while nothing runs."""
PAUSE_S = 1.0
"""Between two looks for an engine that is away or for a free slot, and after a round that broke."""
IDLE_S = 5.0
"""Hints come at once: a worker that has been idle for this long, while runs wait, does not get its own."""
HAND_BACK_S = 30.0
"""How long handing back may take when the grace time is over."""

_log = structlog.get_logger("medici.worker")


class StateFolderTaken(Exception):
    """Another worker process uses this state folder; each needs its own."""


class WorkerProcess:
    """`take_run` is called with a hint's run id, from as many threads as there are slots."""

    def __init__(
        self, settings: WorkerSettings, *, engine: Engine, client: PlatformClient, gpus: GpuPool, site: Worksite
    ) -> None:
        self.settings = settings
        self._engine = engine
        self._client = client
        self._gpus = gpus
        self._site = site
        self._claiming = threading.Lock()
        self._attempts: set[Attempt] = set()
        self._is_low_on_disk = False
        self._in_hand: set[RunAttempt] = set()
        self._is_engine_away = False
        self._news = threading.Event()
        """Something that the platform should hear before the next minute is over."""
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(settings.slots)
        self._overlooked = Overlooked(self.take_run, self._look_again)
        self._grace: threading.Timer | None = None
        self._idle_since = time.monotonic()

    @property
    def name(self) -> str:
        return self._site.worker

    @property
    def has_gpus(self) -> bool:
        return bool(self._gpus.gpus)

    def take_run(self, run_id: int) -> Taken:
        """Claim and execute."""
        if not self._await_slot():
            return Taken.NOT_TRIED
        try:
            if not self._await_engine():
                return Taken.NOT_TRIED
            return self._claim_and_execute(run_id)
        finally:
            self._slots.release()

    def _claim_and_execute(self, run_id: int) -> Taken:
        with structlog.contextvars.bound_contextvars(run_id=run_id):
            claimed = self._claim(run_id) if self.has_room() else None
            if claimed is None:
                return Taken.NOT_HAD
            claim, lease = claimed
            try:
                self._execute(claim, lease)
            finally:
                lease.free()
            return Taken.EXECUTED

    def hello(self) -> WorkerWelcome:
        self.has_room()
        self._news.clear()
        info = self._site.info
        return self._client.hello(
            WorkerHello(
                version=own_version(),
                hostname=socket.gethostname(),
                slots=self.settings.slots,
                gpus=tuple(gpu.model for gpu in self._gpus.gpus),
                is_low_on_disk=self._is_low_on_disk,
                engine={
                    "product": info.product,
                    "version": info.version,
                    "runtime": self._site.runtime or info.runtime,
                    "architecture": info.architecture,
                    "kernel": info.kernel,
                },
                is_engine_away=self._is_engine_away,
            )
        )

    def prewarm(self) -> None:
        """Make the first bench ready, of the usual size."""
        self._site.benches.prepare(BenchSize.of(Limits(), Limits()))

    def keep_in_touch(self) -> None:
        """Tell what this worker has, every minute or so and when it changes; clear away when there is time.

        Nothing that breaks a round ends this: a worker that is silent is taken for a lost one.
        """
        while not self._stopping.is_set():
            try:
                self._await_news()
                if not self._stopping.is_set():
                    self._greet_again()
                    self.clean()
            except Exception:  # noqa: BLE001 - logged, see above
                _log.exception("round_failed")
                self._stopping.wait(PAUSE_S)

    def _greet_again(self) -> None:
        try:
            self._take_overlooked(self.hello().overlooked)
        except (HostUnreachable, LeaseLost) as error:
            _log.warning("hello_failed", error=str(error))

    def _take_overlooked(self, runs: Sequence[int]) -> None:
        """Whatever has become of the broker, or of our connection to it, an idle worker that could run finds work."""
        is_idle = not self._in_hand and time.monotonic() - self._idle_since >= IDLE_S
        if runs and is_idle and not self._is_low_on_disk and not self._is_engine_away:
            self._overlooked.begin(runs)

    def _look_again(self) -> Sequence[int]:
        try:
            return self.hello().overlooked
        except (HostUnreachable, LeaseLost):
            return ()

    def _await_news(self) -> None:
        """Until something has changed, or a minute is over."""
        until = time.monotonic() + self.settings.hello_s
        while not self._stopping.is_set() and (left_s := until - time.monotonic()) > 0:
            if self._news.wait(min(left_s, DISK_LOOK_S)):
                return
            self.has_room()
            self._engine_answers()

    def clean(self) -> None:
        self._remove_strays()
        keep_within_budget(
            self._site,
            data_budget_bytes=self.settings.data_budget_bytes,
            image_budget=self.settings.image_budget,
            image_budget_bytes=self.settings.image_budget_bytes,
        )

    def stop(self) -> None:
        """Claim nothing more; after the grace time, give back what still runs."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._news.set()
        self._grace = threading.Timer(self.settings.grace_s, self.hand_back)
        self._grace.daemon = True
        self._grace.start()

    def hand_back(self) -> None:
        self._client.hurry()
        for attempt in list(self._attempts):
            attempt.end(HandedBack("The worker is shutting down."))

    def close(self) -> None:
        self.stop()
        self._overlooked.join(self.settings.grace_s + HAND_BACK_S)  # Celery waits for what hints have begun, no more
        if self._grace is not None:
            self._grace.cancel()
        self._site.close()
        self._client.close()
        self._engine.close()

    def _await_slot(self) -> bool:
        """False when this worker shuts down."""
        while not self._stopping.is_set():
            if self._slots.acquire(timeout=PAUSE_S):
                return True
        return False

    def _await_engine(self) -> bool:
        """Wait while the engine is away: what is claimed then would fail. False when this worker shuts down."""
        while not self._stopping.is_set():
            if self._engine_answers():
                return True
            self._stopping.wait(PAUSE_S)
        return False

    def _engine_answers(self) -> bool:
        try:
            self._engine.ping()
        except EngineError as error:
            if not self._is_engine_away:
                self._is_engine_away = True
                self._news.set()
                _log.error("engine_away", error=str(error), advice="No run is claimed until the engine answers.")
            return False
        if self._is_engine_away:
            self._is_engine_away = False
            self._news.set()
            _log.info("engine_back")
            self._remove_strays()
        return True

    def _remove_strays(self) -> None:
        try:
            removed = remove_strays(self._site, lambda: list(self._in_hand))
        except EngineError as error:
            _log.warning("strays_not_removed", error=str(error))
            return
        if removed:
            _log.warning("strays_removed", containers=removed)

    def has_room(self) -> bool:
        """On the engine's disk. Whoever waits for a run, and the administrators, are told at once when that changes."""
        disk = self._site.disk
        if disk.is_low:
            make_room(self._site)
        is_low = disk.is_low
        if is_low is self._is_low_on_disk:
            return not is_low
        self._is_low_on_disk = is_low
        self._news.set()
        numbers = {"free_bytes": disk.free_bytes, "reserve_bytes": disk.reserve_bytes, "folder": str(disk.folder)}
        if is_low:
            advice = "No run is claimed: free some room, or set MEDICI_WORKER_DISK_RESERVE_BYTES."
            _log.error("disk_nearly_full", advice=advice, **numbers)
        else:
            _log.info("disk_has_room", **numbers)
        return not is_low

    def _claim(self, run_id: int) -> tuple[Claim, GpuLease] | None:
        """GPUs are leased before the claim, so that no two runs are promised the same one."""
        with self._claiming:
            lease = self._gpus.lease_up_to(len(self._gpus.gpus))
            try:
                claim = self._client.claim(ClaimRequest(run_id=run_id, free_gpus=len(lease.ids)))
            except (ClaimRefused, HostUnreachable, LeaseLost) as refusal:
                lease.free()
                _log.info("not_claimed", reason=str(refusal))
                return None
            except BaseException:
                lease.free()
                raise
            spec = claim.spec
            self._gpus.keep(lease, max(spec.limits.gpus, spec.scoring_limits.gpus))
            return claim, lease

    def _execute(self, claim: Claim, lease: GpuLease) -> None:
        attempt = Attempt()
        label = (str(claim.spec.run_id), str(claim.spec.attempt))
        self._in_hand.add(label)
        self._attempts.add(attempt)
        try:
            report = execute(
                claim.spec,
                self._client.attempt(claim, attempt.stop),
                self._site,
                gpus=lease.ids,
                heartbeat_s=claim.heartbeat_s,
                attempt=attempt,
            )
        except LeaseLost as lost:
            _log.info("attempt_over", reason=str(lost))
        except HandedBack:
            _log.info("handed_back")
        except HostUnreachable as error:
            _log.error("report_not_delivered", error=str(error))
        else:
            _log.info("run_ended", failure=report.failure, attempt=claim.spec.attempt)
        finally:
            self._in_hand.discard(label)
            self._idle_since = time.monotonic()
            self._attempts.discard(attempt)


@contextmanager
def worker_process(settings: WorkerSettings) -> Iterator[WorkerProcess]:
    """A worker that has cleared away what its earlier life left. Raises `StateFolderTaken`, `EngineError`."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.state_dir / "worker.lock")
    if not lock.try_take():
        raise StateFolderTaken(
            f"Another worker uses {settings.state_dir}; set MEDICI_WORKER_STATE_DIR to a folder of its own."
        )
    try:
        process = _opened(settings)
        try:
            yield process
        finally:
            process.close()
    finally:
        lock.free()


@retry(
    retry=retry_if_exception(lambda error: isinstance(error, HostUnreachable) and not isinstance(error, HostRefuses)),
    wait=wait_exponential_jitter(multiplier=0.5, max=10),
    before_sleep=lambda state: _log.warning(
        "platform_silent", error=str(state.outcome.exception() if state.outcome else "")
    ),
)
def greet(process: WorkerProcess) -> WorkerWelcome:
    """Say hello until the platform answers: worker and platform may start in any order. Raises `HostRefuses`."""
    return process.hello()


def stable_id(state_folder: Path) -> str:
    """The same for a state folder of this host, also when it has been emptied: by it, containers and images of an
    earlier life are found. Kept in the folder, because a container's host name changes.
    """
    path = state_folder / "worker-id"
    if not path.exists():
        path.write_text(uuid.uuid5(uuid.NAMESPACE_URL, f"{socket.gethostname()}{state_folder.resolve()}").hex[:12])
    return path.read_text().strip()


def _opened(settings: WorkerSettings) -> WorkerProcess:
    engine = DockerEngine(settings.docker_host)
    require(engine.describe(), settings.require, settings.runtime)
    worker = stable_id(settings.state_dir)
    reaped = reap_orphans(engine, worker, settings.state_dir)
    if reaped:
        _log.warning("orphans_removed", containers=reaped)
    if overdue := remove_overdue(engine, now=time.time()):
        _log.warning("overdue_removed", containers=overdue)
    gpus = find_gpus(settings.gpus)
    site = open_worksite(
        engine,
        settings.state_dir,
        worker=worker,
        lock_folder=settings.lock_dir,
        holder_image=settings.holder_image,
        runtime=settings.runtime,
        indexes=settings.indexes,
        disk=Disk(
            settings.disk_dir or engine_folder(engine.describe().root, settings.state_dir),
            settings.disk_reserve_bytes,
        ),
        gpu_models={gpu.uuid: gpu.model for gpu in gpus},
    )
    return WorkerProcess(
        settings,
        engine=engine,
        client=PlatformClient(settings.url, settings.credential.get_secret_value()),
        gpus=GpuPool(gpus, settings.lock_dir),
        site=site,
    )
