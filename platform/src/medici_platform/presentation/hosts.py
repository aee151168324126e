"""Only under its own names does the platform answer: a name that somebody else points here opens nothing."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from medici_platform.settings import Settings


class OwnHosts:
    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._names = settings.own_hosts
        self._public_url = settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._names or host_name(Headers(scope=scope).get("host", "")) in self._names:
            await self._app(scope, receive, send)
            return
        message = f"This platform answers at {self._public_url}, not under the name by which it was asked."
        await JSONResponse({"code": "foreign_host", "message": message}, status_code=421)(scope, receive, send)


def host_name(header: str) -> str:
    """Without the port; an IPv6 address keeps its brackets."""
    name, colon, port = header.strip().lower().rpartition(":")
    return name if colon and port.isdecimal() else header.strip().lower()
