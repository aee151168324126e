"""Images that come from elsewhere, over the engine's HTTP API: a saved one is loaded, a registry's is pulled."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import docker
import requests
from docker import auth
from docker.errors import APIError, DockerException

from medici_worker.containers.docker_errors import engine_errors, explanation
from medici_worker.containers.docker_streams import body, cut, events
from medici_worker.containers.engine import (
    DiskNearlyFull,
    EngineError,
    ImageBroken,
    ImageTooLarge,
    ImageUnavailable,
    PullLimits,
)
from medici_worker.containers.interrupt import Interrupt

SILENCE_S = 300
"""Between two signs of life of a pull: a registry may take its time."""
LOOK_S = 0.25
LATE_LOOKS, LATE_LOOK_S = 4, 0.5
_ID = re.compile(r"Loaded image ID: (sha256:[0-9a-f]{64})")
_NO_ROOM = "no space left"
_NAMED = re.compile(r"Loaded image: (\S+)")


def load(api: docker.APIClient, tar: Iterable[bytes], stop: Interrupt) -> str:
    """Returns the image's id. What an engine has loaded though nobody wants it any more is removed."""

    def work() -> str:
        image_id = _loaded(api, tar, stop)
        if stop.is_set:
            _forget(api, image_id)
        return image_id

    return stop.waiting_for(work)


def pull(api: docker.APIClient, reference: str, stop: Interrupt, limits: PullLimits) -> None:
    """Raises `ImageUnavailable`, `ImageTooLarge`, `DiskNearlyFull`, `EngineError`, `Interrupted`."""
    is_new = not _is_there(api, reference)
    try:
        stop.waiting_for(lambda: _pulled(api, reference, stop, limits))
    except (ImageTooLarge, DiskNearlyFull):
        if is_new:
            _forget_late(api, reference)
        raise


def _loaded(api: docker.APIClient, tar: Iterable[bytes], stop: Interrupt) -> str:
    raw: Any = api  # the SDK's own `load_image` does not tell an error from an end
    said = ""
    with engine_errors("load an image"):
        response = raw._post(raw._url("/images/load"), data=body(stop.passing(tar)), stream=True)  # noqa: SLF001
        raw._raise_for_status(response)  # noqa: SLF001 - see above
        for event in events(response):
            if "error" in event:
                kind = EngineError if _NO_ROOM in event["error"] else ImageBroken
                raise kind(f"The container engine could not load an image: {event['error']}")
            said += event.get("stream", "")
    if named := _NAMED.search(said):
        raise EngineError(f"The saved image brought a name along: {named[1]}.")
    ids = _ID.findall(said)
    if len(ids) != 1:
        raise EngineError(f"The container engine loaded {len(ids)} images from an archive of one.")
    return str(ids[0])


def _forget(api: docker.APIClient, image_id: str) -> None:
    with contextlib.suppress(DockerException, requests.RequestException, OSError):
        if not api.inspect_image(image_id).get("RepoTags"):  # type: ignore[no-untyped-call]
            api.remove_image(image_id)


def _forget_late(api: docker.APIClient, reference: str) -> None:
    """The engine may have been about to end as its client went away."""
    for _ in range(LATE_LOOKS):
        if _is_there(api, reference):
            _forget(api, reference)
            return
        time.sleep(LATE_LOOK_S)


def _is_there(api: docker.APIClient, reference: str) -> bool:
    with contextlib.suppress(DockerException, requests.RequestException, OSError):
        return bool(api.inspect_image(reference))  # type: ignore[no-untyped-call]
    return False


class _PullWatch:
    """Cuts a pull off when a limit is passed: the engine gives one up whose client has gone.

    Sizes are told by the engine; disk and time are looked at while it says nothing, too.
    """

    def __init__(self, reference: str, limits: PullLimits, stop: Callable[[], None]) -> None:
        self._reference = reference
        self._limits = limits
        self._stop = stop
        self._until = time.monotonic() + limits.time_s
        self._layers: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="pull-watch", daemon=True)
        self._passed: Exception | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Raises what limit was passed, whatever came of the pull."""
        self._thread.start()
        try:
            yield
        except Exception:
            if self._passed is None:
                raise
        finally:
            self._over.set()
            self._thread.join()
        if self._passed is not None:
            raise self._passed

    def note(self, event: Mapping[str, Any]) -> None:
        known = (event.get("progressDetail") or {}).values()  # what has come, and what a registry says will come
        if sizes := [size for size in known if isinstance(size, int)]:
            layer = str(event.get("id"))
            self._layers[layer] = max(self._layers.get(layer, 0), *sizes)
        if self._limits.layer_bytes is not None and sum(self._layers.values()) > self._limits.layer_bytes:
            self._passed = ImageTooLarge(f"The layers of {self._reference} have over {self._limits.layer_bytes} bytes.")
            self._stop()

    def _look(self) -> None:
        limits = self._limits
        while self._passed is None:
            if limits.disk is not None and limits.disk.is_low:
                self._passed = DiskNearlyFull(f"Hardly any room was left while {self._reference} was pulled.")
            elif time.monotonic() > self._until:
                taken = f"{limits.time_s:g} s"
                self._passed = ImageUnavailable(f"The image {self._reference} could not be pulled within {taken}.")
            elif self._over.wait(LOOK_S):
                return
        self._stop()


def _pulled(api: docker.APIClient, reference: str, stop: Interrupt, limits: PullLimits) -> None:
    name, tag = _name_and_tag(reference)
    registry, _ = auth.resolve_repository_name(name)
    header = auth.get_config_header(api, registry)
    raw: Any = api  # the SDK's own `pull` can't be cut off
    refused = []
    try:
        response = raw._post(  # noqa: SLF001 - see above
            raw._url("/images/create"),  # noqa: SLF001 - see above
            params={"fromImage": name, "tag": tag},
            headers={"X-Registry-Auth": header} if header else {},
            stream=True,
            timeout=SILENCE_S,
        )
        raw._raise_for_status(response)  # noqa: SLF001 - see above
        watch = _PullWatch(reference, limits, lambda: cut(response))
        with stop.calling(lambda: cut(response)), closing(response), watch.watching():
            for event in events(response):
                watch.note(event)
                refused += [str(event["error"])] if "error" in event else []
    except APIError as error:
        raise ImageUnavailable(f"The image {reference} could not be pulled: {explanation(error)}") from error
    except (requests.RequestException, OSError, ValueError) as error:
        if _is_silent_registry(api, error):
            raise ImageUnavailable(f"The image {reference} could not be pulled: its registry is silent.") from error
        raise EngineError(f"The container engine could not pull {reference}: {error}") from error
    if refused:
        raise ImageUnavailable(f"The image {reference} could not be pulled: {refused[0]}")


def _is_silent_registry(api: docker.APIClient, error: Exception) -> bool:
    """An engine that answers, and has nothing to say of a pull, waits for a registry."""
    if "timed out" not in str(error).lower():
        return False
    with contextlib.suppress(DockerException, requests.RequestException, OSError):
        return bool(api.ping())
    return False


def _name_and_tag(reference: str) -> tuple[str, str]:
    """As the engine wants it: what stands after the `@` takes the tag's place."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
