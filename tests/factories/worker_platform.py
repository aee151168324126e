"""A platform of a few lines, over real HTTP: enough of the worker's API to hold a worker to its side of it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from medici_worker.protocol import Claim, LogChunk, Refusal, Report, RunSpec, ScoringGrant, StageAnswer, WorkerWelcome
from tests.factories.worker import Archives

CREDENTIAL = "worker-credential"
TOKEN = "attempt-token"
PREFIX = "/api/worker/v1"


class TinyPlatform:
    """Gives out `specs` by run id, once each. `gone` ends every attempt; `trouble` answers so many 503 first."""

    def __init__(self, archives: Archives, grant: ScoringGrant | None = None) -> None:
        self.archives = archives
        self.grant = grant
        self.specs: dict[int, RunSpec] = {}
        self.calls: list[str] = []
        self.hellos: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.logs: dict[str, str] = {}
        self.outputs: list[bytes] = []
        self.cases: list[bytes] = []
        self.reports: dict[int, Report] = {}
        self.released: list[int] = []
        self._claimed: dict[int, RunSpec] = {}
        self.gone = threading.Event()
        self.trouble = 0
        self.damage = False
        self.heartbeat_s = 0.1
        self.url = ""
        self.changed = threading.Condition()

    def wait_for(self, condition: Any, timeout_s: float = 30) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), (self.calls, self.reports)

    def answer(self, path: str, token: str, body: bytes, headers: Any) -> tuple[int, bytes]:
        """Status and body for one request."""
        if self.trouble:
            self.trouble -= 1
            return 503, b"restarting"
        if path in {"/hello", "/claims"}:
            if token != CREDENTIAL:
                return _refused(401, "bad_credential")
            return self._hello(body) if path == "/hello" else self._claim(body)
        if token != TOKEN:
            return _refused(401, "bad_token")
        if self.gone.is_set():
            return _refused(410, "lease_lost")
        _, _, run_id, action = path.split("/", 3)
        return self._run(int(run_id), action, body, headers)

    def _hello(self, body: bytes) -> tuple[int, bytes]:
        self.hellos.append(json.loads(body))
        return 200, WorkerWelcome(worker_id=1, name="w", queue="default").model_dump_json().encode()

    def _claim(self, body: bytes) -> tuple[int, bytes]:
        self.claims.append(json.loads(body))
        spec = self.specs.pop(json.loads(body)["run_id"], None)
        if spec is None:
            return _refused(409, "not_queued")
        self._claimed[spec.run_id] = spec
        claim = Claim(spec=spec, token=TOKEN, lease_s=60, heartbeat_s=self.heartbeat_s)
        return 200, claim.model_dump_json().encode()

    def _run(self, run_id: int, action: str, body: bytes, headers: Any) -> tuple[int, bytes]:
        until = StageAnswer(lease_until=datetime.now(UTC) + timedelta(minutes=1))
        if action == "heartbeat":
            return 200, until.model_dump_json().encode()
        if action == "stage":
            scoring = json.loads(body)["stage"] == "scoring"
            return 200, until.model_copy(update={"scoring": self.grant if scoring else None}).model_dump_json().encode()
        if action == "logs":
            chunk = LogChunk.model_validate_json(body)
            self.logs[chunk.stage] = self.logs.get(chunk.stage, "") + chunk.text
        elif action == "outputs":
            assert headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest()
            self.outputs.append(body)
        elif action == "cases":
            assert headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest()
            self.cases.append(body)
        elif action == "report":
            self.reports[run_id] = Report.model_validate_json(body)
        elif action == "release":
            self.released.append(run_id)
        elif action.startswith("files/"):
            return self._file(run_id, action.removeprefix("files/"))
        return 204, b""

    def _file(self, run_id: int, role: str) -> tuple[int, bytes]:
        spec = self._claimed[run_id]
        files = [spec.submission, spec.input_data]
        if self.grant is not None:
            files += [self.grant.scoring_program, self.grant.reference_data]
        for file in files:
            if file is not None and file.role == role:
                content = self.archives.by_sha256[file.sha256].read_bytes()
                return 200, content + (b"damage" if self.damage else b"")
        return _refused(403, "not_yet")


def _refused(status: int, code: str) -> tuple[int, bytes]:
    return status, Refusal(code=code, message=f"Refused: {code}.").model_dump_json().encode()


class _Handler(BaseHTTPRequestHandler):
    platform: TinyPlatform
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix(PREFIX)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, content = self.platform.answer(path, token, body, self.headers)
        with self.platform.changed:
            self.platform.calls.append(f"{self.command} {path} {status}")
            self.platform.changed.notify_all()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Tests read `calls`."""


@contextmanager
def serving(platform: TinyPlatform) -> Iterator[str]:
    """The platform at a port of its own; yields its URL."""
    handler = type("Handler", (_Handler,), {"platform": platform})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - a killed worker's connection
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    platform.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield platform.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
