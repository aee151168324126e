"""When each image of a submission was last used, how much of the disk it takes, and whether a run needs it now.

One file per image: its time is the last use, its text the bytes that the image added to its bases.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path


class ImageUses:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def note(self, image_id: str, *, added_bytes: int | None = None) -> None:
        path = self._path(image_id)
        if added_bytes is not None:
            path.write_text(str(added_bytes))
        path.touch()
        os.utime(path)

    def last_used(self, image_id: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._path(image_id).stat().st_mtime, tz=UTC)
        except FileNotFoundError:
            return None

    def added_bytes(self, image_id: str) -> int | None:
        try:
            return int(self._path(image_id).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def hold(self, image_id: str) -> None:
        """A run of this process needs it until `let_go`: it is not removed."""
        with self._lock:
            self._held[image_id] += 1

    def let_go(self, image_ids: Iterable[str]) -> None:
        with self._lock:
            self._held.subtract(image_ids)

    def is_held(self, image_id: str) -> bool:
        with self._lock:
            return self._held[image_id] > 0

    def forget_unless(self, is_there: Callable[[str], bool]) -> None:
        for path in self._folder.iterdir():
            if not is_there(f"sha256:{path.name}"):
                path.unlink(missing_ok=True)

    def _path(self, image_id: str) -> Path:
        return self._folder / image_id.rpartition(":")[2]
