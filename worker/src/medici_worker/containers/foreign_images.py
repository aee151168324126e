"""Images that were made elsewhere: loaded from an archive, or pulled by digest, for one submission.

Each gets a name of ours, `medici/run-image:<worker>-<when>-<what>`, unless it has one already: by it the worker finds
the image again, and the janitor removes it. Nobody builds on images with such names alone.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medici_worker.containers.archives import ArchiveUnusable
from medici_worker.containers.build_policy import RUN_IMAGE
from medici_worker.containers.disk import MUCH_BYTES, Disk
from medici_worker.containers.engine import (
    DiskNearlyFull,
    Engine,
    EngineError,
    Image,
    ImageBroken,
    ImageTooLarge,
    ImageUnavailable,
    OnLog,
    PullLimits,
)
from medici_worker.containers.finding import find_image, is_run_image, is_run_name
from medici_worker.containers.interrupt import Interrupt
from medici_worker.containers.saved_images import SavedImage, read_saved_image
from medici_worker.outcome import RunFailure
from medici_worker.protocol import BuildPolicy, FailureKind

GIB = 1024**3
_BY_DIGEST = re.compile(r"[A-Za-z0-9][\w./:-]*@sha256:[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"-([0-9a-f]{1,16})-[0-9a-f]{32}$")


@dataclass(frozen=True, slots=True)
class ForeignImages:
    """Those of one worker (`owner`) on its engine."""

    engine: Engine
    owner: str
    disk: Disk | None = None

    def loaded(
        self,
        sha256: str,
        fetch: Callable[[], Path],
        on_log: OnLog,
        stop: Interrupt | None = None,
        *,
        limit_bytes: int = BuildPolicy().image_bytes,
    ) -> Image:
        """The image of an archive with this content. Raises `RunFailure`: archive_rejected, image_refused."""
        if (known := self._known(sha256)) is not None:
            on_log(b"This image has been loaded before; it is used again.\n")
            return known
        saved = _read(fetch())
        self._refuse(saved.architecture, saved.size_bytes, limit_bytes)
        image = self.engine.image(saved.image_id)
        if image is None:
            self._require_room(saved)
            image = self._there(self._load(saved, stop))
            on_log(b"The image has been loaded.\n")
        return self._kept(image, sha256)

    def referenced(self, reference: str, policy: BuildPolicy, on_log: OnLog, stop: Interrupt | None = None) -> Image:
        """The image of a reference with a digest, pulled when it is not here. Raises `RunFailure`: image_refused."""
        if not _BY_DIGEST.fullmatch(reference):
            raise RunFailure(
                FailureKind.IMAGE_REFUSED, "The image has to be named with its digest: registry/name@sha256:…"
            )
        before = self.engine.image(reference)
        image = before or self._pulled(reference, policy, on_log, stop)
        if before is not None and is_run_image(before):
            raise RunFailure(FailureKind.IMAGE_REFUSED, "The image was built from a submission.")
        if before is None:
            image = self._kept(image, hashlib.sha256(reference.encode()).hexdigest(), pulled=True)
        self._refuse(image.architecture, image.size_bytes, policy.image_bytes)
        return image

    def _pulled(self, reference: str, policy: BuildPolicy, on_log: OnLog, stop: Interrupt | None) -> Image:
        free_bytes = self.disk.free_bytes if self.disk else 0
        try:
            limits = PullLimits(layer_bytes=policy.image_bytes, disk=self.disk)
            image = find_image(self.engine, reference, policy, stop, limits)
        except ImageTooLarge as error:
            raise _too_large(policy.image_bytes) from error
        except DiskNearlyFull as error:
            raise self._disk_filled(free_bytes) from error
        except ImageUnavailable as error:
            raise RunFailure(
                FailureKind.IMAGE_REFUSED,
                f"The image {reference} is not on the worker, and could not be fetched: check its name and digest, and "
                "that the worker may read it without signing in.",
                private_detail=str(error),
            ) from error
        on_log(b"The image has been fetched.\n")
        return image

    def _refuse(self, architecture: str, size_bytes: int, limit_bytes: int) -> None:
        here = self.engine.describe().architecture
        if architecture and here and architecture != here:
            raise RunFailure(
                FailureKind.IMAGE_REFUSED,
                f"The image was built for {architecture}, and workers are {here}: build it with "
                f"--platform linux/{here}.",
            )
        if size_bytes > limit_bytes:
            raise _too_large(limit_bytes)

    def _disk_filled(self, before_bytes: int) -> Exception:
        """The image's fault if it took much, else nobody's who can be named."""
        if self.disk is None or self.disk.taken_since(before_bytes) < MUCH_BYTES:
            return EngineError("The image was not fetched: hardly any room is left on the engine's disk.")
        return RunFailure(FailureKind.IMAGE_REFUSED, "The image was not fetched: it filled the worker's disk.")

    def _require_room(self, saved: SavedImage) -> None:
        disk = self.disk
        if disk is not None and not disk.has_room_for(saved.size_bytes):
            raise EngineError("The image was not loaded: hardly any room would be left on the engine's disk.")

    def _load(self, saved: SavedImage, stop: Interrupt | None) -> str:
        try:
            return self.engine.load(saved.chunks(), stop)
        except ImageBroken as error:
            raise RunFailure(
                FailureKind.ARCHIVE_REJECTED,
                "The container engine can't unpack the image: try `docker load` with it on a machine of yours.",
                private_detail=str(error),
            ) from error

    def _known(self, sha256: str) -> Image | None:
        found = self.engine.images_named(f"{RUN_IMAGE}:{owner_key(self.owner)}-*-{sha256[:32]}")
        return self.engine.image(found[0].image_id) if found else None

    def _kept(self, image: Image, sha256: str, *, pulled: bool = False) -> Image:
        """Named as ours, unless others have named it: then it is theirs to remove. A pulled one has its digest."""
        names = image.tags if pulled else (*image.tags, *image.digests)
        if all(map(is_run_name, names)):
            self.engine.tag(image.image_id, f"{RUN_IMAGE}:{owner_key(self.owner)}-{int(time.time()):x}-{sha256[:32]}")
        return image

    def _there(self, image_id: str) -> Image:
        image = self.engine.image(image_id)
        if image is None:
            raise EngineError(f"The image {image_id} was loaded, but the engine does not have it.")
        return image


def owner_key(owner: str) -> str:
    """A worker in the name of an image."""
    return hashlib.sha256(owner.encode()).hexdigest()[:12]


def named_at(name: str) -> datetime | None:
    """When one of the names above was given."""
    found = _NAME.search(name)
    return datetime.fromtimestamp(int(found[1], 16), tz=UTC) if found else None


def _too_large(limit_bytes: int) -> RunFailure:
    return RunFailure(FailureKind.IMAGE_REFUSED, f"The image is larger than {limit_bytes // GIB} GiB.")


def _read(archive: Path) -> SavedImage:
    try:
        return read_saved_image(archive)
    except ArchiveUnusable as error:
        raise RunFailure(FailureKind.ARCHIVE_REJECTED, str(error)) from error
