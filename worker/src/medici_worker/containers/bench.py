"""The work bench of one run: places for outputs and for what its containers share, with a hard size, one for
predictions, one for scores.

The places for outputs live in memory, with a size that holds while strangers write; memory volumes vanish when nobody
has them mounted, so a small container of ours holds them until they have been read. Making one takes as long as a
container's start, so the next bench is made ready while nobody waits for it.
"""

import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from medici_worker.containers.engine import (
    LABEL_UNTIL,
    LABEL_WORKER,
    ContainerPlan,
    Engine,
    EngineError,
    Holder,
    Mount,
    Volume,
)
from medici_worker.containers.profile import OUTPUT_SLACK_BYTES, Profile
from medici_worker.protocol import Limits

OUTPUTS = "/bench/out"
PREDICTIONS = "/bench/res"
SCORES = "/bench/scores"
SHARED = "/bench/shared"
SPARE_INODES = 64
YIELD_S = 0.05
"""Before each background job: the run's own next steps, and its report, go first."""
LIFE_S = 24 * 3600.0
READY = 2
"""Benches kept ready: one for the next run, one for the run that follows before the first has been replaced."""


@dataclass(frozen=True, slots=True)
class BenchSize:
    output_bytes: int
    output_files: int
    score_bytes: int
    score_files: int
    shared_bytes: int

    @classmethod
    def of(cls, limits: Limits, scoring_limits: Limits) -> "BenchSize":
        return cls(
            limits.output_bytes,
            limits.output_files,
            scoring_limits.output_bytes,
            scoring_limits.output_files,
            limits.tmp_bytes,
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """Four volumes by name, and the container that holds them."""

    name: str
    size: BenchSize
    holder: Holder
    until: float
    """Seconds since 1970: after that, other workers of the engine take it for a dead one's."""

    @property
    def outputs(self) -> str:
        return f"{self.name}-out"

    @property
    def predictions(self) -> str:
        return f"{self.name}-res"

    @property
    def scores(self) -> str:
        return f"{self.name}-scores"

    @property
    def shared(self) -> str:
        """For two containers that run at the same time. One that runs alone has such a place of its own."""
        return f"{self.name}-shared"

    @property
    def volumes(self) -> tuple[str, ...]:
        return self.outputs, self.predictions, self.scores, self.shared


class BenchPool:
    """Hands out benches, keeps some ready of the size that was asked for last, and clears away in the background.

    `prewarm=False` makes each bench when it is asked for (`medici try` runs once).
    """

    def __init__(self, engine: Engine, *, image: str, profile: Profile, worker: str, prewarm: bool = True) -> None:
        self._engine = engine
        self._image = image
        self._profile = profile
        self._labels = {LABEL_WORKER: worker}
        self._prewarm = prewarm
        self._lock = threading.Lock()
        self._spare: list[Bench] = []
        self._names: set[str] = set()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._log = structlog.get_logger("medici.worker.bench")
        self._thread = threading.Thread(target=self._work, name="bench", daemon=True)
        self._thread.start()

    def take(self, size: BenchSize, *, for_s: float = 0.0) -> Bench:
        """One that lasts for so many seconds."""
        while (bench := self._take_spare(size, time.time() + for_s)) is not None:
            if bench.holder.holds():
                return bench
            self._remove_later([bench])  # the engine was restarted
        return self._make(size, max(LIFE_S, for_s))

    @property
    def names(self) -> frozenset[str]:
        """Of all benches that are being made, are there, or have yet to be removed."""
        with self._lock:
            return frozenset(self._names)

    def renew(self) -> None:
        """Spare benches that have waited long are replaced, before other workers take them for a dead one's."""
        soon = time.time() + LIFE_S / 2
        with self._lock:
            old = [bench for bench in self._spare if bench.until < soon]
            self._spare = [bench for bench in self._spare if bench not in old]
        self._remove_later(old)
        for bench in old:
            self.prepare(bench.size)

    def give_back(self, bench: Bench) -> None:
        """The run is over: what it left is removed, and the next bench made ready, in the background."""
        if self._prewarm:
            self.prepare(bench.size)
        self.later(lambda: self._remove(bench))

    def prepare(self, size: BenchSize) -> None:
        self.later(lambda: self._add_spare(size))

    def later(self, job: Callable[[], None]) -> None:
        """Do something in the background, in order; an error there is logged, fails no run and ends no later job.

        What then was not removed is found by the janitor (`remove_strays`).
        """
        self._jobs.put(job)

    def close(self) -> None:
        """Finish what is waiting, and remove the spare benches."""
        self._prewarm = False
        self._jobs.put(None)
        self._thread.join(timeout=60)
        for bench in self._spare:
            self._quietly(lambda bench=bench: self._remove(bench))  # type: ignore[misc]
        self._spare.clear()

    def _take_spare(self, size: BenchSize, needed_until: float) -> Bench | None:
        with self._lock:
            fitting = [bench for bench in self._spare if bench.size == size and bench.until >= needed_until]
            unfitting = [bench for bench in self._spare if bench not in fitting]
            self._spare = fitting[1:]
        self._remove_later(unfitting)
        return fitting[0] if fitting else None

    def _remove_later(self, benches: list[Bench]) -> None:
        for bench in benches:
            self.later(partial(self._remove, bench))

    def _make(self, size: BenchSize, life_s: float = LIFE_S) -> Bench:
        name = f"medici-bench-{uuid.uuid4().hex[:16]}"
        with self._lock:
            self._names.add(name)
        try:
            return self._made(name, size, life_s)
        except EngineError:
            with self._lock:
                self._names.discard(name)  # half of it may be there: the janitor takes what belongs to no bench
            raise

    def _made(self, name: str, size: BenchSize, life_s: float) -> Bench:
        until = time.time() + life_s
        labels = {**self._labels, LABEL_UNTIL: str(int(until))}
        mounts = []
        for volume, path in _volumes(name, size, labels):
            self._engine.create_volume(volume)
            mounts.append(Mount(volume.name, path, read_only=False))
        plan = ContainerPlan(
            name=name,
            image=self._image,
            profile=self._profile,
            mounts=tuple(mounts),
            command=("sleep", "infinity"),
            labels=labels,
        )
        return Bench(name, size, self._engine.hold(plan), until)

    def _add_spare(self, size: BenchSize) -> None:
        with self._lock:
            if not self._prewarm or sum(bench.size == size for bench in self._spare) >= READY:
                return
        bench = self._make(size)
        with self._lock:
            self._spare.append(bench)
            missing = len(self._spare) < READY
        if missing:
            self.later(lambda: self._add_spare(size))

    def _remove(self, bench: Bench) -> None:
        try:
            bench.holder.remove()
            for volume in bench.volumes:
                self._engine.remove_volume(volume)
        finally:
            with self._lock:
                self._names.discard(bench.name)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            time.sleep(YIELD_S)
            self._quietly(job)

    def _quietly(self, job: Callable[[], None]) -> None:
        try:
            job()
        except EngineError as error:
            self._log.warning("background_work_failed", error=str(error))
        except Exception:  # noqa: BLE001 - logged; this thread serves all runs of the worker
            self._log.exception("background_work_failed")


def _volumes(name: str, size: BenchSize, labels: Mapping[str, str]) -> list[tuple[Volume, str]]:
    out = size.output_bytes + OUTPUT_SLACK_BYTES
    scores = size.score_bytes + OUTPUT_SLACK_BYTES
    return [
        (Volume(f"{name}-out", labels, out, size.output_files + SPARE_INODES), OUTPUTS),
        (Volume(f"{name}-res", labels), PREDICTIONS),
        (Volume(f"{name}-scores", labels, scores, size.score_files + SPARE_INODES), SCORES),
        (Volume(f"{name}-shared", labels, size.shared_bytes, size.output_files + SPARE_INODES), SHARED),
    ]
