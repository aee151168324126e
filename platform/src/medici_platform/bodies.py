"""Request bodies are read whole, within a bound, before anything else happens.

A sender who takes his time then holds neither a thread nor a transaction, and nobody fills the memory. Uploads stream:
they are the exceptions, each with a limit of its own.
"""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medici_platform.errors import InvalidRequest, NotFound, TooLarge
from medici_platform.web import refusal

LIMIT_BYTES = 1024**2
REPORT_LIMIT_BYTES = 16 * 1024**2  # a scoring program's files travel in it

STREAMING = (
    ("POST", re.compile(r"/api/v1/challenges/?")),
    ("PUT", re.compile(r"/api/v1/challenges/[^/]+/?")),
    ("POST", re.compile(r"/api/v1/challenges/[^/]+/submissions/?")),
    ("POST", re.compile(r"/challenges/[^/]+/submit/?")),
    ("PUT", re.compile(r"/api/worker/v1/runs/[^/]+/(outputs|cases)/?")),
)
_REPORT = re.compile(r"/api/worker/v1/runs/[^/]+/report/?")


def streams(method: str, path: str) -> bool:
    return any(method == verb and pattern.fullmatch(path) for verb, pattern in STREAMING)


class WholeBodies:
    """Plain ASGI, so that uploads stream through it untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif "\x00" in scope["path"]:
            await refusal(NotFound("There is no such page here: check the address."))(scope, receive, send)
        elif streams(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive, REPORT_LIMIT_BYTES if _REPORT.fullmatch(scope["path"]) else LIMIT_BYTES)
        except (TooLarge, InvalidRequest) as error:
            await refusal(error)(scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive), send)


class _Replay:
    """The body in one piece, and then whatever else the server says (that the client has gone)."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _read(receive: Receive, limit_bytes: int) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The request broke off before its end: send it again.")
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise TooLarge(f"The request is larger than {limit_bytes // 1024**2} MiB, the limit for this address.")
        more = message.get("more_body", False)
    return bytes(body)
