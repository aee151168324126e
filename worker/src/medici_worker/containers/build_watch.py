"""What the classic builder can't be told: limits on processes, on what it adds, and on what it leaves of the disk."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import docker
import requests
from docker.errors import DockerException

from medici_worker.containers.build_traces import Growth, file_limit, made_by
from medici_worker.containers.engine import LABEL_BUILD, BuildOrder

LOOK_S = 0.25
MEASURE_S = 0.5


class BuildWatch:
    """While an image is built: limits the processes of each step's container, and stops all when the disk gets full or
    the image larger than it may be. It knows its steps and images by the build's mark, and reads no log: a step prints
    what it likes.
    """

    def __init__(self, api: docker.APIClient, order: BuildOrder, stop: Callable[[], None]) -> None:
        self._api = api
        self._order = order
        self._stop = stop
        self._label = f"{LABEL_BUILD}={order.mark}"
        self._before = made_by(api, order.mark)
        self._over = threading.Event()
        self._steps: set[str] = set()
        self._limited: set[str] = set()
        """Containers that are no steps, and steps that have their limit."""
        self._growth = Growth(api, order.bases)
        self._measure_at = 0.0
        self._thread = threading.Thread(target=self._look, name="build-watch", daemon=True)
        self.disk_was_low = False
        self.grown_bytes = 0
        """More than may be added, when that is why the build was stopped; else 0."""

    def start(self) -> None:
        if self._order.mark or self._order.disk is not None:
            self._thread.start()

    def end(self) -> None:
        self._over.set()
        if self._thread.ident is not None:
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
                if self._is_too_large():
                    self._stop()
                    return
            except (DockerException, requests.RequestException, OSError):
                continue  # the container has ended already, or the engine has no such call

    def _limit_processes(self) -> None:
        running = {one["Id"] for one in self._api.containers(filters={"label": self._label})}
        self._steps &= running
        self._limited &= running
        for container_id in running - self._limited:
            # One that begins or ends at this moment can't be changed: it is tried again at the next look.
            with contextlib.suppress(DockerException, requests.RequestException):
                if file_limit(self._api.inspect_container(container_id)) == self._order.file_bytes:
                    self._steps.add(container_id)
                    self._update(container_id, {"PidsLimit": self._order.pids})
                self._limited.add(container_id)

    def _is_too_large(self) -> bool:
        """Looked at again after ten times as long as the look took: the engine walks through all files of a step."""
        began = time.monotonic()
        if began < self._measure_at:
            return False
        bytes_now = self._growth.of_images(made_by(self._api, self._order.mark) - self._before) + self._in_steps()
        self._measure_at = time.monotonic() + max(MEASURE_S, 10 * (time.monotonic() - began))
        if bytes_now <= self._order.image_bytes:
            return False
        self.grown_bytes = bytes_now
        return True

    def _in_steps(self) -> int:
        """What the containers of steps that run now have written."""
        raw: Any = self._api  # the SDK's own `inspect_container` knows no sizes
        total = 0
        for container_id in self._steps:
            response = raw._get(raw._url("/containers/{0}/json", container_id), params={"size": 1})  # noqa: SLF001
            total += int(response.json().get("SizeRw") or 0) if response.ok else 0
        return total

    def _update(self, container_id: str, values: dict[str, int]) -> None:
        raw: Any = self._api  # the SDK's own `update_container` knows no such limit
        response = raw._post_json(raw._url("/containers/{0}/update", container_id), data=values)  # noqa: SLF001
        raw._raise_for_status(response)  # noqa: SLF001 - see above
