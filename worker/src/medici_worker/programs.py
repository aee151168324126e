"""Programs: a zip with a Dockerfile, with a `metadata` that names a command, or with both."""

import re
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medici_worker.containers.archives import text_of
from medici_worker.places import APP, PROGRAM, filled_in

METADATA_NAMES = ("metadata", "metadata.yaml", "metadata.yml")
_BLOCK = re.compile(r"[>|][+-]?\s*(?:#.*)?")
_SINGLE = re.compile(r"'((?:[^']|'')*)'\s*(?:#.*)?$")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$')
_ESCAPED = re.compile(r"\\(.)")
_COMMENT = re.compile(r"(?:^|\s)#")


class ProgramUnusable(Exception):
    """The program's zip does not say how to run it: its author's fault."""


@dataclass(frozen=True, slots=True)
class Program:
    archive: Path
    has_dockerfile: bool
    words: tuple[str, ...] | None
    """The command of `metadata`, split; None: the image's own command."""

    def command(self, places: Mapping[str, str]) -> tuple[str, ...] | None:
        """A path with a space stays one word, and no shell is involved."""
        return tuple(filled_in(word, places) for word in self.words) if self.words is not None else None

    @property
    def working_dir(self) -> str:
        """A program whose image brings the command finds `program input output` beside itself."""
        return APP if self.words is None else PROGRAM


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
            try:
                fetch(draft)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
        return path


def read_program(archive: Path) -> Program:
    """Raises `ProgramUnusable` when it says in neither way how to run it."""
    program = look_at(archive)
    if program.words is None and not program.has_dockerfile:
        raise ProgramUnusable("The program has neither a Dockerfile nor a 'metadata' file with a 'command:' line.")
    return program


def look_at(archive: Path) -> Program:
    """The same of a zip that may do without: a submission under an ingestion program."""
    has_dockerfile = text_of(archive, "Dockerfile") is not None
    found = (text for name in METADATA_NAMES if (text := text_of(archive, name)) is not None)
    line = next((command for text in found if (command := command_of(text)) is not None), None)
    return Program(archive, has_dockerfile, _split(line) if line is not None else None)


def command_of(metadata: str) -> str | None:
    """The value of `command:`, as YAML means it; only this one key is needed, so nothing else is interpreted."""
    lines = metadata.lstrip("\ufeff").splitlines()
    for number, line in enumerate(lines):
        key, colon, value = line.partition(":")
        if colon and key.strip().strip("\"'") == "command":
            return _scalar(value.strip(), _indented(lines[number + 1 :], _indent(line))) or None
    return None


def _scalar(value: str, following: list[str]) -> str:
    """A YAML scalar on one line or on several: plain, quoted, or a block (`>`, `|`)."""
    if _BLOCK.fullmatch(value):
        return " ".join(following)
    text = " ".join([value, *following])
    if text.startswith("'") and (quoted := _SINGLE.match(text)):
        return quoted[1].replace("''", "'")
    if text.startswith('"') and (quoted := _DOUBLE.match(text)):
        return _ESCAPED.sub(r"\1", quoted[1])
    return " ".join(_COMMENT.split(line, maxsplit=1)[0].rstrip() for line in [value, *following]).strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(lines: list[str], above: int) -> list[str]:
    """The lines that belong to the key before them."""
    kept: list[str] = []
    for line in lines:
        if line.strip() and _indent(line) <= above:
            break
        kept.append(line.strip())
    return [line for line in kept if line]


def _split(line: str) -> tuple[str, ...]:
    """In words, as a shell does it."""
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise ProgramUnusable(f"The command in 'metadata' can't be split into words: {error}.") from error
