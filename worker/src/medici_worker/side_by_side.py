"""Containers of one run that run at the same time and talk through a shared folder."""

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass

from medici_worker.containers.engine import ContainerPlan, EngineError, OnLog, Running, StartRefused
from medici_worker.progress import Ended, Progress, ended
from medici_worker.protocol import Limits

MAX_LINE_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Part:
    """One of the containers. With `decides` its end is the end of all; a `label` begins each line of its log."""

    plan: ContainerPlan
    limits: Limits
    on_log: OnLog
    label: str = ""
    decides: bool = False


class PartRefused(Exception):
    """The command of one part could not be started."""

    def __init__(self, part: Part, reason: StartRefused) -> None:
        super().__init__(str(reason))
        self.part = part


def run_together(run: Progress, parts: Sequence[Part]) -> list[tuple[Part, Ended]]:
    """Start all, then wait for all: when one goes wrong, or the one that decides has ended, the others are killed.

    Returns them in the order in which they ended, so that the first that went wrong is the one to blame. Raises
    `PartRefused`; a part that could not be started leaves none running.
    """
    with ExitStack() as held:
        running = [(part, _started(run, part, held)) for part in parts]
        with ThreadPoolExecutor(len(parts), thread_name_prefix="part") as pool:
            waits = {pool.submit(ended, one, part.plan.name, part.limits): part for part, one in running}
            try:
                return _in_order(waits, [one for _, one in running])
            finally:
                _kill([one for _, one in running])


def first_wrong(ends: Sequence[tuple[Part, Ended]]) -> tuple[Part, Ended] | None:
    """The part that went wrong by itself; those after it were killed for it."""
    for part, end in ends:
        if end.went_wrong or part.decides:
            return (part, end) if end.went_wrong else None
    return None


class LinePrefix:
    """Passes whole lines on, each with its container's name before it, so that two logs in one can be told apart."""

    def __init__(self, on_log: OnLog, label: str, limit_bytes: int) -> None:
        self._on_log = on_log
        self._prefix = f"[{label}] ".encode()
        self._left_bytes = limit_bytes
        self._open = b""

    def __call__(self, data: bytes) -> None:
        if self._left_bytes <= 0:
            return
        self._open += data
        *lines, self._open = self._open.split(b"\n")
        if len(self._open) > MAX_LINE_BYTES:
            lines, self._open = [*lines, self._open], b""
        for line in lines:
            self._pass(line)

    def close(self) -> None:
        """Pass on the last line, which had no end."""
        if self._open:
            self._pass(self._open)
        self._open = b""

    def _pass(self, line: bytes) -> None:
        if self._left_bytes <= 0:
            return
        whole = self._prefix + line + b"\n"
        self._left_bytes -= len(whole)
        self._on_log(whole)
        if self._left_bytes <= 0:
            self._on_log(self._prefix + b"The rest of its log was cut.\n")
            self._open = b""


def _started(run: Progress, part: Part, held: ExitStack) -> Running:
    on_log = part.on_log
    if part.label:
        on_log = LinePrefix(part.on_log, part.label, part.limits.log_bytes)
        held.callback(on_log.close)
    try:
        return held.enter_context(run.started(part.plan, on_log))
    except StartRefused as error:
        raise PartRefused(part, error) from error


def _in_order(waits: dict[Future[Ended], Part], running: list[Running]) -> list[tuple[Part, Ended]]:
    ends: list[tuple[Part, Ended]] = []
    for done in as_completed(waits):
        part, end = waits[done], done.result()
        ends.append((part, end))
        if part.decides or end.went_wrong:
            _kill(running)
    return ends


def _kill(running: list[Running]) -> None:
    for one in running:
        with contextlib.suppress(EngineError):
            one.kill()
