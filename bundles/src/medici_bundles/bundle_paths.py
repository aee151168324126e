"""Paths as competition.yaml writes them: inside the bundle, relative, with forward slashes."""

import re
from typing import Annotated

from pydantic import AfterValidator

from medici_bundles.shapes import is_uuid


class _FileMark:
    """Marks the fields of the schema that name something in the bundle."""

    def __init__(self, *, data: bool) -> None:
        self.data = data


FILE = _FileMark(data=False)
DATA = _FileMark(data=True)


def inside(path: str) -> str:
    """The path in its plain form, `./pages//a.md` → `pages/a.md`. Raises ValueError with a sentence."""
    if is_uuid(path):
        raise ValueError(f"refers to data {path} on another server; put the files into the bundle and name them here")
    if re.match(r"^[a-z]+://", path, re.IGNORECASE):
        raise ValueError(f"names the address {path!r}; put the files into the bundle and name them here")
    if "\\" in path:
        raise ValueError(f"names {path!r}; write the path with forward slashes")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or (parts and re.match(r"^[A-Za-z]:", parts[0])):
        raise ValueError(f"names {path!r}, which is outside the bundle; write a path relative to competition.yaml")
    if not parts or "\0" in path:
        raise ValueError("is empty; name a file or folder of the bundle")
    return "/".join(parts)


FilePath = Annotated[str, AfterValidator(inside), FILE]
"""A single file: a page, an image."""

DataPath = Annotated[str, AfterValidator(inside), DATA]
"""A zip or a folder."""
