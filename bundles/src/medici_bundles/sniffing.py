"""What a file is by its first bytes, whatever it is called."""

import re
from enum import Enum
from pathlib import Path

from medici_bundles.archives import ends_like_a_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.tars import is_tar_header
from medici_bundles.unpacking import inflated_start, is_compressed

MAX_REFERENCE_BYTES = 1000
_SAVE_AS = "save the image as a tar, tar.gz or tar.xz, and everything else as a zip"
_OTHERS = (
    (b"Rar!", f"a RAR archive; {_SAVE_AS}"),
    (b"7z\xbc\xaf", f"a 7z archive; {_SAVE_AS}"),
    (b"BZh", f"compressed with bzip2; {_SAVE_AS}"),
    (b"\x28\xb5\x2f\xfd", f"compressed with Zstandard; {_SAVE_AS}"),
    (b"\x04\x22\x4d\x18", f"compressed with LZ4; {_SAVE_AS}"),
    (b"%PDF", "a PDF document; upload a zip"),
    (b"\x89PNG", "a PNG picture; upload a zip with it"),
    (b"\x93NUMPY", "a NumPy array; upload a zip with it"),
    (b"\x89HDF", "an HDF5 file; upload a zip with it"),
    (b"\x7fELF", "a program; upload a zip with it"),
)
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_HTML = re.compile(rb"^\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_REFERENCE = re.compile(r"[A-Za-z0-9][\w./:-]*@[a-z0-9]+:[0-9a-fA-F]+|[a-z0-9][a-z0-9._-]*(?:[/:][\w./:-]*)")


class ContentKind(Enum):
    ZIP = "zip"
    IMAGE = "image"


def sniffed(path: Path) -> ContentKind:
    """Raises ArchiveRejected with one sentence for what is neither a zip nor a tar."""
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith(_ZIP_STARTS):
        return ContentKind.ZIP
    if is_compressed(start):
        if not is_tar_header(inflated_start(path)):
            raise ArchiveRejected("The file is a compressed file that holds no tar; upload a zip with the file in it.")
        return ContentKind.IMAGE
    if is_tar_header(start):
        return ContentKind.IMAGE
    if ends_like_a_zip(path):
        return ContentKind.ZIP
    raise ArchiveRejected(f"The file is {_what(start)}.")


def image_reference_in(path: Path) -> str | None:
    """The one image that a short text names; None when the file is anything else."""
    if path.stat().st_size > MAX_REFERENCE_BYTES:
        return None
    try:
        text = path.read_text(encoding="utf-8").removeprefix("\ufeff").strip()
    except ValueError:
        return None
    return text if _REFERENCE.fullmatch(text) and not text.startswith(("http:", "https:")) else None


def _what(start: bytes) -> str:
    if not start:
        return "empty: it holds not a single byte"
    for magic, what in _OTHERS:
        if start.startswith(magic):
            return what
    if _HTML.match(start):
        return "an HTML page, perhaps one that asks to sign in; download the file again and upload that"
    if b"\0" not in start:
        return (
            "plain text; upload a zip with it (a text that holds nothing but registry/name@sha256:… submits that image)"
        )
    return "not a zip archive; upload a zip"
