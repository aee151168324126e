"""Whether this attempt may go on, and what has to stop when it may not."""

import contextlib
import threading
from collections.abc import Iterator

from medici_worker.containers.engine import EngineError, Running
from medici_worker.containers.interrupt import Interrupt
from medici_worker.host import HandedBack, HostUnreachable, LeaseLost, RunHost


class Attempt:
    """Shared by the thread that runs containers and the threads that learn that the attempt is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: LeaseLost | HandedBack | None = None
        self.stop = Interrupt()
        """Builds and transfers are cut short by it, containers killed."""

    def end(self, reason: LeaseLost | HandedBack) -> None:
        """The first reason counts. Whatever runs is ended at once."""
        with self._lock:
            self._ended = self._ended or reason
        self.stop.set()

    def go_on(self) -> None:
        """Raises the reason when the attempt is over."""
        if self._ended is not None:
            raise self._ended

    @contextlib.contextmanager
    def watching(self, running: Running) -> Iterator[None]:
        """While inside, `running` is killed when the attempt ends."""

        def kill() -> None:
            with contextlib.suppress(EngineError):
                running.kill()

        with self.stop.calling(kill):
            yield
        self.go_on()


@contextlib.contextmanager
def heartbeats(host: RunHost, attempt: Attempt, every_s: float) -> Iterator[None]:
    """Extend the lease from a thread; when it is lost, end the attempt."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(every_s):
            try:
                host.heartbeat()
            except LeaseLost as lost:
                attempt.end(lost)
                return
            except HostUnreachable:
                continue  # the platform decides when a lease has run out, not its silence

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=1)
