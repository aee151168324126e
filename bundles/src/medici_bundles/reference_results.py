"""Published figures that stand beside a leaderboard: a CSV file of the bundle. Pure.

Its header is `method,task,<column key>…,source,data`. A row is one method's figures in one task, named by its name, or,
with an empty task, over the whole board; an empty cell was not published. `source` says where it was published, `data`
on what it was measured, as in `published, real data`.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from unicodedata import category

from medici_bundles.faults import BundleRejected, Fault

MAX_BYTES = 4 * 1024**2
MAX_ROWS = 5_000
LONGEST = {"method": 200, "task": 200, "source": 500, "data": 100}
"""Characters of the columns that hold text."""


@dataclass(frozen=True)
class ReferenceRow:
    method: str
    task: str
    """Name of a task; empty: over the whole board."""
    scores: Mapping[str, float]
    """Column key → number."""
    source: str
    data: str


@dataclass(frozen=True)
class Board:
    """What the rows of one leaderboard may name."""

    columns: Sequence[str]
    """Keys of columns that can hold a published figure."""
    ranks: Sequence[str] = ()
    """Keys of those that tell a place among the entries, which no published figure has."""
    tasks: Sequence[str] = ()
    """Names."""


def read_reference_results(file: str, content: bytes, board: Board) -> tuple[ReferenceRow, ...]:
    """The rows in the file's order. `file` is its name in the bundle.

    Raises BundleRejected with all faults, each with its line.
    """
    if len(content) > MAX_BYTES:
        raise BundleRejected([Fault(file, 0, f"is larger than {MAX_BYTES // 1024**2} MiB")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BundleRejected([Fault(file, 0, "is not UTF-8 text; save it as UTF-8")]) from None
    reading = _Reading(file, board)
    try:
        rows = tuple(reading.rows(text))
    except csv.Error as error:
        raise BundleRejected([*reading.faults, Fault(file, 0, f"is not a CSV file: {error}")]) from None
    if reading.faults:
        raise BundleRejected(reading.faults)
    return rows


@dataclass
class _Reading:
    file: str
    board: Board
    faults: list[Fault] = field(default_factory=list)
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)
    """Method and task → the line that gives them."""

    def rows(self, text: str) -> Iterator[ReferenceRow]:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [cell.strip() for cell in next(lines, [])]
        if not self._is_sound(header):
            return
        count = 0
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MAX_ROWS:
                self._fault(lines.line_num, f"is one row more than {MAX_ROWS}, the most that stand beside a board")
                return
            if len(cells) != len(header):
                self._fault(lines.line_num, f"has {len(cells)} cells, but the header has {len(header)}")
                continue
            yield self._row(lines.line_num, dict(zip(header, map(str.strip, cells), strict=True)))

    def _is_sound(self, header: list[str]) -> bool:
        known = len(self.faults)
        for name in dict.fromkeys(header):
            if header.count(name) > 1:
                self._fault(1, f"names the column {name!r} twice")
            elif name in self.board.ranks:
                self._fault(1, f"names the column {name!r}, a rank among the entries, which references have none of")
            elif name not in LONGEST and name not in self.board.columns:
                keys = ", ".join(self.board.columns)
                self._fault(1, f"names the column {name!r}, but the keys of the board's columns are {keys}")
        for name in LONGEST:
            if name not in header:
                self._fault(1, f"lacks the column {name!r}; the header is method,task,<column key>…,source,data")
        if not set(header) & set(self.board.columns):
            self._fault(1, "names no column of the board")
        return len(self.faults) == known

    def _row(self, line: int, cells: dict[str, str]) -> ReferenceRow:
        self._check_texts(line, cells)
        numbers = {key: cells[key] for key in cells if key not in LONGEST and cells[key]}
        scores = {key: value for key, text in numbers.items() if (value := self._number(line, key, text)) is not None}
        if not numbers:
            self._fault(line, "gives no number; leave the row out")
        return ReferenceRow(cells["method"], cells["task"], scores, cells["source"], cells["data"])

    def _check_texts(self, line: int, cells: dict[str, str]) -> None:
        method, task = cells["method"], cells["task"]
        for name in ("method", "source", "data"):
            if not cells[name]:
                self._fault(line, f"gives no {name}")
        for name, most in LONGEST.items():
            if len(cells[name]) > most:
                self._fault(line, f"has a {name} of more than {most} characters")
            if any(category(character) == "Cc" for character in cells[name]):
                self._fault(line, f"has a {name} with a line break or a control character; write it as plain text")
        if task and task not in self.board.tasks:
            known = ", ".join(dict.fromkeys(self.board.tasks))
            self._fault(line, f"names the task {task!r}, but the tasks are {known}")
        first = self._seen.setdefault((method, task), line)
        if method and first != line:
            where = f"in the task {task!r}" if task else "over all"
            self._fault(line, f"gives {method!r} {where} again, as line {first} does; keep one of the two")

    def _number(self, line: int, key: str, text: str) -> float | None:
        try:
            value = float(text) if "_" not in text else None
        except ValueError:
            value = None
        if value is None or not isfinite(value):
            advice = "leave unpublished ones empty"
            self._fault(line, f"has {text[:40]!r} in the column {key!r}, which is no number; {advice}")
            return None
        return value

    def _fault(self, line: int, message: str) -> None:
        self.faults.append(Fault(self.file, line, message))
