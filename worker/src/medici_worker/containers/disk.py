"""The disk that the engine's images lie on, as far as this machine sees it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

FILES_RESERVE = 200_000
MUCH_BYTES = 1024**3
"""A build or pull that has taken this much of a full disk is what filled it."""


@dataclass(frozen=True, slots=True)
class Disk:
    """`folder` lies on it; below `reserve_bytes` of free space, nothing more is built or claimed."""

    folder: Path
    reserve_bytes: int

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def has_room_for(self, size_bytes: int) -> bool:
        return self.reserve_bytes == 0 or self.free_bytes - size_bytes >= self.reserve_bytes

    def taken_since(self, free_bytes: int) -> int:
        """How much less is free than before."""
        return free_bytes - self.free_bytes

    @property
    def is_low(self) -> bool:
        return self.reserve_bytes > 0 and (self.free_bytes < self.reserve_bytes or self._is_low_on_files)

    @property
    def _is_low_on_files(self) -> bool:
        """Empty files take no bytes that an engine counts, and some file systems have a number of them."""
        found = os.statvfs(self.folder)
        return found.f_files > 0 and found.f_favail < min(FILES_RESERVE, found.f_files // 20)


def engine_folder(root: str, otherwise: Path) -> Path:
    """The engine's own folder where this machine has one, else `otherwise`: in a container, that is a volume of it."""
    folder = Path(root)
    return folder if root and folder.is_dir() else otherwise
