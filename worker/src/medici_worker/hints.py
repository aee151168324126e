"""What becomes of the hint that a run waits, and of runs whose hints have not arrived."""

import threading
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto

import structlog

_log = structlog.get_logger("medici.worker")


class Taken(Enum):
    """What became of a hint."""

    EXECUTED = auto()
    NOT_HAD = auto()
    """The run is somebody else's, or will be offered again."""
    NOT_TRIED = auto()
    """This worker is shutting down: the hint is for the next one."""


class Overlooked:
    """Takes runs that no hint has brought, one after the other, in a thread of its own."""

    def __init__(self, take: Callable[[int], Taken], look_again: Callable[[], Sequence[int]]) -> None:
        """`look_again` tells what still waits when some have been executed."""
        self._take = take
        self._look_again = look_again
        self._thread: threading.Thread | None = None

    def begin(self, runs: Sequence[int]) -> None:
        """Unless it is at work already."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self.take_all, args=(runs,), name="overlooked", daemon=True)
            self._thread.start()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def take_all(self, runs: Sequence[int]) -> None:
        """Until none can be had, or the worker shuts down."""
        while Taken.EXECUTED in (became := set(self._each(runs))) and Taken.NOT_TRIED not in became:
            _log.warning("hints_missed", runs=len(runs), advice="Look at the broker, if this happens again and again.")
            runs = self._look_again()

    def _each(self, runs: Sequence[int]) -> Iterator[Taken]:
        for run in runs:
            became = self._take(run)
            yield became
            if became is Taken.NOT_TRIED:
                return
