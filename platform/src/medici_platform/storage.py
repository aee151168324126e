"""Uploads, data sets, outputs: files named by their sha256 in one folder, which several web processes may share."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from medici_platform.errors import MediciError, NotFound, StorageFull, TooLarge

SHA256 = re.compile(r"[0-9a-f]{64}")
"""No other text names a stored file, wherever it came from."""


ROOM_LOOK_BYTES = 16 * 1024**2
"""So often the disk is looked at while a file comes in."""


@dataclass(frozen=True)
class StoredFile:
    sha256: str
    size_bytes: int


class StorageUnusable(MediciError):
    """Its folder can't be made. Of programs that start."""

    code = "storage"


class Storage:
    """`reserve_bytes`: with less than this left on its disk nothing new is taken; what runs may still be reported.

    Raises StorageUnusable.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int = 0) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._incoming = folder / "incoming"
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnusable(
                f"The storage {folder} cannot be used ({error.strerror}): name another folder in MEDICI_STORAGE_DIR."
            ) from error

    def path(self, sha256: str) -> Path:
        """Raises NotFound when no such file is stored."""
        path = self._place(sha256)
        if not SHA256.fullmatch(sha256) or not path.is_file():
            raise NotFound(f"The stored file {sha256[:12]}… is missing.")
        return path

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free

    @property
    def is_full(self) -> bool:
        return self._reserve_bytes > 0 and self.free_bytes < self._reserve_bytes

    def require_room(self, size_bytes: int = 0) -> None:
        """For something new of this size. Raises StorageFull."""
        if self._reserve_bytes and self.free_bytes - size_bytes < self._reserve_bytes:
            raise StorageFull(
                "The platform's storage is nearly full, so that nothing new is taken now. Nothing of yours is lost: "
                "try again later, or tell whoever runs this platform."
            )

    def receive(self, *, limit_bytes: int, is_new: bool = True) -> "Reception":
        """`is_new`: not what was begun already, for whose end the reserve is kept. Raises StorageFull."""
        if is_new:
            self.require_room()
        return Reception(self._incoming, limit_bytes=limit_bytes, check_room=self.require_room if is_new else None)

    def keep(self, draft: Path, sha256: str) -> None:
        """Move a complete file into place; a file of the same content that is there already wins."""
        place = self._place(sha256)
        if place.exists():
            draft.unlink()
            return
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.chmod(0o400)
        draft.replace(place)

    def store_bytes(self, content: bytes) -> StoredFile:
        """A small file whose content is at hand."""
        with self.receive(limit_bytes=len(content)) as reception:
            reception.write(content)
            stored = reception.complete()
            self.keep(reception.path, stored.sha256)
        return stored

    def store_file(self, draft: Path) -> StoredFile:
        """Keep a draft that has been filled, under the hash of what it holds."""
        with draft.open("rb") as content:
            stored = StoredFile(hashlib.file_digest(content, "sha256").hexdigest(), draft.stat().st_size)
        self.keep(draft, stored.sha256)
        return stored

    def draft(self) -> Path:
        """A new empty file on the same file system, to be filled and then kept. Raises StorageFull."""
        self.require_room()
        handle, name = tempfile.mkstemp(dir=self._incoming)
        os.close(handle)
        return Path(name)

    def _place(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


class Reception:
    """A file on its way in: written with a running hash, gone without a trace unless it is kept."""

    def __init__(self, folder: Path, *, limit_bytes: int, check_room: Callable[[], None] | None = None) -> None:
        self._file = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115 - closed in __exit__
        self.path = Path(self._file.name)
        self._limit_bytes = limit_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self._check_room = check_room
        self._checked_bytes = 0

    def write(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(
                f"The file is larger than the limit of {self._limit_bytes / 1024**2:,.0f} MiB for one upload.",
            )
        if self._check_room is not None and self.size_bytes - self._checked_bytes > ROOM_LOOK_BYTES:
            self._checked_bytes = self.size_bytes
            self._check_room()
        self._hash.update(chunk)
        self._file.write(chunk)

    def complete(self) -> StoredFile:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return StoredFile(self._hash.hexdigest(), self.size_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)
