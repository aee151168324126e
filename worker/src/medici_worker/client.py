"""The worker's side of the platform's HTTP API, under `{MEDICI_URL}/api/worker/v1`."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_exponential_jitter,
)
from tenacity.stop import stop_base

from medici_worker.containers.interrupt import Interrupt
from medici_worker.host import HostFindsTooLarge, HostRefuses, HostUnreachable, LeaseLost
from medici_worker.protocol import (
    Claim,
    ClaimRequest,
    FailureKind,
    FileRef,
    LogChunk,
    Refusal,
    Report,
    ScoringGrant,
    Stage,
    StageAnswer,
    StageRequest,
    WorkerHello,
    WorkerWelcome,
)

API_PREFIX = "/api/worker/v1"
CHUNK_BYTES = 256 * 1024
RETRY_S = 60.0
REPORT_RETRY_S = 600.0  # a finished run is worth waiting for: its work is done
BROKEN_REPORT_S = 30.0  # but a platform that breaks over this one report will do so again
_PASSING = frozenset({429, 500, 502, 503, 504, 507})

_log = structlog.get_logger("medici.worker.client")

T = TypeVar("T")
Answer = TypeVar("Answer", bound=BaseModel)


class Passing(Exception):
    """Trouble that often passes when one waits: a broken connection, a restarting platform."""


class Broken(Passing):
    """The platform answered 500: a fault of its own, which may be about this very request."""


class PlatformBroken(HostUnreachable):
    """It answered 500 to this request again and again."""


class ClaimRefused(Exception):
    """The platform does not give this run to this worker now; `code` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.code = refusal.code


class PlatformClient:
    """One connection pool to the platform, shared by all runs of a worker."""

    def __init__(self, url: str, credential: str, *, timeout_s: float = 30.0, retry_s: float = RETRY_S) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/") + API_PREFIX, timeout=timeout_s)
        self._credential = credential
        self._retry_s = retry_s
        self._hurried = threading.Event()

    def hurry(self) -> None:
        """The worker shuts down: from now on nothing is tried twice, and who waits for another try waits no longer."""
        self._hurried.set()

    def hello(self, hello: WorkerHello) -> WorkerWelcome:
        answer = self.call("POST", "/hello", token=self._credential, body=hello)
        return _parsed(WorkerWelcome, answer)

    def claim(self, request: ClaimRequest) -> Claim:
        """Raises `ClaimRefused` when the run is not to be had."""
        answer = self.call("POST", "/claims", token=self._credential, body=request, expected=(HTTPStatus.CONFLICT,))
        if answer.status_code == HTTPStatus.CONFLICT:
            raise ClaimRefused(_refusal(answer))
        return _parsed(Claim, answer)

    def attempt(self, claim: Claim, stop: Interrupt | None = None) -> "HttpRunHost":
        """Files of gigabytes on their way here are broken off when `stop` is set."""
        return HttpRunHost(self, claim.spec.run_id, claim.token, stop or Interrupt())

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str,
        body: BaseModel | None = None,
        expected: tuple[int, ...] = (),
        retry_s: float | None = None,
        broken_s: float | None = None,
    ) -> httpx.Response:
        """One JSON request, repeated while the trouble may pass; for `broken_s` when the answer is 500 each time."""
        content = body.model_dump_json().encode() if body is not None else None
        headers = {**_bearer(token), "Content-Type": "application/json"}

        def once() -> httpx.Response:
            return _checked(self._http.request(method, path, content=content, headers=headers), expected)

        return self._retried(once, self._retry_s if retry_s is None else retry_s, broken_s)

    def download(self, path: str, *, token: str, destination: Path, stop: Interrupt) -> str:
        """Stream an answer's body into `destination`; returns its sha256. Raises `Interrupted`."""
        return self._retried(lambda: self._download_once(path, token, destination, stop), self._retry_s)

    def upload(self, path: str, *, token: str, source: Path, headers: dict[str, str], stop: Interrupt) -> None:
        def once() -> None:
            sent = {**_bearer(token), **headers, "Content-Length": str(source.stat().st_size)}
            _checked(self._http.put(path, content=stop.passing(_chunks(source)), headers=sent), ())

        self._retried(once, self._retry_s)

    def close(self) -> None:
        self._http.close()

    def _download_once(self, path: str, token: str, destination: Path, stop: Interrupt) -> str:
        stop.check()
        digest = hashlib.sha256()
        with self._http.stream("GET", path, headers=_bearer(token)) as answer, destination.open("wb") as target:
            if answer.is_error:
                answer.read()
            _checked(answer, ())
            with stop.calling(lambda: _hang_up(answer)):
                for chunk in stop.passing(answer.iter_bytes(CHUNK_BYTES)):
                    digest.update(chunk)
                    target.write(chunk)
        return digest.hexdigest()

    def _retried(self, once: Callable[[], T], retry_s: float, broken_s: float | None = None) -> T:
        broken = _BrokenFor(retry_s if broken_s is None else broken_s)
        attempts = Retrying(
            retry=retry_if_exception_type((Passing, httpx.TransportError)),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2),
            stop=stop_any(stop_after_delay(retry_s), stop_when_event_set(self._hurried), broken),
            sleep=sleep_using_event(self._hurried),
            reraise=True,
        )
        try:
            return attempts(once)
        except Broken as error:
            raise PlatformBroken(f"The platform at {self._http.base_url} failed: {error}.") from error
        except (Passing, httpx.TransportError) as error:
            raise HostUnreachable(f"The platform at {self._http.base_url} did not answer: {error}.") from error


