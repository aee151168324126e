"""A first bundle to change into one's own: it works at once, with pictures drawn here."""

import random
import re
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from medici_bundles.json_schema import EDITOR_HINT, SCHEMA_FILE, schema_text
from medici_bundles.schema import slug_of
from medici_bundles.writing import write_entry

TEMPLATES = ("competition.yaml", "README.md", "overview.md")
"""Names of the files in which `{title}` and the like are filled in."""
LONGEST_TITLE = 200
PRACTICE_DAYS = 30
FINAL_DAYS = 60
PICTURES = {"practice": 24, "test": 40}
SIZE_PX = 16
_GREY = 100
_NOISE = 18
_SPOT = (32, 80)
"""How much brighter a spot is, at least and at most: the faintest are lost in the noise."""


class StarterRefused(Exception):
    """One sentence: why nothing was written."""


def write_starter(folder: Path | str, title: str = "", *, today: date) -> list[str]:
    """Write the starter into a new or empty folder; answers the names of its files. Raises StarterRefused.

    The title is by default made of the folder's name. The first phase opens today.
    """
    home = Path(folder)
    named = " ".join((title or home.resolve().name.replace("-", " ").replace("_", " ").capitalize()).split())
    if not 0 < len(named) <= LONGEST_TITLE:
        raise StarterRefused(
            f"A title has 1 to {LONGEST_TITLE} characters, not {len(named)}; give another with --title."
        )
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise StarterRefused(f"{home} is not an empty folder; name a new one.")
    contents = dict(_contents(_filled(named, today)))
    for name, content in contents.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sorted(contents)


def _filled(title: str, today: date) -> dict[str, str]:
    """What stands for the names in braces."""
    start = datetime.combine(today, time(), UTC)
    slug = slug_of(title) or "challenge"
    moments = {"start": 0, "final": PRACTICE_DAYS, "end": PRACTICE_DAYS + FINAL_DAYS}
    return {
        "hint": EDITOR_HINT,
        "title_line": write_entry("title", title).rstrip("\n"),
        "slug_line": write_entry("slug", slug).rstrip("\n"),
        "title": title,
        "slug": slug,
        **{name: f"{start + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for name, days in moments.items()},
    }


def _contents(filled: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    for name, content in _templates(files("medici_bundles") / "starter_files", ""):
        if name.rpartition("/")[2] in TEMPLATES:
            yield name, _replaced(content.decode(), filled).encode()
        else:
            yield name, content
    yield SCHEMA_FILE, schema_text().encode()
    yield "logo.png", _logo()
    for place, (part, count) in enumerate(PICTURES.items()):
        yield from _pictures(part, count, seed=place)


def _templates(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _templates(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _replaced(text: str, filled: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: filled[name[1]], text)


def _pictures(part: str, count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(seed)  # noqa: S311 - pictures, not secrets
    answers = ["file,class"]
    for number in range(1, count + 1):
        name, kind = f"{number:03d}.pgm", chance.choice(("spot", "empty"))
        answers.append(f"{name},{kind}")
        picture = _picture(chance, kind)
        yield f"input_data/{part}/{name}", picture
        if part == "practice":
            yield f"public_data/pictures/{name}", picture
    table = "\n".join([*answers, ""]).encode()
    yield f"reference_data/{part}/answers.csv", table
    if part == "practice":
        yield "public_data/answers.csv", table


def _picture(chance: random.Random, kind: str) -> bytes:
    """Plain PGM: noise, with a brighter square of 3×3 pixels where there is a spot."""
    rows = [[round(chance.gauss(_GREY, _NOISE)) for _ in range(SIZE_PX)] for _ in range(SIZE_PX)]
    if kind == "spot":
        left, top, more = chance.randrange(SIZE_PX - 2), chance.randrange(SIZE_PX - 2), chance.randint(*_SPOT)
        for row in rows[top : top + 3]:
            row[left : left + 3] = [value + more for value in row[left : left + 3]]
    lines = [" ".join(str(min(max(value, 0), 255)) for value in row) for row in rows]
    return "\n".join(["P2", f"{SIZE_PX} {SIZE_PX}", "255", *lines, ""]).encode()


def _logo() -> bytes:
    """A PNG of 64×64 grey pixels with a bright disc."""
    size = 64
    inside = [[(x - 40) ** 2 + (y - 24) ** 2 < 120 for x in range(size)] for y in range(size)]  # noqa: PLR2004
    pixels = b"".join(b"\0" + bytes(230 if bright else 70 for bright in row) for row in inside)
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(pixels)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
