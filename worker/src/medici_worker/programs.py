"""Organizers' programs: a zip with a Dockerfile, with a `metadata` that names a command, or with both."""

import shlex
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medici_worker.containers.archives import text_of

APP = "/app"
PROGRAM = f"{APP}/program"
INPUT = f"{APP}/input"
REFERENCE = f"{INPUT}/ref"
PREDICTIONS = f"{INPUT}/res"
OUTPUT = f"{APP}/output"
METADATA_NAMES = ("metadata", "metadata.yaml", "metadata.yml")

SUBSTITUTIONS: Mapping[str, str] = {
    "$input": INPUT,
    "$output": OUTPUT,
    "$program": PROGRAM,
    "$hidden": REFERENCE,
    "$predictions": PREDICTIONS,
    "$shared": "/tmp",  # noqa: S108 - inside the container
    "$tmp": "/tmp",  # noqa: S108 - inside the container
}
"""CodaLab's words in a command, in the order in which they are replaced."""


class ProgramUnusable(Exception):
    """The program's zip does not say how to run it: the organizer's fault."""


@dataclass(frozen=True, slots=True)
class Program:
    archive: Path
    has_dockerfile: bool
    command: tuple[str, ...] | None
    """Of `metadata`, with the words filled in; None: the image's own command."""

    @property
    def working_dir(self) -> str:
        """A program whose image brings the command finds `program input output` beside itself."""
        return APP if self.command is None else PROGRAM


class Programs:
    """Programs are small and used by every run of a phase: their zips stay on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Program] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, sha256: str, fetch: Callable[[Path], None]) -> Program:
        """`fetch` writes the zip to a path when it is not here. Raises `ProgramUnusable`, `ArchiveUnusable`."""
        with self._lock:
            known = self._known.get(sha256)
        if known is None:
            known = read_program(self._archive(sha256, fetch))
            with self._lock:
                self._known[sha256] = known
        return known

    def clean(self, unused_s: float) -> None:
        """Forget programs that no run of this process has used and that are older than this."""
        for path in self._folder.glob("*.zip"):
            if path.stem not in self._known and time.time() - path.stat().st_mtime > unused_s:
                path.unlink(missing_ok=True)

    def _archive(self, sha256: str, fetch: Callable[[Path], None]) -> Path:
        path = self._folder / f"{sha256}.zip"
        if not path.exists():
            draft = self._folder / f".{sha256}.{threading.get_ident()}.draft"
            fetch(draft)
            draft.replace(path)
        return path


def read_program(archive: Path) -> Program:
    has_dockerfile = text_of(archive, "Dockerfile") is not None
    metadata = next((text for name in METADATA_NAMES if (text := text_of(archive, name)) is not None), None)
    line = command_of(metadata) if metadata is not None else None
    if line is None and not has_dockerfile:
        raise ProgramUnusable("The program has neither a Dockerfile nor a 'metadata' file with a 'command:' line.")
    return Program(archive, has_dockerfile, filled_in(line) if line is not None else None)


def command_of(metadata: str) -> str | None:
    """The value of `command:`. Only this one line is needed, so no YAML of strangers is interpreted."""
    for line in metadata.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == "command" and value.strip():
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            return value[1:-1] if quoted else value
    return None


def filled_in(line: str) -> tuple[str, ...]:
    """Split like a shell does, then fill in: a path with a space stays one word. No shell is involved."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ProgramUnusable(f"The command in 'metadata' can't be split into words: {error}.") from error
    return tuple(_substituted(word) for word in words)


def _substituted(word: str) -> str:
    for name, path in SUBSTITUTIONS.items():
        word = word.replace(name, path)
    return word
