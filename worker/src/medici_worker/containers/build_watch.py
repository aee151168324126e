"""What the classic builder can't be told: a limit on processes, room that is left on the disk, and to clear away."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from medici_worker.containers.engine import LABEL_WORKER, BuildOrder

LOOK_S = 0.25
CONFLICT = 409
MAX_ANCESTORS = 200


class BuildWatch:
    """While an image is built: limits the processes of each step's container, and stops all when the disk gets full."""

    def __init__(self, api: docker.APIClient, order: BuildOrder, stop: Callable[[], None]) -> None:
        self._api = api
        self._order = order
        self._stop = stop
        self._over = threading.Event()
        self._seen: set[str] = set()
        self._thread = threading.Thread(target=self._look, name="build-watch", daemon=True)
        self.disk_was_low = False

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(timeout=5)

    def _look(self) -> None:
        disk = self._order.disk
        while not self._over.wait(LOOK_S):
            if disk is not None and disk.is_low:
                self.disk_was_low = True
                self._stop()
                return
            try:
                self._limit_processes()
            except (DockerException, requests.RequestException, OSError):
                continue  # the container has ended already, or the engine has no such call

    def _limit_processes(self) -> None:
        """The steps' containers are known by the size of file that is allowed to builds alone."""
        for one in self._api.containers():
            if one["Id"] in self._seen or LABEL_WORKER in (one.get("Labels") or {}):
                continue
            self._seen.add(one["Id"])
            host = self._api.inspect_container(one["Id"])["HostConfig"]
            limits = {limit["Name"]: limit["Hard"] for limit in host.get("Ulimits") or ()}
            if limits.get("fsize") == self._order.file_bytes:
                self._update(one["Id"], {"PidsLimit": self._order.pids})

    def _update(self, container_id: str, values: dict[str, int]) -> None:
        raw: Any = self._api  # the SDK's own `update_container` knows no such limit
        response = raw._post_json(raw._url("/containers/{0}/update", container_id), data=values)  # noqa: SLF001
        raw._raise_for_status(response)  # noqa: SLF001 - see above


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


def _descends(api: docker.APIClient, image: dict[str, Any], bases: frozenset[str]) -> bool:
    for _ in range(MAX_ANCESTORS):
        parent = image.get("Parent")
        if not parent or parent in bases:
            return bool(parent)
        image = api.inspect_image(parent)  # type: ignore[no-untyped-call]
    return False
