"""What a run needs from the outside: its files, somewhere to tell its progress, and an end. Two lives: the platform
over HTTP (`client.HttpRunHost`) and a folder on this machine (`local.LocalRunHost`).
"""

from pathlib import Path
from typing import Protocol

from medici_worker.protocol import FileRef, LogChunk, Report, ScoringGrant, Stage


class LeaseLost(Exception):
    """The attempt is over: cancelled, or another worker has it. Stop the container and say nothing more."""


class HandedBack(Exception):
    """This worker is shutting down and gives the run back to the queue."""


class HostUnreachable(Exception):
    """The platform did not answer, or answered with an error that repeating does not mend."""


class HostRefuses(HostUnreachable):
    """It answered, and said no: a revoked credential, another version of the protocol. Waiting mends nothing."""


class HostFindsTooLarge(HostRefuses):
    """What was sent is more than the platform takes, or than something between here and there lets through."""


class RunHost(Protocol):
    """Every call may raise `LeaseLost` or `HostUnreachable`."""

    def fetch(self, file: FileRef, destination: Path) -> None:
        """Write the archive to `destination`; its sha256 has been checked when this returns."""

    def enter(self, stage: Stage) -> ScoringGrant | None:
        """Tell that a stage begins; entering the scoring stage answers what scoring needs."""

    def send_log(self, chunk: LogChunk) -> None:
        """Append to a stage's log. A repeated chunk is recognised by its position."""

    def save_outputs(self, archive: Path, sha256: str) -> None:
        """Keep the run's outputs: a zip of the regular files that it wrote. Raises `HostFindsTooLarge`."""

    def save_cases(self, table: Path, sha256: str) -> None:
        """Keep the scoring program's results of single cases, a CSV file: the organizers' alone."""

    def heartbeat(self) -> None:
        """Extend the lease."""

    def report(self, report: Report) -> None:
        """End the run. Repeating it is a no-op."""

    def release(self) -> None:
        """Give the run back to the queue."""
