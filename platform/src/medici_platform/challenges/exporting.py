"""From a challenge back to a bundle: competition.yaml, and every file that it needs, as a zip that streams.

An import of the export stores the same bytes: data values are laid out so that the reader's rules for them (a folder is
taken as it is, without caches; of a zip, one wrapping folder is stripped) lead back to what is stored.
"""

import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from sqlalchemy.orm import Session

from medici_bundles.packing import Member, is_excluded, write_zip
from medici_bundles.reader import DEFINITION_NAMES, LEFT_OUT
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.secrecy import overlap
from medici_bundles.writing import write_definition
from medici_platform.challenges.models import Challenge, ChallengeFile
from medici_platform.errors import Conflict
from medici_platform.queues.models import Queue
from medici_platform.storage import Storage

CHUNK_BYTES = 1024**2
_DENSE = frozenset({".zip", ".gz", ".xz", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".npz", ".pth", ".pt"})
MOST_OPEN = 16
"""Files of the storage at a time."""


@dataclass
class Export:
    """What goes into the zip, all of it known to be there."""

    members: dict[str, Member] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    """Empty folders."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _opened: dict[Path, zipfile.ZipFile] = field(default_factory=dict)

    def add_file(self, name: str, path: Path) -> None:
        self.members.setdefault(name, Member.of(name, path))

    def add_bytes(self, name: str, content: bytes) -> None:
        self.members.setdefault(name, Member(name, len(content), lambda: iter([content])))

    def add_unpacked(self, prefix: str, path: Path, infos: Iterable[zipfile.ZipInfo]) -> None:
        for info in infos:
            name = f"{prefix}{info.filename}"
            self.members.setdefault(name, Member(name, info.file_size, self._reader(path, info)))

    def add_wrapped(self, name: str, path: Path, infos: Iterable[zipfile.ZipInfo]) -> None:
        """The zip with a folder around everything, which the import takes off again."""
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="medici-export-")))
        inner = [Member(f"data/{info.filename}", info.file_size, self._reader(path, info)) for info in infos]
        wrapped = folder / "data.zip"
        write_zip(inner, wrapped)
        self.add_file(name, wrapped)

    def stream(self) -> Iterator[bytes]:
        """The zip, deterministic: sorted names, fixed times. Once: what it holds open is closed at the end."""
        with self._stack:
            outlet = _Outlet()
            names = sorted([*self.members, *(f"{name}/" for name in self.folders)], key=str.encode)
            with zipfile.ZipFile(outlet, "w", allowZip64=True) as archive:
                for name in names:
                    member = self.members.get(name) or Member(name, 0, lambda: iter(()))
                    with archive.open(_info(member), "w") as entry:
                        for chunk in member.chunks():
                            entry.write(chunk)
                            yield from outlet.taken()
                    yield from outlet.taken()
            yield from outlet.taken()

    def _reader(self, path: Path, info: zipfile.ZipInfo) -> "_Reader":
        return _Reader(self, path, info)

    def opened(self, path: Path) -> zipfile.ZipFile:
        """A stored zip, opened once for entries that follow each other. A slow reader holds few files open."""
        if path not in self._opened:
            if len(self._opened) >= MOST_OPEN:
                self._opened.pop(next(iter(self._opened))).close()
            self._opened[path] = self._stack.enter_context(zipfile.ZipFile(path))
        return self._opened[path]


@dataclass(frozen=True)
class _Reader:
    export: Export
    path: Path
    info: zipfile.ZipInfo

    def __call__(self) -> Iterator[bytes]:
        with self.export.opened(self.path).open(self.info) as entry:
            yield from _chunks(entry)


def export_challenge(session: Session, challenge: Challenge, storage: Storage) -> Export:
    """Raises NotFound when a file is missing from the storage: nothing is sent then."""
    export = Export()
    definition = current_definition(session, challenge)
    export.add_bytes(DEFINITION_NAMES[0], write_definition(definition).encode())
    names = {file.path for file in challenge.files}
    for file in challenge.files:
        path = storage.path(file.sha256)
        if file.is_data:
            _add_data(export, file, path, names)
        else:
            export.add_file(file.path, path)
    _add_kit(export, challenge, storage)
    return export


def current_definition(session: Session, challenge: Challenge) -> ChallengeDefinition:
    """As it was imported, with what has been decided here since: the name, the queue, who organizes."""
    said = dict(challenge.definition)
    if not said:
        raise Conflict(
            f"{challenge.slug!r} was imported by an older version, which kept no definition: import its bundle once "
            f"more with `medici challenge update {challenge.slug} BUNDLE`, and export it then.",
            code="no_definition",
        )
    queue = session.get(Queue, challenge.queue_id) if challenge.queue_id else None
    names = sorted(each.username for each in challenge.collaborators)
    said |= {"slug": challenge.slug, "queue": queue.name if queue else None, "collaborators": names or None}
    return ChallengeDefinition.model_validate({key: value for key, value in said.items() if value is not None})


def _add_data(export: Export, file: ChallengeFile, path: Path, names: set[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    inside = [info.filename for info in infos]
    if not infos:
        export.folders.add(file.path.removesuffix(".zip"))
    elif not file.path.endswith(".zip") and not any(is_excluded(name, LEFT_OUT) for name in inside):
        export.add_unpacked(f"{file.path}/", path, infos)
    else:
        name = file.path if file.path.endswith(".zip") or f"{file.path}.zip" in names else f"{file.path}.zip"
        if _is_wrapped(inside):
            export.add_wrapped(name, path, infos)
        else:
            export.add_file(name, path)


def _is_wrapped(names: list[str]) -> bool:
    return len({PurePosixPath(name).parts[0] for name in names}) == 1 and all("/" in name for name in names)


def _add_kit(export: Export, challenge: Challenge, storage: Storage) -> None:
    """What the kit holds beside the challenge's own files: the organizers' README, baselines, examples."""
    if challenge.kit_sha256 is None:
        return
    path = storage.path(challenge.kit_sha256)
    data = [file.path for file in challenge.files if file.is_data]
    with zipfile.ZipFile(path) as archive:
        infos = [
            info
            for info in archive.infolist()
            if info.filename not in DEFINITION_NAMES and not any(overlap(info.filename, each) for each in data)
        ]
    export.add_unpacked("", path, infos)


class _Outlet:
    """Where zipfile writes; it cannot seek back, so what has been written may leave at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def close(self) -> None:
        """There is nothing to close."""

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> Iterator[bytes]:
        if sum(map(len, self._pieces)):
            yield b"".join(self._pieces)
        self._pieces.clear()


def _info(member: Member) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member.name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    is_folder = member.name.endswith("/")
    info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10 if is_folder else (stat.S_IFREG | 0o644) << 16
    info.file_size = member.size_bytes
    is_stored = is_folder or PurePosixPath(member.name).suffix.lower() in _DENSE
    info.compress_type = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
    return info


def _chunks(entry: IO[bytes]) -> Iterator[bytes]:
    while chunk := entry.read(CHUNK_BYTES):
        yield chunk
