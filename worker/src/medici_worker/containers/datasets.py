"""Datasets and programs at the engine: one read-only volume per sha256, filled once, used by every run.

Each filling has a volume of its own, and counts when a second, empty one (`medici-done-…`) names it: that is made after
the last byte. So what is half-filled is never used, nor in anybody's way, whether its filler is dead or a worker that
shares no locks with this one. Of two that were filled at the same time, the first that is done counts.

A volume that is gone when a container is made is replaced by an empty one, without a word from the engine: whoever used
it looks once more afterwards, and no verdict comes of empty data.
"""

import contextlib
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from medici_worker.containers.archives import tar_of_zip, uncompressed_bytes
from medici_worker.containers.disk import Disk
from medici_worker.containers.engine import (
    LABEL_UNTIL,
    LABEL_WORKER,
    ContainerPlan,
    Engine,
    EngineError,
    Mount,
    Volume,
)
from medici_worker.containers.interrupt import Interrupt
from medici_worker.containers.profile import Profile
from medici_worker.locks import FileLock

LABEL_FILLING = "medici.filling"
LABEL_BYTES = "medici.bytes"
VOLUMES = "medici-d"
PREFIX = "medici-data-"
DONE_PREFIX = "medici-done-"
OURS = re.compile("medici-(data-[0-9a-f]{64}(-[0-9a-f]{12})?|done-[0-9a-f]{64})")
"""Without a filling: those of earlier versions, which are never used."""
TRIES = 3
LOCK_LOOK_S = 0.1
FILL_S = 6 * 3600
"""Nobody fills a volume for longer."""
FILLS = "medici-fill-"
"""What names of the containers that fill volumes begin with."""


