"""What is wrong with a bundle, said all at once."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that the organizer has to change; `line` counts from 1, 0 means the file as a whole."""

    file: str
    line: int
    message: str

    def __post_init__(self) -> None:
        """One line that can be printed, whatever the keys are called that it names."""
        if not self.message.isprintable():
            shown = "".join(each if each.isprintable() else "\ufffd" for each in self.message)
            object.__setattr__(self, "message", shown)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class BundleRejected(Exception):
    """The bundle cannot be read. `faults` names all that was found, ordered by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__(self.faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return str(self.faults[0])
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        return f"The bundle has {len(self.faults)} faults:{lines}"
