"""Clearing away: what a dead worker left, and what has not been used for long."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import structlog

from medici_worker.containers.build_policy import RUN_IMAGE
from medici_worker.containers.engine import LABEL_WORKER, Engine, EngineError
from medici_worker.containers.finding import IMAGE_LABEL, is_run_name
from medici_worker.containers.foreign_images import named_at, owner_key
from medici_worker.worksite import Worksite

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
    for folder in state_folder.glob("run-*"):
        shutil.rmtree(folder, ignore_errors=True)
    return len(containers)


def keep_within_budget(site: Worksite, *, data_budget_bytes: int, image_budget: int) -> None:
    """Datasets by size, images by number, programs by age. An engine's error here stops no run."""
    try:
        removed = site.datasets.clean(data_budget_bytes)
        old = images_over(site.engine, site.worker, image_budget)
        for reference in old:
            site.engine.remove_image(reference)
        site.programs.clean(UNUSED_PROGRAM_S)
    except EngineError as error:
        _log.warning("cleaning_failed", error=str(error))
        return
    if removed or old:
        _log.info("cleaned", datasets=len(removed), images=len(old))


def make_room(site: Worksite) -> None:
    """Remove images that this worker built, the oldest first, until the disk has its reserve again."""
    try:
        for reference in reversed(images_over(site.engine, site.worker, 0)):
            if not site.disk.is_low:
                return
            site.engine.remove_image(reference)
    except EngineError as error:
        _log.warning("cleaning_failed", error=str(error))


def images_over(engine: Engine, worker: str, image_budget: int) -> list[str]:
    """References of the oldest images that this worker built, loaded or fetched for submissions, above the budget."""
    built = [
        (image.created_at or _LONG_AGO, image.tags[0] if image.tags else image.image_id)
        for image in engine.images(f"{IMAGE_LABEL}={worker}")
    ]
    foreign = [
        (named_at(tag) or _LONG_AGO, tag)
        for image in engine.images_named(f"{RUN_IMAGE}:{owner_key(worker)}-*")
        for tag in image.tags
    ]
    newest_first = sorted({name: at for at, name in built + foreign}.items(), key=lambda one: one[1], reverse=True)
    return [name for over, _ in newest_first[image_budget:] for name in (*_digests_of(engine, over), over)]


def _digests_of(engine: Engine, name: str) -> tuple[str, ...]:
    """The registry's names of an image that was fetched for a submission alone: they would keep it on the disk."""
    image = engine.image(name) if named_at(name) else None
    if image is None or not all(map(is_run_name, image.tags)):
        return ()
    return image.digests