class Datasets:
    """`state_folder` remembers when each was last used; `lock_folder` is shared by the workers of a machine."""

    def __init__(
        self,
        engine: Engine,
        state_folder: Path,
        lock_folder: Path,
        *,
        holder_image: str,
        profile: Profile,
        worker: str,
        disk: Disk | None = None,
    ) -> None:
        self._engine = engine
        self._disk = disk
        self._used = state_folder
        self._locks = lock_folder
        self._image = holder_image
        self._profile = profile
        self._worker = worker
        self._used.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def volume(self, sha256: str, fetch: Callable[[], Path], stop: Interrupt | None = None) -> Iterator[str]:
        """The name of a filled volume, which stays as long as the context. `fetch` is called when it must be filled.

        Raises `Interrupted` when `stop` is set while it is filled, here or by somebody else; `EngineError` when it
        can't be filled, and at the end when it has been taken away meanwhile.
        """
        stop = stop or Interrupt()
        with _taken(self._lock(sha256), stop, shared=True):
            name = self._whole(sha256) or self._filled(sha256, fetch, stop)
            self._touch(sha256)
            try:
                yield name
            finally:
                self._require_filled(name)

    def _filled(self, sha256: str, fetch: Callable[[], Path], stop: Interrupt) -> str:
        """The name of its volume, filled here or by whom we have waited for."""
        for _ in range(TRIES):
            with _taken(self._filling_lock(sha256), stop):
                if self._whole(sha256) is None:
                    self._fill(sha256, fetch(), stop)
            if (name := self._whole(sha256)) is not None:
                return name
        raise EngineError(f"The data {sha256} were laid out {TRIES} times, and were gone again each time.")

    def _require_filled(self, name: str) -> None:
        """The lock keeps it from workers that share its folder; not from an operator, nor from other workers."""
        if not any(LABEL_FILLING in volume.labels for volume in self._volumes(name)):
            raise EngineError(
                f"The volume {name} was removed at the engine while a run used it, as 'docker volume prune --all' may "
                "do: its containers may have seen no data."
            )

    def clean(self, budget_bytes: int) -> list[str]:
        """Remove half-filled volumes, and the longest unused until the rest fits the budget. Those in use stay."""
        self._remove_remains()
        filled = self._bytes()
        total = sum(filled.values())
        removed: list[str] = []
        for sha256 in sorted(filled, key=self._last_used):
            if total <= budget_bytes:
                break
            if self.remove(sha256):
                total -= filled[sha256]
                removed.append(sha256)
        return removed

    def _remove_remains(self) -> None:
        """Of whoever died as they filled it, and of what an operator removed half. A living filler holds the lock."""
        for sha256 in {_sha256_of(volume) for volume in self._volumes()}:
            lock = self._filling_lock(sha256)
            if lock.try_take():
                try:
                    self._keep_whole_only(sha256)
                finally:
                    lock.free()

    def _keep_whole_only(self, sha256: str) -> None:
        whole = self._whole(sha256)
        kept = set() if whole is None else {whole, DONE_PREFIX + sha256}
        for volume in self._volumes(sha256):
            if volume.name not in kept:
                with contextlib.suppress(EngineError):  # it stands in nobody's way
                    self._engine.remove_volume(volume.name)

    def _whole(self, sha256: str) -> str | None:
        """The name of the volume that holds all of it; None: there is none."""
        found = {volume.name: volume.labels.get(LABEL_FILLING) for volume in self._volumes(sha256)}
        filling = found.get(DONE_PREFIX + sha256)
        name = f"{PREFIX}{sha256}-{filling}"
        return name if filling is not None and found.get(name) == filling else None

    def _volumes(self, name_contains: str = VOLUMES) -> list[Volume]:
        """Ours alone: an engine finds whatever has these words in its name."""
        found = self._engine.volumes(name_contains=name_contains)
        return [volume for volume in found if OURS.fullmatch(volume.name)]

    def _fill(self, sha256: str, archive: Path, stop: Interrupt) -> None:
        size_bytes = uncompressed_bytes(archive)
        self._require_room(size_bytes, but=sha256)
        filling = uuid.uuid4().hex[:12]
        name = f"{PREFIX}{sha256}-{filling}"
        labels = {LABEL_FILLING: filling, LABEL_BYTES: str(size_bytes)}
        try:
            self._engine.create_volume(Volume(name, labels))
            self._lay_out(archive, name, stop)
            if self._whole(sha256) is None and not self._engine.remove_volume(DONE_PREFIX + sha256):
                raise EngineError(f"The volume {DONE_PREFIX}{sha256} could not be replaced: a container uses it.")
            self._engine.create_volume(Volume(DONE_PREFIX + sha256, labels))
        finally:
            self._keep_whole_only(sha256)

    def _lay_out(self, archive: Path, name: str, stop: Interrupt) -> None:
        holder = self._engine.hold(self._plan(name))
        try:
            holder.put("/data", stop.passing(tar_of_zip(archive)))
        finally:
            holder.remove()

    def _require_room(self, size_bytes: int, *, but: str) -> None:
        """Make it out of what nobody uses now, the longest unused first. Raises `EngineError`."""
        disk = self._disk
        if disk is None:
            return
        for sha256 in sorted(self._bytes(), key=self._last_used):
            if disk.has_room_for(size_bytes):
                return
            if sha256 != but:
                self.remove(sha256)
        if not disk.has_room_for(size_bytes):
            raise EngineError(
                f"The data were not laid out: they take {size_bytes} bytes, and hardly any room would be left on the "
                "engine's disk."
            )

    def _bytes(self) -> dict[str, int]:
        """sha256 → bytes, of all that are here."""
        return {
            _sha256_of(volume): int(volume.labels.get(LABEL_BYTES, "0"))
            for volume in self._volumes()
            if volume.name.startswith(DONE_PREFIX)
        }

    def _plan(self, volume: str) -> ContainerPlan:
        return ContainerPlan(
            name=volume.replace(PREFIX, FILLS),
            image=self._image,
            profile=self._profile,
            mounts=(Mount(volume, "/data", read_only=False),),
            command=("sleep", "infinity"),
            labels={LABEL_WORKER: self._worker, LABEL_UNTIL: str(int(time.time() + FILL_S))},
        )

    def remove(self, sha256: str) -> bool:
        """False when it is in use."""
        lock = self._lock(sha256)
        if not lock.try_take():
            return False
        try:
            return self._removed(sha256)
        finally:
            lock.free()

    def _removed(self, sha256: str) -> bool:
        """The mark goes first: an engine that dies in the middle leaves nothing that passes for whole."""
        whole = self._whole(sha256)
        if not self._engine.remove_volume(DONE_PREFIX + sha256):
            return False
        kept = [volume for volume in self._volumes(sha256) if not self._engine.remove_volume(volume.name)]
        used = [volume for volume in kept if volume.name == whole]  # by a worker that shares no locks with us
        for volume in used:
            self._engine.create_volume(Volume(DONE_PREFIX + sha256, volume.labels))
        return not used

    def _lock(self, sha256: str) -> FileLock:
        """Shared by those that use or fill it; whoever removes it needs it alone."""
        return FileLock(self._locks / f"data-{sha256}.lock")

    def _filling_lock(self, sha256: str) -> FileLock:
        return FileLock(self._locks / f"fill-{sha256}.lock")

    def _touch(self, sha256: str) -> None:
        path = self._used / sha256
        path.touch()
        os.utime(path)

    def _last_used(self, sha256: str) -> float:
        try:
            return (self._used / sha256).stat().st_mtime
        except FileNotFoundError:
            return 0.0


def _sha256_of(volume: Volume) -> str:
    return volume.name[len(PREFIX) :][:64]


@contextlib.contextmanager
def _taken(lock: FileLock, stop: Interrupt, *, shared: bool = False) -> Iterator[None]:
    """Wait for it, as long as the work is wanted."""
    while not lock.try_take(shared=shared):
        stop.event.wait(LOCK_LOOK_S)
        stop.check()
    try:
        yield
    finally:
        lock.free()
