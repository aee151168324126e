"""Images that come from elsewhere, over the engine's HTTP API: a saved one is loaded, a registry's is pulled."""

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping
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

PULL_TIMEOUT_S = 600
"""Between two signs of life of a pull: a registry may take its time."""
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
    """Reads along, and raises when a limit is passed: the engine gives up a pull whose client has gone."""

    def __init__(self, reference: str, limits: PullLimits) -> None:
        self._reference = reference
        self._limits = limits
        self._until = time.monotonic() + limits.time_s
        self._layers: dict[str, int] = {}

    def passing(self, said: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for event in said:
            self._look(event)
            yield event

    def _look(self, event: Mapping[str, Any]) -> None:
        limits = self._limits
        known = (event.get("progressDetail") or {}).values()  # what has come, and what a registry says will come
        if sizes := [size for size in known if isinstance(size, int)]:
            layer = str(event.get("id"))
            self._layers[layer] = max(self._layers.get(layer, 0), *sizes)
        if limits.layer_bytes is not None and sum(self._layers.values()) > limits.layer_bytes:
            raise ImageTooLarge(f"The layers of {self._reference} have more than {limits.layer_bytes} bytes.")
        if limits.disk is not None and limits.disk.is_low:
            raise DiskNearlyFull(f"Hardly any room was left while {self._reference} was pulled.")
        if time.monotonic() > self._until:
            raise ImageUnavailable(f"The image {self._reference} could not be pulled within {limits.time_s:g} s.")


def _pulled(api: docker.APIClient, reference: str, stop: Interrupt, limits: PullLimits) -> None:
    name, tag = _name_and_tag(reference)
    registry, _ = auth.resolve_repository_name(name)
    header = auth.get_config_header(api, registry)
    raw: Any = api  # the SDK's own `pull` can't be cut off
    try:
        response = raw._post(  # noqa: SLF001 - see above
            raw._url("/images/create"),  # noqa: SLF001 - see above
            params={"fromImage": name, "tag": tag},
            headers={"X-Registry-Auth": header} if header else {},
            stream=True,
            timeout=PULL_TIMEOUT_S,
        )
        raw._raise_for_status(response)  # noqa: SLF001 - see above
        with stop.calling(lambda: cut(response)), closing(response):
            said = _PullWatch(reference, limits).passing(events(response))
            refused = [str(event["error"]) for event in said if "error" in event]
    except APIError as error:
        raise ImageUnavailable(f"The image {reference} could not be pulled: {explanation(error)}") from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise EngineError(f"The container engine could not pull {reference}: {error}") from error
    if refused:
        raise ImageUnavailable(f"The image {reference} could not be pulled: {refused[0]}")


def _name_and_tag(reference: str) -> tuple[str, str]:
    """As the engine wants it: what stands after the `@` takes the tag's place."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
