"""Ending work from another thread: a build, a transfer, a container."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The work was broken off on purpose, because nobody wants it any more."""


class Interrupt:
    """Set once, by whoever learns that the work is over; what is under way has said how it is cut short."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._cuts: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        return self.event.is_set()

    def set(self) -> None:
        """Cut short what is under way. Whatever goes wrong with one of them, the others are cut too."""
        with self._lock:
            self.event.set()
            cuts = list(self._cuts)
        for cut in cuts:
            with contextlib.suppress(Exception):
                cut()

    def check(self) -> None:
        if self.is_set:
            raise Interrupted("The work was broken off: it is no longer wanted.")

    @contextlib.contextmanager
    def calling(self, cut: Callable[[], None]) -> Iterator[None]:
        """While inside, `cut` is called when this is set; at once when it has been."""
        with self._lock:
            self._cuts.append(cut)
            is_set = self.is_set
        try:
            if is_set:
                cut()
            yield
        finally:
            with self._lock:
                self._cuts.remove(cut)

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, until this is set; where they come from is closed with this. Raises `Interrupted`."""
        try:
            for chunk in chunks:
                self.check()
                yield chunk
        finally:
            if isinstance(chunks, Generator):
                chunks.close()

    def waiting_for(self, work: Callable[[], T]) -> T:
        """What `work` answers, from a thread of its own: one that can't be cut short is left to itself.

        Raises `Interrupted` as soon as this is set.
        """
        answer: Future[T] = Future()
        awake = threading.Event()
        answer.add_done_callback(lambda _: awake.set())
        threading.Thread(target=_fulfil, args=(answer, work), name="interruptible", daemon=True).start()
        with self.calling(awake.set):
            awake.wait()
        self.check()
        return answer.result()


def _fulfil(answer: "Future[T]", work: Callable[[], T]) -> None:
    try:
        answer.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
        answer.set_exception(error)
