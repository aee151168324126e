"""The platform's JSON API, as the commands use it."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from medici_platform.cli.output import CommandFailed

DEFAULT_URL = "http://127.0.0.1:8000"
ENDED = ("finished", "failed", "cancelled")


class Client:
    """Reads MEDICI_URL and MEDICI_TOKEN. Every refusal becomes CommandFailed with the platform's own sentence."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.url = (url or os.environ.get("MEDICI_URL") or DEFAULT_URL).rstrip("/")
        if "://" not in self.url:
            self.url = f"http://{self.url}"
        token = token or os.environ.get("MEDICI_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=httpx.Timeout(60, write=600))

    def get(self, path: str, **params: Any) -> Any:
        return self._send("GET", path, params=_given(params))

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        return self._send("POST", path, json=body, params=_given(params))

    def put(self, path: str) -> Any:
        return self._send("PUT", path)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)

    def upload(self, path: str, file: Path, *, fields: dict[str, str] | None = None, **params: Any) -> Any:
        """Streamed from the disk; the platform's refusal is read even when it comes before the end."""
        return self._send_file("POST", path, file, fields, params)

    def replace(self, path: str, file: Path, **params: Any) -> Any:
        return self._send_file("PUT", path, file, None, params)

    def download(self, path: str, destination: Path, **params: Any) -> None:
        """Whole or not at all: nothing is written when the platform refuses, or is gone before the end."""
        waits = httpx.Timeout(None, connect=10)
        try:
            with self._http.stream("GET", path, params=_given(params), timeout=waits) as answer:
                if answer.is_error:
                    answer.read()
                    _check(answer)
                with write_file(destination) as target:
                    for chunk in answer.iter_bytes():
                        target.write(chunk)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def listing(self, path: str, **params: Any) -> Iterator[Any]:
        """All items of a paginated list."""
        page = pages = 1
        while page <= pages:
            answer = self.get(path, page=page, per_page=200, **params)
            yield from answer["items"]
            page, pages = page + 1, answer["pages"]

    def follow(self, submission_id: int, on_change: Callable[[dict[str, Any], list[dict[str, Any]], str], None]) -> Any:
        """Until the submission has ended. `on_change(submission, runs, new log text)` is called on every news."""
        seen: object = None
        after = 0
        while True:
            submission = self.get(f"/submissions/{submission_id}")
            runs = self.get(f"/submissions/{submission_id}/runs")
            log = self.get(f"/submissions/{submission_id}/logs", after=after)
            after = log["after"]
            text = "".join(piece["text"] for piece in log["pieces"])
            news = (submission["state"], [(run["state"], run["waiting"]) for run in runs])
            if news != seen or text:
                on_change(submission, runs, text)
                seen = news
            if submission["state"] in ENDED and not text:
                return submission
            time.sleep(0.3)

    def _send(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        _check(answer)
        return answer.json() if answer.content else None

    def _send_file(
        self, method: str, path: str, file: Path, fields: dict[str, str] | None, params: dict[str, Any]
    ) -> Any:
        with open_file(file) as content:
            return self._send(
                method,
                path,
                params=_given(params),
                data=fields,
                files={"file": (file.name, content, "application/octet-stream")},
                timeout=httpx.Timeout(None, connect=10),
            )

    def _unreachable(self, error: httpx.HTTPError) -> CommandFailed:
        return CommandFailed(
            f"The platform at {self.url} does not answer ({error}): is MEDICI_URL right, and is it running?",
            code="unreachable",
        )


@contextmanager
def open_file(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise CommandFailed(f"There is no file {path}.", code="no_file")
    with path.open("rb") as content:
        yield content


@contextmanager
def write_file(path: Path) -> Iterator[Any]:
    """A draft beside it takes its name at the end, so that what breaks off leaves what was there."""
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():  # a device or a pipe, as in `-o /dev/stdout`
            with path.open("wb") as content:
                yield content
            return
        draft = path.with_name(f".medici-{secrets.token_hex(6)}.part")
        try:
            with draft.open("xb") as content:
                yield content
            if path.exists():
                shutil.copymode(path, draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}.", code="output") from error


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        body = answer.json()
        code, message = body["code"], body["message"]
    except (ValueError, KeyError, TypeError):
        code, message = "failed", f"The platform answered {answer.status_code} {answer.reason_phrase}."
    if code == "not_signed_in":
        message = "No token: set MEDICI_TOKEN to a token from your account page."
    raise CommandFailed(message, code=code)
