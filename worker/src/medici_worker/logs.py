"""A run's logs on their way to the host: in chunks, within a limit, never in the container's way."""

import codecs
import threading
from collections import deque
from dataclasses import dataclass, field

from medici_worker.attempt import Attempt
from medici_worker.host import HostUnreachable, LeaseLost, RunHost
from medici_worker.protocol import LogChunk, Stage

CHUNK_CHARACTERS = 65_536
EVERY_S = 0.5
TAIL_CHARACTERS = 4_000
DROPPED = "\n[The log was cut here: it is longer than {limit} bytes.]\n"


@dataclass
class StageLog:
    """One stage's log: decodes, counts, cuts. `position` is the number of characters sent."""

    stage: Stage
    limit_bytes: int
    position: int = 0
    pending: deque[str] = field(default_factory=deque)
    tail: str = ""
    _taken_bytes: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def take(self, data: bytes) -> None:
        """Keep what is within the limit, and the tail of everything."""
        room = self.limit_bytes - self._taken_bytes
        text = self._decoder.decode(data[: max(room, 0)])
        if self._taken_bytes <= self.limit_bytes < self._taken_bytes + len(data):
            text += DROPPED.format(limit=self.limit_bytes)
        self._taken_bytes += len(data)
        # A NUL has no place in a text, and PostgreSQL refuses to store one.
        if text:
            self.pending.append(text.replace("\x00", "\N{REPLACEMENT CHARACTER}"))
        self.tail = (self.tail + data[-TAIL_CHARACTERS:].decode(errors="replace"))[-TAIL_CHARACTERS:]

    def next_chunk(self) -> LogChunk | None:
        """What to send next, joined up to the largest chunk; what does not fit stays pending."""
        text = "".join(self.pending)
        self.pending.clear()
        if len(text) > CHUNK_CHARACTERS:
            self.pending.append(text[CHUNK_CHARACTERS:])
        if not text:
            return None
        chunk = LogChunk(stage=self.stage, position=self.position, text=text[:CHUNK_CHARACTERS])
        self.position += len(chunk.text)
        return chunk


class LogSender:
    """Sends from a thread of its own, so that neither container nor run waits for the network.

    `close` returns when everything has been sent (or the attempt is over).
    """

    def __init__(self, host: RunHost, attempt: Attempt, *, every_s: float = EVERY_S) -> None:
        self._host = host
        self._attempt = attempt
        self._every_s = every_s
        self._lock = threading.Lock()
        self._logs: dict[Stage, StageLog] = {}
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def stage(self, stage: Stage, limit_bytes: int) -> StageLog:
        with self._lock:
            return self._logs.setdefault(stage, StageLog(stage, limit_bytes))

    def write(self, stage: Stage, data: bytes) -> None:
        """Called from the engine's threads. The stage has been opened with `stage`."""
        with self._lock:
            self._logs[stage].take(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="log sender", daemon=True)
                self._thread.start()
        self._wake.set()

    def tail(self, stage: Stage) -> str:
        """The last characters of what a stage printed."""
        with self._lock:
            log = self._logs.get(stage)
            return log.tail if log else ""

    def close(self) -> None:
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _send_all(self) -> None:
        try:
            while not self._closing.is_set():
                self._wake.wait()
                self._wake.clear()
                self._closing.wait(self._every_s)
                self._send_pending()
            self._send_pending()
        except LeaseLost as lost:
            self._attempt.end(lost)
        except HostUnreachable:
            return  # the run's own calls will say so; a log alone fails no run

    def _send_pending(self) -> None:
        while chunk := self._next_chunk():
            self._host.send_log(chunk)

    def _next_chunk(self) -> LogChunk | None:
        with self._lock:
            for log in self._logs.values():
                if chunk := log.next_chunk():
                    return chunk
        return None
