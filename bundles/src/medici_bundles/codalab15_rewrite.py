"""A document of CodaLab 1.5, on its way into version 2's keys."""

from typing import Any

from medici_bundles.faults import Fault
from medici_bundles.yaml_lines import Path, YamlDocument, dotted


class Rewrite:
    """What was written under version 2's keys so far, and where each of them comes from."""

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        """As the organizer wrote it."""
        self.origins: dict[Path, Path] = {(): ()}
        self.mapped: list[str] = []
        self.faults: dict[Path, list[Fault]] = {}

    def part(self, new: Path, old: Path) -> "NewPart":
        self.origins[new] = old
        return NewPart(self, new, old)

    def tell(self, path: Path, text: str) -> None:
        """What a key means here, where that is not what it meant there."""
        self.mapped.append(f"{dotted(path)} (line {self.document.line(path)}): {text}")

    def fault(self, path: Path, text: str) -> None:
        self.faults.setdefault(path, []).append(self.document.fault(path, f"{dotted(path)} {text}"))

    def has(self, path: Path) -> bool:
        """Whether the organizer wrote this key, rightly or not."""
        return path in self.document.lines


class NewPart:
    """One mapping of the new document."""

    def __init__(self, rewrite: Rewrite, new: Path, old: Path) -> None:
        self._rewrite = rewrite
        self.new = new
        self.old = old
        self.data: dict[str, Any] = {}

    def put(self, key: str, value: Any, of: str | Path | None = None) -> None:
        """Write a value, unless there is none. `of`: the old key, or its whole path; the new key when not given."""
        origin = of if isinstance(of, tuple) else (*self.old, of or key)
        self._rewrite.origins[*self.new, key] = origin
        if value is not None:
            self.data[key] = value
