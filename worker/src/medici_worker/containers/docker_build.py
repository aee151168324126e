"""Building over the engine's HTTP API, with the classic builder: without network, within limits."""

import json
import threading
import time
from collections.abc import Iterable
from typing import Any

import docker
import requests
from docker.errors import APIError

from medici_worker.containers.build_traces import Growth, clear_unnamed
from medici_worker.containers.build_watch import BuildWatch
from medici_worker.containers.docker_errors import engine_errors, explanation
from medici_worker.containers.docker_streams import body, cut, events
from medici_worker.containers.engine import (
    BuildBroken,
    BuildOrder,
    BuildTimedOut,
    DiskNearlyFull,
    EngineError,
    ImageTooLarge,
    OnLog,
)

CPU_PERIOD_US = 100_000
ANSWER_TIMEOUT_S = 120
BAD_REQUEST = 400


def build(api: docker.APIClient, context: Iterable[bytes], order: BuildOrder, on_log: OnLog) -> str:
    deadline = time.monotonic() + order.time_s
    with engine_errors("build the image"):
        clear_unnamed(api, order.mark)
        watch = BuildWatch(api, order, lambda: cut(response))  # looks at what is there before anything is made
        response = _post_build(api, context, order, on_log)
        timer = threading.Timer(max(deadline - time.monotonic(), 0.0), cut, args=(response,))
        timer.daemon = True
        timer.start()
        watch.start()
        try:
            with order.stop.calling(lambda: cut(response)):
                image_id = _follow_build(response, on_log)
        except BuildBroken:
            clear_unnamed(api, order.mark)
            raise
        except (requests.RequestException, OSError, ValueError, AttributeError) as error:
            clear_unnamed(api, order.mark, cut_off=True)
            order.stop.check()
            if watch.grown_bytes:
                raise ImageTooLarge(f"It had added {watch.grown_bytes} bytes to its base images.") from None
            if watch.disk_was_low:
                raise DiskNearlyFull("The disk was nearly full.") from None
            if time.monotonic() >= deadline:
                raise BuildTimedOut(f"The build ran for more than {order.time_s:g} s.") from None
            raise EngineError(f"The container engine broke off the build: {error}") from error
        finally:
            timer.cancel()
            watch.end()
            response.close()
        _require_small(api, image_id, order)
        _name(api, image_id, order.tag)
        if order.stages > 1:
            clear_unnamed(api, order.mark)
        return image_id


def _require_small(api: docker.APIClient, image_id: str, order: BuildOrder) -> None:
    """A step may end between two looks. What is too large goes at once."""
    added_bytes = Growth(api, order.bases).of_images([image_id])
    if added_bytes > order.image_bytes:
        clear_unnamed(api, order.mark)
        raise ImageTooLarge(f"It added {added_bytes} bytes to its base images.")


def _name(api: docker.APIClient, image_id: str, tag: str) -> None:
    """By us and not by the engine, which may end a build that was broken off: by its name an image is used again."""
    repository, _, version = tag.rpartition(":")
    api.tag(image_id, repository, version)


def _post_build(api: docker.APIClient, context: Iterable[bytes], order: BuildOrder, on_log: OnLog) -> requests.Response:
    """The SDK's own `build` knows neither a CPU quota nor ulimits."""
    parameters = {
        "rm": True,
        "forcerm": True,
        "networkmode": order.network,
        "buildargs": json.dumps(dict(order.arguments)),
        "memory": order.memory_bytes,
        "memswap": order.memory_bytes,
        "cpuperiod": CPU_PERIOD_US,
        "cpuquota": int(order.cpus * CPU_PERIOD_US),
        "ulimits": json.dumps([_limit("fsize", order.file_bytes), _limit("core", 0)]),
        "labels": json.dumps(dict(order.labels)),
    }
    raw: Any = api  # the SDK offers no public way to add a parameter
    response: requests.Response = raw._post(  # noqa: SLF001 - see above
        raw._url("/build"),  # noqa: SLF001 - see above
        params=parameters,
        data=body(order.stop.passing(context)),
        headers={"Content-Type": "application/tar"},
        stream=True,
        timeout=order.time_s + ANSWER_TIMEOUT_S,
    )
    try:
        raw._raise_for_status(response)  # noqa: SLF001 - see above
    except APIError as error:
        if error.status_code != BAD_REQUEST:
            raise
        sentence = explanation(error)  # the engine's reader found a fault before the first step
        on_log(sentence.encode() + b"\n")
        raise BuildBroken(sentence) from error
    return response


def _limit(name: str, value: int) -> dict[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}


def _follow_build(response: requests.Response, on_log: OnLog) -> str:
    """The image's id, as the engine says it, not a step."""
    image_id = ""
    for event in events(response):
        if "stream" in event:
            on_log(str(event["stream"]).encode())
        elif "error" in event:
            on_log(str(event["error"]).encode() + b"\n")
            raise BuildBroken(str(event["error"]))
        image_id = (event.get("aux") or {}).get("ID", image_id)
    if not image_id:
        raise ValueError("the build's answer ended before an image was named")
    return image_id
