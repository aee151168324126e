"""One entry of a zip: what it is, by its headers."""

import stat
import zipfile
from dataclasses import dataclass

from medici_bundles.entry_names import ArchiveRejected, checked_name, is_noise

ENCRYPTED = 0x1 | 0x40 | 0x2000
_PATCHED = 0x20
UTF8 = 0x800
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "BZIP2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True)
class Entry:
    info: zipfile.ZipInfo
    name: str
    """Without the slash at a folder's end."""
    is_folder: bool
    is_noise: bool


def entry_of(info: zipfile.ZipInfo) -> Entry:
    """Raises ArchiveRejected for everything but plain files and folders that can be read."""
    raw = entry_name(info)
    name = checked_name(raw)
    is_folder = raw.endswith("/")
    _refuse_kind(info, name, is_folder=is_folder)
    _refuse_method(info, name)
    _refuse_sizes(info, name, is_folder=is_folder)
    return Entry(info, name, is_folder, is_noise(name))


def entry_name(info: zipfile.ZipInfo) -> str:
    """The name as its maker meant it: macOS writes UTF-8 without saying so."""
    if info.flag_bits & UTF8:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeDecodeError:
        problem = "has a name that is not UTF-8; rename it and make the zip again"
        raise ArchiveRejected.entry(info.orig_filename, problem) from None


def _refuse_kind(info: zipfile.ZipInfo, name: str, *, is_folder: bool) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFDIR and not is_folder:
        raise ArchiveRejected.entry(name, "says that it is a folder and has the name of a file; make the zip again")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        what = _KINDS.get(kind, "neither a file nor a folder")
        raise ArchiveRejected.entry(name, f"is {what}; put the file itself into the zip")


def _refuse_method(info: zipfile.ZipInfo, name: str) -> None:
    if info.flag_bits & ENCRYPTED:
        raise ArchiveRejected.entry(name, "is encrypted; make the zip without a password")
    if info.flag_bits & _PATCHED or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        raise ArchiveRejected.entry(name, f"is compressed with {method}; make the zip with Deflate")


def _refuse_sizes(info: zipfile.ZipInfo, name: str, *, is_folder: bool) -> None:
    if is_folder and info.file_size:
        raise ArchiveRejected.entry(name, "is a folder that holds bytes of its own; make the zip again")
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise ArchiveRejected.entry(name, "declares two sizes, though it is not compressed; make the zip again")
