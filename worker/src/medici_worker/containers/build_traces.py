"""What a build leaves at the engine: how much that is, and clearing away what led to no image."""

import contextlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from medici_worker.containers.engine import LABEL_BUILD, LABEL_WORKER

LOOKS, QUIET_LOOKS = 12, 3
LOOKS_EVERY_S = 0.5
DEAD_STEP_S = 3600.0
DEAD_IMAGE_S = 24 * 3600.0
"""No build takes so long."""

Layers = tuple[str, ...]


def made_by(api: docker.APIClient, mark: str) -> set[str]:
    """The ids of all images that builds with this mark have made, and that are still there."""
    return {one["Id"] for one in api.images(all=True, filters={"label": f"{LABEL_BUILD}={mark}"})} if mark else set()


class Growth:
    """How much a build has added to its base images, all stages together."""

    def __init__(self, api: docker.APIClient, bases: frozenset[str]) -> None:
        self._api = api
        self._bases = {_layers(found): int(found["Size"]) for found in map(self._inspected, bases) if found}
        self._known: dict[str, tuple[Layers, int]] = {}

    def of_images(self, image_ids: Iterable[str]) -> int:
        """Of several stages: each chain of layers counts once, where it is longest."""
        chains = dict(map(self._added, list(image_ids)))
        longest = [one for one in chains if not any(one != other and other[: len(one)] == one for other in chains)]
        return sum(chains[one] for one in longest)

    def _added(self, image_id: str) -> tuple[Layers, int]:
        if image_id not in self._known:
            found = self._inspected(image_id)
            layers = _layers(found) if found else ()
            fitting = [base for base in self._bases if base == layers[: len(base)]]
            below = self._bases[max(fitting, key=len)] if fitting else None
            added = max(int(found["Size"]) - below, 0) if found and below is not None else 0
            self._known[image_id] = (layers, added)
        return self._known[image_id]

    def _inspected(self, image_id: str) -> dict[str, Any] | None:
        try:
            return dict(self._api.inspect_image(image_id))  # type: ignore[no-untyped-call]
        except NotFound:
            return None


def file_limit(container: dict[str, Any]) -> int | None:
    """The largest file of a container: the steps of builds are known by it, since no other container has theirs."""
    limits = (container.get("HostConfig") or {}).get("Ulimits") or ()
    return next((limit["Hard"] for limit in limits if limit["Name"] == "fsize"), None)


def clear_unnamed(api: docker.APIClient, mark: str, *, cut_off: bool = False) -> None:
    """Remove what builds with this mark left that led to no image: this one, and those whose worker died.

    `cut_off`: the engine may still remove the last step's container, or make an image of it; it says nothing of that.
    """
    quiet = 0
    for look in range(LOOKS if cut_off else 1):
        time.sleep(LOOKS_EVERY_S if look else 0)
        with contextlib.suppress(DockerException, requests.RequestException, OSError):
            quiet = 0 if _clear_once(api, mark) else quiet + 1
        if quiet == QUIET_LOOKS:
            return


def _clear_once(api: docker.APIClient, mark: str) -> bool:
    """Whether there was anything."""
    left = _unnamed(api, f"{LABEL_BUILD}={mark}") if mark else []
    for image in left:
        _remove(api, image["Id"])
    return bool(left)


def clear_dead_images(api: docker.APIClient, *, now: float, idle: str | None) -> None:
    """What builds left that led to no image, whoever's they were: a day later, or when their worker starts anew."""
    for image in _unnamed(api, LABEL_BUILD):
        is_idle = idle is not None and image["Labels"][LABEL_BUILD].startswith(idle)
        if is_idle or now - image["Created"] >= DEAD_IMAGE_S:
            _remove(api, image["Id"])


def clear_dead_steps(api: docker.APIClient, *, now: float, file_bytes: int) -> int:
    """Containers of steps that ended, or were never started, long ago: their builder has died, and nobody commits them.

    The engine removes them itself where it lives on. Those that run are never touched.
    """
    removed = 0
    for one in api.containers(all=True, filters={"status": ["created", "exited", "dead"]}):
        if LABEL_WORKER in (one.get("Labels") or {}) or now - one["Created"] < DEAD_STEP_S:
            continue
        with contextlib.suppress(NotFound):
            found = api.inspect_container(one["Id"])
            if file_limit(found) == file_bytes and now - _ended_at(found, one["Created"]) >= DEAD_STEP_S:
                api.remove_container(one["Id"], v=True)
                removed += 1
    return removed


def _ended_at(container: dict[str, Any], created: float) -> float:
    """Seconds since 1970. A step may run for hours, and is committed when it has ended."""
    text = str((container.get("State") or {}).get("FinishedAt") or "")[:19]
    with contextlib.suppress(ValueError):
        return max(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp(), created)
    return created


def _unnamed(api: docker.APIClient, label: str) -> list[dict[str, Any]]:
    """Without a name, and nothing is built on them. With the last one go those below that have no name either.

    One that the engine makes while the image below it is removed has no parent, and is found all the same.
    """
    return list(api.images(filters={"label": label, "dangling": True}))


def _remove(api: docker.APIClient, image_id: str) -> None:
    """The engine keeps what a container runs or others are built on."""
    with contextlib.suppress(APIError):
        api.remove_image(image_id)


def _layers(image: dict[str, Any]) -> Layers:
    return tuple((image.get("RootFS") or {}).get("Layers") or ())
