"""What a build leaves at the engine: how much that is, and clearing away what led to no image."""

import contextlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from medici_worker.containers.engine import LABEL_WORKER, BuildOrder

CONFLICT = 409
MAX_ANCESTORS = 200
DEAD_STEP_S = 3600.0
MAX_NAMED = 2_000
"""A step may print any number of them."""
_MADE = re.compile(r"^ ---> ([0-9a-f]{12,64})\n", re.MULTILINE)
_RUNNING = re.compile(r"^ ---> Running in ([0-9a-f]{12,64})\n", re.MULTILINE)

Layers = tuple[str, ...]


@dataclass
class Made:
    """Images and containers that a build's log names. A step may print such lines too: each is looked at before use."""

    images: dict[str, None] = field(default_factory=dict)
    running: tuple[str, ...] = ()
    """Of the last steps."""

    def read(self, text: str) -> None:
        for image_id in _MADE.findall(text):
            if len(self.images) < MAX_NAMED:
                self.images[image_id] = None
        self.running = (*self.running, *_RUNNING.findall(text))[-2:]


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


def clear_unnamed(api: docker.APIClient, made: Iterable[str], order: BuildOrder, *, tries: int = 1) -> None:
    """Remove what steps left that led to no image: nothing else would ever remove it.

    `made` comes from the build's log, in which a step may write any id: only images without a name that were built on
    this order's bases are removed, and the engine keeps those that something else is built on or runs.
    """
    left = list(dict.fromkeys(reversed(list(made))))
    for attempt in range(tries):
        if attempt:
            time.sleep(0.5)  # the container of a step that was cut off is being removed
        left = [image_id for image_id in left if _is_in_the_way(api, image_id, order)]
        if not left:
            return


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


def _is_in_the_way(api: docker.APIClient, image_id: str, order: BuildOrder) -> bool:
    """Try to remove it; whether another try may help."""
    try:
        found = api.inspect_image(image_id)  # type: ignore[no-untyped-call]
        if found.get("RepoTags") or found.get("RepoDigests") or not _descends(api, found, order.bases):
            return False
        api.remove_image(image_id)
    except NotFound:
        return False
    except APIError as error:
        return error.status_code == CONFLICT
    except (DockerException, requests.RequestException, OSError):
        return False
    return False


def _layers(image: dict[str, Any]) -> Layers:
    return tuple((image.get("RootFS") or {}).get("Layers") or ())


def _descends(api: docker.APIClient, image: dict[str, Any], bases: frozenset[str]) -> bool:
    for _ in range(MAX_ANCESTORS):
        parent = image.get("Parent")
        if not parent or parent in bases:
            return bool(parent)
        image = api.inspect_image(parent)  # type: ignore[no-untyped-call]
    return False
