"""The label by which the engine knows a build's steps and all that it made: no step can forge it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from medici_worker.containers.engine import LABEL_BUILD
from medici_worker.containers.foreign_images import owner_key


class BuildMarks:
    """One mark for each build that a worker has in hand at a time, the same ones again and again: the engine's cache
    of layers goes by labels too, and a worker that died finds what it left under a mark that it uses next.
    """

    def __init__(self, worker: str) -> None:
        self._beginning = beginning(worker)
        self._taken: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[str]:
        with self._lock:
            number = next(number for number in count() if number not in self._taken)
            self._taken.add(number)
        try:
            yield f"{self._beginning}{number}"
        finally:
            with self._lock:
                self._taken.discard(number)


def beginning(worker: str) -> str:
    """Of all of a worker's marks."""
    return f"{owner_key(worker)}-"


def marking(mark: str) -> str:
    """The line that follows each FROM."""
    return f"LABEL {LABEL_BUILD}={mark}"
