"""A browser without a screen: cookies, form tokens, no redirects followed."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from medici_platform.accounts.access import SESSION_COOKIE
from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.service import open_web_session
from tests.factories.platform import NO_TLS, RunningPlatform

_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class PageClient:
    def __init__(self, platform: RunningPlatform, username: str | None = None) -> None:
        self._url = platform.url
        self.cookies = httpx.Cookies()
        if username:
            self.cookies.set(SESSION_COOKIE, _session(platform, username))

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        with httpx.Client(base_url=self._url, cookies=self.cookies, timeout=30, verify=NO_TLS) as http:
            answer = http.request(method, path, **content)
            self.cookies = http.cookies
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def form_token(self) -> str:
        """Every page of a signed-in visitor has a form (sign-out); anonymous ones get theirs on the sign-in page."""
        path = "/challenges" if SESSION_COOKIE in self.cookies else "/sign-in"
        found = _TOKEN.search(self.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def post(self, path: str, fields: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("POST", path, data={"form_token": self.form_token(), **(fields or {})})

    def upload(self, path: str, content: bytes) -> httpx.Response:
        data, files = {"form_token": self.form_token()}, {"file": ("answer.zip", content)}
        return self.request("POST", path, data=data, files=files)


def _session(platform: RunningPlatform, username: str) -> str:
    with platform.context.database.write() as session:
        user = user_by_name(session, username)
        assert user
        return open_web_session(session, user, now=platform.clock.now(), hours=1)
