"""What a container wrote, read by strangers' rules: only regular files count, and never more than the limits.

The engine packs a folder into a tar stream without following links. A symbolic link, device, socket or pipe in it is
skipped and named for the organizers. So is a name that another machine would take for another one: what comes out is a
zip, which organizers unpack on theirs. A hard link is the file that it names, if that is in the same folder, and counts
like a copy of it: in the folder it takes no room, in the zip and wherever that is unpacked it does.
"""

import hashlib
import shutil
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from medici_worker.containers.archives import CHUNK_BYTES, FIXED_TIME, TarStream
from medici_worker.containers.interrupt import Interrupt
from medici_worker.protocol import Limits

PAGE_BYTES = 4096
NAMED_SKIPS = 20
LONGEST_PATH = 1024
"""In characters. Of what lies so deep that its path is none for the kernel any more, the engine says nothing."""
_READABLE_FILE = 0o004
_READABLE_FOLDER = 0o005


class OutputTooLarge(Exception):
    """More bytes or files than the limit, or longer names."""


@dataclass
class Outputs:
    """The regular files of an output folder, in a zip on this machine's disk."""

    archive: Path
    sha256: str = ""
    files: int = 0
    total_bytes: int = 0
    """Of the files under all their names."""
    name_bytes: int = 0
    used_bytes: int = 0
    """In whole pages, as the volume counts."""
    skipped: list[str] = field(default_factory=list)
    """One phrase per entry that is no regular file, or that the challenge's patterns leave out."""
    as_they_are: bool = True
    """Everything there was taken and everybody may read it: the folder itself can be handed to the scoring program."""
    _spellings: dict[str, str] = field(default_factory=dict)
    """Each path and folder without regard to case → as it was first spelt."""

    def other_spelling(self, name: str) -> str | None:
        """Of this path, or of a folder on it: what a file system without regard to case takes for the same."""
        parts = name.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
            if (known := self._spellings.setdefault(key, path)) != path:
                return known
        return None

    def describe_skipped(self) -> str:
        """For the organizers: what of the outputs was not handed on."""
        named = "; ".join(self.skipped[:NAMED_SKIPS])
        more = len(self.skipped) - NAMED_SKIPS
        return named + (f"; and {more} more" if more > 0 else "")


def collect(
    chunks: Iterable[bytes],
    archive: Path,
    *,
    limits: Limits,
    patterns: tuple[str, ...] = ("*",),
    comment: bytes = b"",
    stop: Interrupt | None = None,
) -> Outputs:
    """Read the engine's tar stream of a folder into a zip with sorted names and fixed times: same files, same bytes.

    `comment` is the zip's own: it travels with the outputs, and is none of them. The zip is no larger than
    `limits.archive_bytes`.

    Raises `OutputTooLarge` as soon as a limit is passed, and `Interrupted` once `stop` is set; sparse files count with
    their apparent size.
    """
    stop = stop or Interrupt()
    outputs = Outputs(archive)
    drafts = archive.with_suffix(".parts")
    drafts.mkdir()
    try:
        names = _read(stop.passing(chunks), drafts, outputs, limits, patterns)
        _pack(names, archive, comment, stop)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)
    outputs.sha256 = _sha256(archive)
    return outputs


def read_small(
    chunks: Iterable[bytes], wanted: tuple[str, ...], *, limit_bytes: Callable[[str], int]
) -> dict[str, bytes]:
    """The regular files at the folder's top that match `wanted` (fnmatch), each cut at its limit plus one."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=TarStream(chunks), mode="r|") as tar:
        for member in tar:
            name = _below(member.name)
            if member.isreg() and any(fnmatchcase(name, one) for one in wanted) and "/" not in name:
                file = tar.extractfile(member)
                found[name] = file.read(limit_bytes(name) + 1) if file else b""
    return found


def _read(
    chunks: Iterable[bytes], drafts: Path, outputs: Outputs, limits: Limits, patterns: tuple[str, ...]
) -> dict[str, Path]:
    names: dict[str, Path] = {}
    seen = 0
    with TarStream(chunks) as stream, tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as tar:
        for member in tar:
            name = _below(member.name)
            if not name:
                continue
            seen += 1
            if seen > limits.output_files:
                raise OutputTooLarge(f"more than {limits.output_files} files and folders")
            _count(outputs, member, names, limits)
            if _taken(outputs, member, name, patterns):
                _keep(tar, member, name, names, drafts)
    outputs.files = len(names)
    return names


def _count(outputs: Outputs, member: tarfile.TarInfo, names: dict[str, Path], limits: Limits) -> None:
    first = names.get(_below(member.linkname)) if member.islnk() else None
    outputs.total_bytes += first.stat().st_size if first is not None else member.size
    outputs.used_bytes += -(-member.size // PAGE_BYTES) * PAGE_BYTES
    outputs.name_bytes += len(member.name.encode(errors="surrogateescape"))
    if outputs.total_bytes > limits.output_bytes:
        raise OutputTooLarge(f"more than {limits.output_bytes} bytes, each hard link counted as a file")
    if outputs.name_bytes > limits.name_bytes:
        raise OutputTooLarge(f"more than {limits.name_bytes} bytes of names of files and folders")


def _taken(outputs: Outputs, member: tarfile.TarInfo, name: str, patterns: tuple[str, ...]) -> bool:
    """Whether this entry is handed on; what is not is remembered, and makes the folder unfit to be handed on whole."""
    if member.isdir():
        outputs.as_they_are &= member.mode & _READABLE_FOLDER == _READABLE_FOLDER and len(name) <= LONGEST_PATH
        return False
    if not (member.isreg() or member.islnk()):
        reason = "is no regular file"
    elif not _printable(name):
        reason = "has a name that is not readable text"
    elif len(name) > LONGEST_PATH:
        name, reason = f"{name[:LONGEST_PATH]}…", "lies too deep"
    elif not any(fnmatchcase(name, pattern) for pattern in patterns):
        reason = "is not among the outputs that this phase names"
    elif (other := outputs.other_spelling(name)) is not None:
        reason = f"and {other!r} differ only in upper and lower case"
    else:
        outputs.as_they_are &= bool(member.mode & _READABLE_FILE)
        return True
    outputs.skipped.append(f"{name!r} {reason}")
    outputs.as_they_are = False
    return False


def _keep(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, names: dict[str, Path], drafts: Path) -> None:
    if member.islnk():
        first = names.get(_below(member.linkname))
        if first is not None:
            names[name] = first
        return
    file = tar.extractfile(member)
    if file is None:
        return
    draft = drafts / str(len(names))
    with draft.open("wb") as target:
        shutil.copyfileobj(file, target, CHUNK_BYTES)
    names[name] = draft


def _pack(names: dict[str, Path], archive: Path, comment: bytes, stop: Interrupt) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.comment = comment
        for name in sorted(names):
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            with names[name].open("rb") as source, packed.open(info, "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK_BYTES):
                    stop.check()
                    target.write(chunk)


def _below(member_name: str) -> str:
    """`out/a/b` → `a/b`: the engine's names begin with the folder's own."""
    return member_name.lstrip("./").partition("/")[2].rstrip("/")


def _printable(name: str) -> bool:
    return name.isprintable() and "\\" not in name and ".." not in name.split("/")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
