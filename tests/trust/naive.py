"""Unpacks hostile archives as a careless program would, each in a folder of its own that is all it sees.

Runs inside a throwaway container: `python naive.py FOLDER` prints archive → what harm came of it, as JSON.
"""

import bz2  # noqa: F401 - whoever sees a jail alone can import nothing more
import contextlib
import grp  # noqa: F401 - see above
import gzip  # noqa: F401 - see above
import io
import json
import lzma  # noqa: F401 - see above
import os
import pwd  # noqa: F401 - see above
import resource
import stat
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

INSIDE = "in/unpacked"
CODEC = b"a".decode("cp437")
"""Of old zips; looked up once, for the same reason."""
PASSWD = "root\n"
OURS = (b"/etc", b"/etc/passwd", b"/in", b"/in/unpacked")
MANY = 20_000
"""A submission's limit."""
MUCH = 100 * 1024**2
FORGIVEN = (
    OSError,
    tarfile.TarError,
    ValueError,
    RuntimeError,
    EOFError,
    NotImplementedError,
    KeyError,
    zlib.error,
    zipfile.BadZipFile,
)


def unpack_zip(content: bytes) -> int:
    """By the directory's names, as they are: links, parents and all. How many bytes came out."""
    total = 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            with contextlib.suppress(*FORGIVEN):
                total += write(entry, archive)
            if total > MUCH:
                break
    return total


def write(entry: zipfile.ZipInfo, archive: zipfile.ZipFile) -> int:
    path = os.path.join("/" + INSIDE, entry.orig_filename)  # noqa: PTH118 - careless on purpose
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFDIR or path.endswith("/"):
        os.makedirs(path, exist_ok=True)  # noqa: PTH103 - see above
        return 0
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - see above
    with archive.open(entry) as source:
        if kind == stat.S_IFLNK:
            os.symlink(source.read(), path.encode())  # noqa: PTH211 - see above
            return 0
        if kind in (stat.S_IFIFO, stat.S_IFSOCK):
            os.mknod(path, kind | 0o666)
            return 0
        with open(path, "wb") as target:  # noqa: PTH123 - see above
            size = 0
            while chunk := source.read(1024**2):
                size += len(chunk)
                if size <= MUCH // 4:
                    target.write(chunk)
                elif size > MUCH:
                    break
            return size


def unpack_tar(content: bytes) -> int:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
        archive.extraction_filter = lambda member, _: member
        total = 0
        for member in archive:
            total += member.size
            if member.size > MUCH:
                return total
            with contextlib.suppress(*FORGIVEN):
                archive.extract(member, "/" + INSIDE)
        return total


def harms(content: bytes, jail: Path) -> list[str]:
    """What a careless program does with it: in a child that sees nothing but the jail."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.chroot(jail)
        os.chdir("/")
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        try:
            total = unpack_tar(content) if not content.startswith(b"PK") else unpack_zip(content)
            found = looked_at(total, declared(content))
        except FORGIVEN as error:
            found = [f"refused: {type(error).__name__}"]
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    os.wait()
    told = os.read(reading, 65536)
    os.close(reading)
    return list(json.loads(told or "[]"))


def declared(content: bytes) -> int:
    if not content.startswith(b"PK"):
        return 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return len([one for one in archive.infolist() if not one.is_dir()])


def looked_at(total: int, entries: int) -> list[str]:
    found = [f"{total} bytes"] if total > MUCH else []
    names = []
    for folder, folders, files in os.walk(b"/"):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)  # noqa: PTH118 - bytes
            if path.startswith(b"/" + INSIDE.encode()):
                found += odd(path)
                names.append(path.lower())
            elif path not in OURS:
                found.append(f"outside: {path!r}")
    if Path("/etc/passwd").read_text() != PASSWD:
        found.append("outside: /etc/passwd is another one")
    if len(names) != len(set(names)):
        found.append("names that are one on other machines")
    there = sum(len(files) for _, _, files in os.walk("/" + INSIDE))
    if entries == 2 and there == 1:
        found.append("two entries, one file")
    if there > MANY:
        found.append(f"{there} files")
    return found


def odd(path: bytes) -> list[str]:
    """What a file or its name is that none should be."""
    status = os.lstat(path)
    found = []
    if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
        found.append(f"no file: {path!r}")
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        found.append(f"a hard link: {path!r}")
    text = path.decode("utf-8", "surrogateescape")
    if not text.isprintable() or "\\" in text:
        found.append(f"a name that deceives: {path!r}")
    return found


def main(folder: Path) -> None:
    found = {}
    for number, archive in enumerate(sorted(folder.iterdir())):
        jail = Path(f"/jail/{number}")
        (jail / INSIDE).mkdir(parents=True)
        (jail / "etc").mkdir()
        (jail / "etc/passwd").write_text(PASSWD)
        found[archive.name] = harms(archive.read_bytes(), jail)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
