"""Long answers of the engine: sent to in chunks, read event by event, cut off from another thread."""

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import requests


def body(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A request's body, chunk by chunk; an empty chunk would end it."""
    return (chunk for chunk in chunks if chunk)


def events(response: requests.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.strip():
            yield json.loads(line)


def cut(response: requests.Response) -> None:
    """The engine cancels the work of a client that has gone; shutting the socket down ends our own read at once."""
    with contextlib.suppress(Exception):
        raw: Any = response.raw
        raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - the one way to interrupt a blocked read
