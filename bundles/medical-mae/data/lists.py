"""Lists of labelled radiographs: NIH's format, one image a line, its name and one 0 or 1 per class.

    00000001_000.png 0 1 0 0 0 0 0 0 0 0 0 0 0 0

Python's standard library alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

NIH = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""ChestX-ray14's findings in the order of its lists."""
MOST_SHOWN = 5


@dataclass(frozen=True)
class Entry:
    name: str
    """Of the file, with folders where the source has them."""
    labels: tuple[int, ...]
    """0 or 1 per class."""


class ListInvalid(ValueError):
    """A list cannot be used; one sentence per fault."""


def read_list(path: Path, classes: int = len(NIH)) -> list[Entry]:
    """All entries in the order of the file. Raises ListInvalid with every kind of fault and its lines."""
    faults: dict[str, list[int]] = {}
    entries: list[Entry] = []
    seen: set[str] = set()
    for number, line in enumerate(read_lines(path), start=1):
        name, *labels = line.split() or [""]
        if not name:
            continue
        fault = _fault(name, labels, classes, seen)
        if fault:
            faults.setdefault(fault, []).append(number)
            continue
        seen.add(name)
        entries.append(Entry(name, tuple(map(int, labels))))
    if faults:
        raise ListInvalid("\n".join(f"{path}: {fault} ({_lines(numbers)})." for fault, numbers in faults.items()))
    if not entries:
        raise ListInvalid(f"{path} names no image.")
    return entries


def _fault(name: str, labels: Sequence[str], classes: int, seen: set[str]) -> str:
    if len(labels) != classes:
        return f"a line must be a name and {classes} labels"
    if set(labels) - {"0", "1"}:
        return "a label must be 0 or 1"
    return "an image has a line already" if name in seen else ""


def read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ListInvalid(f"The list {path} is not there.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ListInvalid(f"{path} cannot be read as text in UTF-8: {error}.") from error


def write_list(path: Path, entries: Iterable[Entry]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (" ".join((entry.name, *map(str, entry.labels))) + "\n" for entry in entries)
    path.write_text("".join(lines), encoding="utf-8")


def write_names(path: Path, names: Iterable[str]) -> None:
    """One name a line: images without their labels, or classes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def read_names(path: Path) -> list[str]:
    """The names of the lines that hold one. Raises ListInvalid where there are none, or one comes twice."""
    names = [line.strip() for line in read_lines(path) if line.strip()]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        raise ListInvalid(f"{path} names {', '.join(twice[:MOST_SHOWN])} twice." if twice else f"{path} names nothing.")
    return names


def positives(entries: Sequence[Entry]) -> tuple[int, ...]:
    """How many images show each class."""
    return tuple(sum(column) for column in zip(*(entry.labels for entry in entries), strict=True))


def shared(*lists: Sequence[Entry]) -> Iterator[str]:
    """Names that more than one of the lists holds."""
    counts = Counter(entry.name for entries in lists for entry in entries)
    return (name for name, count in counts.items() if count > 1)


def _lines(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:MOST_SHOWN]))
    more = f" and {len(numbers) - MOST_SHOWN} more" if len(numbers) > MOST_SHOWN else ""
    return f"line{'s' if len(numbers) > 1 else ''} {shown}{more}"
