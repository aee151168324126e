"""`predictions.csv`: a probability for every image and class, held against the names that are asked for.

All faults are found in one pass. Participants are told counts and lines of their own file; organizers the names too.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from medici_scoring.predictions import Fault, PredictionsInvalid, bare_name

FILE_NAME = "predictions.csv"
FIRST_COLUMN = "image"


def read_probabilities(path: Path, *, images: Sequence[str], classes: Sequence[str]) -> list[list[float]]:
    """NxC probabilities in the order of `images`, whatever the order of the rows. Raises PredictionsInvalid."""
    rows = _rows(path)
    header = [FIRST_COLUMN, *classes]
    if not rows or [cell.strip() for cell in rows[0][1]] != header:
        fault = Fault(f"The first line of {FILE_NAME} must be exactly `{','.join(header)}`")
        raise _refused([fault])
    reading = _Reading(images, len(classes))
    for line, cells in rows[1:]:
        reading.take(line, cells)
    faults = list(reading.faults())
    if faults:
        raise _refused(faults)
    return [reading.found[name] for name in images]


class _Reading:
    """One pass over the rows."""

    def __init__(self, images: Sequence[str], width: int) -> None:
        self.images, self.wanted, self.width = images, set(images), width
        self.found: dict[str, list[float]] = {}
        self.ragged: list[tuple[int, str]] = []
        self.unknown: list[tuple[int, str]] = []
        self.repeated: list[tuple[int, str]] = []
        self.not_numbers: list[tuple[int, str]] = []
        self.outside: list[tuple[int, str]] = []

    def take(self, line: int, cells: Sequence[str]) -> None:
        if len(cells) != self.width + 1:
            self.ragged.append((line, cells[0]))
            return
        name = bare_name(cells[0])
        values = [_number(cell) for cell in cells[1:]]
        if any(value is None for value in values):
            self.not_numbers.append((line, name))
        elif any(not 0 <= value <= 1 for value in values if value is not None):
            self.outside.append((line, name))
        if name not in self.wanted:
            self.unknown.append((line, name))
        elif name in self.found:
            self.repeated.append((line, name))
        else:
            self.found[name] = [math.nan if value is None else value for value in values]

    def faults(self) -> Iterator[Fault]:
        missing = [name for name in self.images if name not in self.found]
        if missing and not self.ragged:
            yield Fault(_count(len(missing), "image has no row", "images have no row"), names=missing)
        yield from _fault(self.ragged, f"not {self.width + 1} cells, a name and {self.width} probabilities")
        yield from _fault(self.unknown, "the name of an image that is not asked for")
        yield from _fault(self.repeated, "an image that has a row already")
        yield from _fault(self.not_numbers, "a cell that is no finite number")
        yield from _fault(self.outside, "a probability below 0 or above 1")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that hold anything, with their lines."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""))
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except UnicodeDecodeError as error:
        raise _refused([Fault("The file is not UTF-8 text", advice="Save it as UTF-8.")]) from error
    except csv.Error as error:
        raise _refused([Fault("The file cannot be read as CSV", names=[str(error)])]) from error


def _number(cell: str) -> float | None:
    """None for what is no finite number."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _fault(rows: Sequence[tuple[int, str]], what: str) -> Iterator[Fault]:
    if rows:
        sentence = f"{_count(len(rows), 'row holds', 'rows hold')} {what}"
        yield Fault(sentence, lines=[line for line, _ in rows], names=[name for _, name in rows])


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _refused(faults: Sequence[Fault]) -> PredictionsInvalid:
    public = "\n".join(fault.public() for fault in faults)
    return PredictionsInvalid(public, "\n".join(fault.private() for fault in faults))