class _BrokenFor(stop_base):
    """Stop when every answer of the last `limit_s` was 500; a broken connection in between starts the count anew."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since: float | None = None

    def __call__(self, state: RetryCallState) -> bool:
        if state.outcome is None or not isinstance(state.outcome.exception(), Broken):
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= self._limit_s


class HttpRunHost:
    """One attempt of one run at the platform; the token is bound to it."""

    def __init__(self, client: PlatformClient, run_id: int, token: str, stop: Interrupt) -> None:
        self._client = client
        self._token = token
        self._stop = stop
        self._path = f"/runs/{run_id}"

    def fetch(self, file: FileRef, destination: Path) -> None:
        path = f"{self._path}/files/{file.role}"
        found = self._client.download(path, token=self._token, destination=destination, stop=self._stop)
        if found != file.sha256:
            destination.unlink(missing_ok=True)
            raise HostUnreachable(f"The {file.role} arrived damaged: its sha256 is {found}, not {file.sha256}.")

    def enter(self, stage: Stage) -> ScoringGrant | None:
        answer = self._call("POST", "/stage", StageRequest(stage=stage))
        return _parsed(StageAnswer, answer).scoring

    def send_log(self, chunk: LogChunk) -> None:
        self._call("POST", "/logs", chunk)

    def save_outputs(self, archive: Path, sha256: str) -> None:
        headers = {"Content-Type": "application/zip", "X-Content-SHA256": sha256}
        self._upload("/outputs", archive, headers)

    def save_cases(self, table: Path, sha256: str) -> None:
        headers = {"Content-Type": "text/csv", "X-Content-SHA256": sha256}
        self._upload("/cases", table, headers)

    def heartbeat(self) -> None:
        self._call("POST", "/heartbeat", retry_s=0)

    def report(self, report: Report) -> None:
        """A report that the platform can't take is replaced by one line, so that the run ends and the next begins."""
        try:
            self._call("POST", "/report", report, retry_s=REPORT_RETRY_S, broken_s=BROKEN_REPORT_S)
        except (PlatformBroken, HostRefuses) as error:
            _log.error("report_not_taken", path=self._path, failure=report.failure, error=str(error))
            detail = "The platform could not take this run's report; the worker's log and the platform's say why."
            short = Report(failure=FailureKind.SYSTEM_ERROR, private_detail=detail)
            self._call("POST", "/report", short, retry_s=0)

    def release(self) -> None:
        self._call("POST", "/release", retry_s=5)

    def _upload(self, path: str, source: Path, headers: dict[str, str]) -> None:
        self._client.upload(self._path + path, token=self._token, source=source, headers=headers, stop=self._stop)

    def _call(self, method: str, path: str, body: BaseModel | None = None, **options: Any) -> httpx.Response:
        return self._client.call(method, self._path + path, token=self._token, body=body, **options)


def _checked(answer: httpx.Response, expected: tuple[int, ...]) -> httpx.Response:
    if answer.is_success or answer.status_code in expected:
        return answer
    refusal = _refusal(answer)
    if answer.status_code == HTTPStatus.GONE:
        raise LeaseLost(refusal.message)
    if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Broken(refusal.message)
    if answer.status_code in _PASSING:
        raise Passing(refusal.message)
    refused = HostFindsTooLarge if answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else HostRefuses
    raise refused(
        f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}: {refusal.message}"
    )


def _parsed(kind: type[Answer], answer: httpx.Response) -> Answer:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise HostRefuses(
            f"{answer.request.method} {answer.request.url} was not answered by a MedICI platform of this version: "
            f"see MEDICI_URL, and what stands between here and the platform ({error.error_count()} faults)."
        ) from error


def _refusal(answer: httpx.Response) -> Refusal:
    """The body of an error, or a stand-in where something between here and the platform answered."""
    try:
        return Refusal.model_validate_json(answer.content)
    except ValidationError:
        return Refusal(code=str(answer.status_code), message=f"{answer.status_code} {answer.reason_phrase}")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _hang_up(answer: httpx.Response) -> None:
    """End a read that waits, from another thread."""
    stream = answer.extensions["network_stream"]
    stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
