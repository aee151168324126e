"""Building over the engine's HTTP API, with the classic builder: without network, within limits."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import docker
import requests

from medici_worker.containers.docker_errors import engine_errors
from medici_worker.containers.engine import BuildBroken, BuildOrder, BuildTimedOut, EngineError, OnLog

CPU_PERIOD_US = 100_000
ANSWER_TIMEOUT_S = 120


def build(api: docker.APIClient, context: Iterable[bytes], order: BuildOrder, on_log: OnLog) -> str:
    deadline = time.monotonic() + order.time_s
    with engine_errors("build the image"):
        response = _post_build(api, context, order)
        timer = threading.Timer(max(deadline - time.monotonic(), 0.0), _cut, args=(response,))
        timer.daemon = True
        timer.start()
        try:
            return _follow_build(response, on_log)
        except (requests.RequestException, OSError, ValueError, AttributeError) as error:
            if time.monotonic() >= deadline:
                raise BuildTimedOut(f"The build ran for more than {order.time_s:g} s.") from None
            raise EngineError(f"The container engine broke off the build: {error}") from error
        finally:
            timer.cancel()
            response.close()


def body(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A request's body, chunk by chunk; an empty chunk would end it."""
    return (chunk for chunk in chunks if chunk)


def _post_build(api: docker.APIClient, context: Iterable[bytes], order: BuildOrder) -> requests.Response:
    """The SDK's own `build` knows no CPU quota."""
    parameters = {
        "t": order.tag,
        "rm": True,
        "forcerm": True,
        "networkmode": "none",
        "memory": order.memory_bytes,
        "memswap": order.memory_bytes,
        "cpuperiod": CPU_PERIOD_US,
        "cpuquota": int(order.cpus * CPU_PERIOD_US),
        "labels": json.dumps(dict(order.labels)),
    }
    raw: Any = api  # the SDK offers no public way to add a parameter
    response: requests.Response = raw._post(  # noqa: SLF001 - see above
        raw._url("/build"),  # noqa: SLF001 - see above
        params=parameters,
        data=body(context),
        headers={"Content-Type": "application/tar"},
        stream=True,
        timeout=order.time_s + ANSWER_TIMEOUT_S,
    )
    raw._raise_for_status(response)  # noqa: SLF001 - see above
    return response


def _follow_build(response: requests.Response, on_log: OnLog) -> str:
    image_id = ""
    for event in _events(response):
        if "stream" in event:
            on_log(str(event["stream"]).encode())
        elif "error" in event:
            on_log(str(event["error"]).encode() + b"\n")
            raise BuildBroken(str(event["error"]))
        image_id = (event.get("aux") or {}).get("ID", image_id)
    if not image_id:
        raise ValueError("the build's answer ended before an image was named")
    return image_id


def _events(response: requests.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.strip():
            yield json.loads(line)


def _cut(response: requests.Response) -> None:
    """The engine cancels a build whose client has gone; shutting the socket down ends our own read at once."""
    with contextlib.suppress(Exception):
        raw: Any = response.raw
        raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - the one way to interrupt a blocked read
