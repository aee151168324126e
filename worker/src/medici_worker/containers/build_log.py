"""What is read of a build: the steps of the participant's own Dockerfile, counted as they were written."""

import re

from medici_worker.containers.build_policy import CheckedDockerfile
from medici_worker.containers.engine import OnLog

_STEP = re.compile(rb"Step (\d{1,6})/(\d{1,6}) : ")
_END = b"Successfully "


class BuildLog:
    """Passes on what the builder says, event by event, but for the lines that were added to the Dockerfile.

    A RUN that prints the line with which the next step begins spoils the count of its own log, and nothing else.
    """

    def __init__(self, checked: CheckedDockerfile, on_log: OnLog) -> None:
        self._checked = checked
        self._on_log = on_log
        self._steps = len(checked.instructions)
        self._last = 0
        self._is_ours = False

    @property
    def own_step(self) -> int:
        """Of the Dockerfile, that the builder has come to; 0: none."""
        return self._checked.own_step(self._last) if self._last else 0

    def __call__(self, event: bytes) -> None:
        step = _STEP.match(event)
        if step and (int(step[1]), int(step[2])) == (self._last + 1, self._checked.steps_sent):
            self._last += 1
            self._is_ours = self._checked.is_ours(self._last)
            event = b"Step %d/%d : " % (self.own_step, self._steps) + event[step.end() :]
        elif event.startswith(_END):
            self._is_ours = False
        if not self._is_ours:
            self._on_log(event)
