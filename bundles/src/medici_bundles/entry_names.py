"""Names inside archives: which are refused, which are noise, and which get into each other's way."""

import re
import unicodedata
from typing import NamedTuple

MAX_NAME_BYTES = 1024
MAX_PART_BYTES = 255
"""What a file system takes as the name of one file."""
MAX_PARTS = 64
"""Of one path."""
_NOISE_NAMES = {".DS_Store", "Thumbs.db"}
_HIDING = re.compile("[\u2028-\u202e\u2066-\u2069]")
"""Characters that break lines or turn the direction of text, so that a name reads as another one."""


class ArchiveRejected(Exception):
    """The archive is not used. The text is one sentence: which entry, what is wrong, what to do."""

    @classmethod
    def entry(cls, name: str, problem: str) -> "ArchiveRejected":
        return cls(f"Entry {shown(name)} {problem}.")


def shown(name: str) -> str:
    """A name as it can stand in a sentence: quoted, control characters escaped, not longer than 100 characters."""
    text = name if len(name) <= 100 else f"{name[:60]}…{name[-39:]}"  # noqa: PLR2004 - the length that is promised
    return repr(_HIDING.sub("\ufffd", text))


def is_noise(name: str) -> bool:
    """Files that Finder and Explorer leave in zips without being asked."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or parts[-1].startswith("._") or parts[-1] in _NOISE_NAMES


def checked_name(raw: str) -> str:
    """The name without the slash at a folder's end. Raises ArchiveRejected when it could reach outside or deceive."""
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in raw) or _HIDING.search(raw):
        raise ArchiveRejected.entry(raw, "has a control character in its name; rename it and make the zip again")
    if "\\" in raw:
        raise ArchiveRejected.entry(raw, "has a backslash in its name; make the zip with forward slashes")
    if raw.startswith("/") or re.match(r"^[A-Za-z]:", raw):
        raise ArchiveRejected.entry(raw, "has an absolute path; make the zip from inside the folder")
    parts = raw.removesuffix("/").split("/")
    if ".." in parts:
        raise ArchiveRejected.entry(raw, "climbs out of the archive with '..'; make the zip from inside the folder")
    if "" in parts or "." in parts:
        raise ArchiveRejected.entry(raw, "has an empty or '.' part in its path; make the zip from inside the folder")
    if len(parts) > MAX_PARTS:
        raise ArchiveRejected.entry(raw, f"lies in more than {MAX_PARTS - 1} folders; make the zip from inside them")
    sizes = [len(part.encode()) for part in parts]
    if max(sizes) > MAX_PART_BYTES or sum(sizes) + len(sizes) > MAX_NAME_BYTES:
        raise ArchiveRejected.entry(raw, "has a name that is too long; shorten it and make the zip again")
    return "/".join(parts)


class _Place(NamedTuple):
    name: str
    is_folder: bool


class Tree:
    """The names of an archive as they would lie on a disk, also on one that does not tell `A` from `a`."""

    def __init__(self, *, max_folders: int | None = None) -> None:
        self._max_folders = max_folders
        self._places: dict[str, _Place] = {}
        self._folders: set[str] = set()

    def add(self, name: str, *, is_folder: bool) -> None:
        """Raises ArchiveRejected when the name is taken."""
        self._add_parents(name)
        known = self._take(name, is_folder=is_folder)
        if known is not None and not (known.is_folder and is_folder):
            what = "is in the archive twice" if known.is_folder == is_folder else "is both a file and a folder"
            raise ArchiveRejected.entry(name, f"{what}; keep one of them")

    def _add_parents(self, name: str) -> None:
        parent = name.rpartition("/")[0]
        if not parent or parent in self._folders:
            return
        self._add_parents(parent)
        known = self._take(parent, is_folder=True)
        if known is not None and not known.is_folder:
            raise ArchiveRejected.entry(parent, "is both a file and a folder; keep one of them")
        self._folders.add(parent)
        if self._max_folders is not None and len(self._folders) > self._max_folders:
            raise ArchiveRejected(f"The archive has more than {self._max_folders} folders; leave some of them out.")

    def _take(self, name: str, *, is_folder: bool) -> _Place | None:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        known = self._places.setdefault(key, place := _Place(name, is_folder))
        if known.name != name:
            raise ArchiveRejected.entry(
                name, f"and entry {shown(known.name)} differ only in upper and lower case; rename one of them"
            )
        return None if known is place else known
