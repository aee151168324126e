"""A man in the middle between one worker and the platform, who knows where in a run the worker is."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx

KEPT = frozenset({"authorization", "content-type", "if-none-match", "range"})


@dataclass(frozen=True)
class Passage:
    """A request of the worker on its way: `answer` is None while the platform has not seen it."""

    method: str
    path: str
    body: bytes
    answer: httpx.Response | None = None

    @property
    def run(self) -> int | None:
        parts = self.path.partition("/runs/")[2].split("/")
        return int(parts[0]) if parts[0].isdigit() else None

    @property
    def what(self) -> str:
        """Such as `claims`, `stage running`, `report`."""
        last = self.path.rpartition("/")[2]
        return f"stage {json.loads(self.body)['stage']}" if last == "stage" else last

    def granted(self) -> dict[str, Any] | None:
        """The RunSpec of a claim that was granted."""
        if self.what != "claims" or self.answer is None or self.answer.status_code != httpx.codes.OK:
            return None
        spec: dict[str, Any] = self.answer.json()["spec"]
        return spec


class Dropped(Exception):
    """Raised by a `Watch`: the request, or its answer, goes no further."""


Watch = Callable[[Passage], None]


@contextmanager
def proxy(platform_url: str, watch: Watch, *, times: int = 1) -> Iterator[str]:
    """The address that the worker gets; `watch` sees every request before it is passed on, and with its answer.

    `times`: how often each request is passed on, one after the other; the first answer goes back.
    """
    client = httpx.Client(base_url=platform_url, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        answered: ClassVar[bool] = True

        def log_message(self, *_: object) -> None:
            pass

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if _is_passed(name)}
            try:
                watch(Passage(self.command, self.path, body))
                answers = [client.request(self.command, self.path, content=body, headers=headers) for _ in range(times)]
                for answer in answers:
                    watch(Passage(self.command, self.path, body, answer))
            except Dropped:
                self.close_connection = True
                return
            self._answer(answers[0])

        def _answer(self, answer: httpx.Response) -> None:
            self.send_response(answer.status_code)
            for name in ("Content-Type", "ETag", "Retry-After"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - the library's names

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A killed worker takes no answers."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()


def _is_passed(name: str) -> bool:
    return name.lower() in KEPT or name.lower().startswith("x-")
