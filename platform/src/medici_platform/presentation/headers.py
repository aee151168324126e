"""Headers that keep a page to itself: nothing foreign is loaded, nothing frames it, nothing inline runs."""

from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""`frame-src`: the detailed results of a run, which carry a sandbox policy of their own."""

_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Answers that may be kept say so themselves."""


def protect(headers: MutableHeaders, *, over_https: bool) -> None:
    """What an answer sets itself stays: detailed results bring a stricter policy, and may be framed by our own page."""
    own_policy = "content-security-policy" in headers
    headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    headers.setdefault("X-Frame-Options", "SAMEORIGIN" if own_policy else "DENY")
    for name, value in _EVERYWHERE.items():
        headers.setdefault(name, value)
    if over_https:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def without_host(location: str) -> str:
    """We redirect to our own pages alone; whatever host a request named, the answer names none."""
    parts = urlsplit(location)
    return urlunsplit(("", "", "/" + parts.path.lstrip("/\\"), parts.query, parts.fragment))


class SecurityHeaders:
    """Plain ASGI, so that downloads and uploads stream through it untouched."""

    def __init__(self, app: ASGIApp, *, over_https: bool) -> None:
        self._app = app
        self._over_https = over_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                protect(headers, over_https=self._over_https)
                if "location" in headers:
                    headers["location"] = without_host(headers["location"])
            await send(message)

        await self._app(scope, receive, send_protected if scope["type"] == "http" else send)
