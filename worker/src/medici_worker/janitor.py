"""Clearing away: what a dead worker left, and what has not been used for long."""

import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from medici_worker.containers.build_marks import beginning
from medici_worker.containers.build_policy import RUN_IMAGE
from medici_worker.containers.datasets import FILLS
from medici_worker.containers.engine import (
    LABEL_ATTEMPT,
    LABEL_RUN,
    LABEL_UNTIL,
    LABEL_WORKER,
    Engine,
    EngineError,
    Found,
    Image,
)
from medici_worker.containers.finding import IMAGE_LABEL, is_run_name
from medici_worker.containers.foreign_images import named_at, owner_key
from medici_worker.containers.image_uses import ImageUses
from medici_worker.worksite import Worksite

RunAttempt = tuple[str, str]
"""Run and attempt, as containers' labels write them."""
UNUSED_PROGRAM_S = 14 * 24 * 3600
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

_log = structlog.get_logger("medici.worker.janitor")


def reap_orphans(engine: Engine, worker: str, state_folder: Path) -> int:
    """Remove every container and volume of this worker's, from an earlier life; returns how many containers.

    Called at start, when this worker runs nothing. Those of other workers on the same engine carry other labels.
    """
    labels = {LABEL_WORKER: worker}
    containers = engine.containers(labels)
    for container in containers:
        engine.remove_container(container.name)
    for volume in engine.volumes(labels=labels):
        engine.remove_volume(volume.name)
    engine.clear_builds(now=time.time(), idle=beginning(worker))
    for folder in state_folder.glob("run-*"):
        shutil.rmtree(folder, ignore_errors=True)
    return len(containers)


def remove_overdue(engine: Engine, *, now: float) -> int:
    """Remove containers and volumes that have outlived their limits, whosever they are; returns how many containers.

    A worker that died for good removes nothing any more. `now` in seconds since 1970.
    """
    overdue = [one for one in engine.containers({LABEL_UNTIL: ""}) if _is_over(one.labels, now)]
    for container in overdue:
        engine.remove_container(container.name)
    for volume in engine.volumes(labels={LABEL_UNTIL: ""}):
        if _is_over(volume.labels, now):
            engine.remove_volume(volume.name)
    return len(overdue)


def remove_strays(site: Worksite, in_hand: Callable[[], Collection[RunAttempt]]) -> int:
    """Remove this worker's containers and volumes that nothing of its has in hand; returns how many containers.

    They stay when the engine was away as they should have been removed. `in_hand` is asked after the engine, so that
    what was begun meanwhile is not in question. Raises `EngineError`.
    """
    labels = {LABEL_WORKER: site.worker}
    containers, volumes = site.engine.containers(labels), site.engine.volumes(labels=labels)
    runs, kept = in_hand(), site.benches.names | site.door.names
    strays = [one.name for one in containers if not _belongs_to(one.name, kept) and not _is_in_hand(one, runs)]
    for name in strays:
        site.engine.remove_container(name)
    for volume in volumes:
        if not _belongs_to(volume.name, kept):
            site.engine.remove_volume(volume.name)
    return len(strays)


def _belongs_to(name: str, kept: Collection[str]) -> bool:
    """To a bench, or to the door of a build: its parts have its name, and an ending."""
    return name in kept or name.rpartition("-")[0] in kept


def _is_in_hand(container: Found, runs: Collection[RunAttempt]) -> bool:
    """One that fills a data set does so for some run, whose number it does not carry."""
    run = container.labels.get(LABEL_RUN), container.labels.get(LABEL_ATTEMPT)
    return run in runs or (bool(runs) and container.name.startswith(FILLS))


def keep_within_budget(site: Worksite, *, data_budget_bytes: int, image_budget: int, image_budget_bytes: int) -> None:
    """Datasets by size, images by number and size, programs by age. An engine's error here stops no run."""
    try:
        overdue = remove_overdue(site.engine, now=time.time()) + site.engine.clear_builds(now=time.time())
        removed = site.datasets.clean(data_budget_bytes)
        old = images_over(site.engine, site.worker, image_budget, budget_bytes=image_budget_bytes, uses=site.uses)
        for reference in old:
            site.engine.remove_image(reference)
        site.uses.forget_unless(lambda image_id: site.engine.image(image_id) is not None)
        site.programs.clean(UNUSED_PROGRAM_S)
        site.builder.notes.clean(UNUSED_PROGRAM_S)
        site.benches.renew()
    except EngineError as error:
        _log.warning("cleaning_failed", error=str(error))
        return
    if removed or old or overdue:
        _log.info("cleaned", datasets=len(removed), images=len(old), overdue_containers=overdue)


def make_room(site: Worksite) -> None:
    """Remove what dead builds left, and images that this worker built, the longest unused first, until the disk has its
    reserve again.
    """
    try:
        site.engine.clear_builds(now=time.time())
        for reference in reversed(images_over(site.engine, site.worker, 0, uses=site.uses)):
            if not site.disk.is_low:
                return
            site.engine.remove_image(reference)
    except EngineError as error:
        _log.warning("cleaning_failed", error=str(error))


@dataclass(frozen=True)
class _Kept:
    """An image that is here for a submission: by which name it goes, since when nobody used it, what it takes."""

    name: str
    used_at: datetime
    added_bytes: int
    is_held: bool


def images_over(
    engine: Engine, worker: str, image_budget: int, *, budget_bytes: int | None = None, uses: ImageUses | None = None
) -> list[str]:
    """References of the longest unused images that this worker built, loaded or fetched for submissions, above the
    budgets of number and size. Those that a run needs now stay, and so do images that were nobody's submission.
    """
    built = [
        _kept(image, image.tags[0] if image.tags else image.image_id, image.created_at, uses)
        for image in engine.images(f"{IMAGE_LABEL}={worker}")
    ]
    foreign = [
        _kept(image, tag, named_at(tag), uses)
        for image in engine.images_named(f"{RUN_IMAGE}:{owner_key(worker)}-*")
        for tag in image.tags
    ]
    latest_first = sorted(
        {one.name: one for one in built + foreign}.values(), key=lambda one: one.used_at, reverse=True
    )
    over: list[str] = []
    total_bytes = 0
    for number, one in enumerate(latest_first):
        total_bytes += one.added_bytes
        is_over = number >= image_budget or (budget_bytes is not None and total_bytes > budget_bytes)
        if is_over and not one.is_held:
            over += [*_digests_of(engine, one.name), one.name]
    return over


def _kept(image: Image, name: str, since: datetime | None, uses: ImageUses | None) -> _Kept:
    used_at = uses.last_used(image.image_id) if uses else None
    added_bytes = uses.added_bytes(image.image_id) if uses else None
    return _Kept(
        name,
        used_at or since or _LONG_AGO,
        image.size_bytes if added_bytes is None else added_bytes,
        uses is not None and uses.is_held(image.image_id),
    )


def _is_over(labels: Mapping[str, str], now: float) -> bool:
    until = labels.get(LABEL_UNTIL, "")
    return until.isdigit() and int(until) < now


def _digests_of(engine: Engine, name: str) -> tuple[str, ...]:
    """The registry's names of an image that was fetched for a submission alone: they would keep it on the disk."""
    image = engine.image(name) if named_at(name) else None
    if image is None or not all(map(is_run_name, image.tags)):
        return ()
    return image.digests
