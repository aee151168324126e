"""Request bodies are read whole, within bounds of size and time, before anything else happens.

A sender who takes his time then holds neither a thread nor a transaction, and nobody fills the memory. Uploads stream:
they are the exceptions, each with a limit of its own, and a refusal of one is sent before its body has come.
"""

import asyncio
import re
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medici_platform.errors import InvalidRequest, NotFound, TooLarge, TooSlow
from medici_platform.web import refusal

LIMIT_BYTES = 1024**2
REPORT_LIMIT_BYTES = 16 * 1024**2  # a scoring program's files travel in it
WHOLE_WITHIN_S = 60.0
SILENCE_S = 60.0
"""An upload in which nothing comes for so long has broken off."""
REST_BYTES = 64 * 1024**2
REST_WITHIN_S = 30.0
REST_SILENCE_S = 2.0

STREAMING = (
    ("POST", re.compile(r"/api/v1/challenges/?")),
    ("PUT", re.compile(r"/api/v1/challenges/[^/]+/?")),
    ("POST", re.compile(r"/api/v1/challenges/[^/]+/submissions/?")),
    ("POST", re.compile(r"/challenges/[^/]+/submit/?")),
    ("PUT", re.compile(r"/api/worker/v1/runs/[^/]+/(outputs|cases)/?")),
)
_REPORT = re.compile(r"/api/worker/v1/runs/(\d{1,10})/report/?", re.ASCII)


def streams(method: str, path: str) -> bool:
    return any(method == verb and pattern.fullmatch(path) for verb, pattern in STREAMING)


class WholeBodies:
    """Plain ASGI, so that uploads stream through it untouched."""

    def __init__(self, app: ASGIApp, *, is_attempt: Callable[[int, str], bool]) -> None:
        """`is_attempt`: whether a run was once claimed with this token. Others' reports are nobody's to read."""
        self._app = app
        self._is_attempt = is_attempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        incoming = _Incoming(scope, receive)
        answer = incoming.answer_first(send)
        if "\x00" in scope["path"]:
            await refusal(NotFound("There is no such page here: check the address."))(scope, incoming.receive, answer)
        elif streams(scope["method"], scope["path"]):
            await self._app(scope, incoming.receive, answer)
        else:
            await self._answer(scope, incoming, answer)

    async def _answer(self, scope: Scope, incoming: "_Incoming", send: Send) -> None:
        limit_bytes = REPORT_LIMIT_BYTES if await self._is_report(scope) else LIMIT_BYTES
        try:
            async with asyncio.timeout(WHOLE_WITHIN_S):
                body = await incoming.read(limit_bytes)
        except TimeoutError:
            await refusal(TooSlow(f"The request did not arrive within {WHOLE_WITHIN_S:g} s: send it again."))(
                scope, incoming.receive, send
            )
        except (TooLarge, InvalidRequest) as error:
            await refusal(error)(scope, incoming.receive, send)
        else:
            await self._app(scope, _Replay(body, incoming.receive), send)

    async def _is_report(self, scope: Scope) -> bool:
        found = _REPORT.fullmatch(scope["path"])
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if found is None or scheme.lower() != "bearer":
            return False
        return await run_in_threadpool(self._is_attempt, int(found[1]), token.strip())


class _Incoming:
    """A body on its way in."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._headers = Headers(scope=scope)
        self._receive = receive
        self._has_ended = False

    async def receive(self) -> Message:
        """The next message. A sender who has said nothing for long counts as gone."""
        if self._has_ended:
            return await self._receive()
        try:
            async with asyncio.timeout(SILENCE_S):
                return await self._next()
        except TimeoutError:
            self._has_ended = True
            return {"type": "http.disconnect"}

    async def read(self, limit_bytes: int) -> bytes:
        """All of it. Raises TooLarge at once when the header tells."""
        too_large = TooLarge(f"The request is larger than {limit_bytes // 1024**2} MiB, the limit for this address.")
        declared = self._headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit_bytes:
            raise too_large
        body = bytearray()
        while not self._has_ended:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise InvalidRequest("The request broke off before its end: send it again.")
            body += message.get("body", b"")
            if len(body) > limit_bytes:
                raise too_large
        return bytes(body)

    def answer_first(self, send: Send) -> Send:
        """An answer that is ready before the body has come is sent at once; a bounded rest of it is then taken in.

        Many senders read only when they have sent everything, and never see an answer behind which the door is shut.
        """

        async def answer(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not is_last or self._has_ended or not self._has_rest():
                await send(message)
                return
            await send({**message, "more_body": True})
            await self._take_in_the_rest()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        return answer

    async def _next(self) -> Message:
        message = await self._receive()
        self._has_ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    def _has_rest(self) -> bool:
        """Whether anything is still to come: a sender who asks before it sends sends nothing after a refusal."""
        announces = self._headers.get("content-length", "0") != "0" or "transfer-encoding" in self._headers
        return announces and "expect" not in self._headers

    async def _take_in_the_rest(self) -> None:
        read, began = 0, time.monotonic()
        while not self._has_ended and read <= REST_BYTES and time.monotonic() - began < REST_WITHIN_S:
            try:
                async with asyncio.timeout(REST_SILENCE_S):
                    read += len((await self._next()).get("body", b""))
            except TimeoutError:
                return


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
