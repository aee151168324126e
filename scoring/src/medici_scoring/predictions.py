"""Prediction files: a CSV `file,class`, held against a reference CSV of the same shape.

All faults of a file are found in one pass and told twice: to the participant with counts and line numbers of their own
file (never a name, a value or an answer, so that a hidden test set stays hidden), and to the organizer, or to whoever
scores on their own machine, with the names.
"""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HEADER = ("file", "class")
RESULTS_FILE = "classification_results.csv"
MOST_LINES = 5
MOST_NAMES = 20
MOST_MEGABYTES = 16
MOST_FILE_LINES = 500_000
"""Of a prediction file: what is more would fill the memory of the scoring program, and be its failure."""


class ReferenceInvalid(Exception):
    """The organizer's reference file cannot be used."""


class PredictionsInvalid(Exception):
    """The participant's file cannot be scored. `public` is for them, `private` (also `str()`) may name everything."""

    def __init__(self, public: str, private: str) -> None:
        super().__init__(private)
        self.public = public
        self.private = private


@dataclass(frozen=True)
class Row:
    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """One kind of fault: a sentence, the lines where it occurs, and what the organizer may know beside."""

    sentence: str
    lines: Sequence[int] = ()
    names: Sequence[str] = ()
    advice: str = ""

    def public(self) -> str:
        return _sentence(self.sentence, _some([str(line) for line in self.lines], MOST_LINES, "line"), self.advice)

    def private(self) -> str:
        named = ": " + _some(self.names, MOST_NAMES) if self.names else ""
        lines = _some([str(line) for line in self.lines], MOST_NAMES, "line")
        return _sentence(self.sentence, lines, "", named)


@dataclass
class _Reading:
    """What one pass over the rows collects."""

    classes: dict[str, str] = field(default_factory=dict)
    ragged: list[Row] = field(default_factory=list)
    repeated: list[Row] = field(default_factory=list)
    unknown_files: list[Row] = field(default_factory=list)
    unknown_classes: list[Row] = field(default_factory=list)


def find_predictions(folder: Path, *, name: str = RESULTS_FILE) -> Path:
    """The predictions among a run's outputs: the file called `name`, else the only CSV there is."""
    found = sorted(path for path in folder.rglob("*") if is_result(path, folder))
    named = [path for path in found if path.name == name]
    if len(named) == 1 or len(found) == 1:
        return small_enough((named or found)[0])
    if not found:
        raise refused(Fault(f"No CSV file was found among the results; write them to {name}."))
    fault = Fault(
        f"{len(found)} CSV files were found among the results, and it is not clear which to score; "
        f"keep one, called {name}",
        names=[path.relative_to(folder).as_posix() for path in found],
    )
    raise refused(fault)


def small_enough(path: Path) -> Path:
    """The prediction file itself. Raises PredictionsInvalid for one that is larger than any answer can be."""
    limit = f"{MOST_MEGABYTES} MiB or {MOST_FILE_LINES:,} lines"
    if path.stat().st_size <= MOST_MEGABYTES * 1024**2:
        content = path.read_bytes()
        if max(content.count(b"\n"), content.count(b"\r")) < MOST_FILE_LINES:
            return path
    raise refused(Fault(f"The file is larger than {limit}", advice="Write one line for each case, and nothing else."))


def find_reference(folder: Path) -> Path:
    """The reference file: the only CSV of the reference data."""
    found = sorted(path for path in folder.rglob("*") if is_result(path, folder))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ReferenceInvalid(f"The reference data must hold exactly one CSV file; found: {names} (in {folder}).")
    return found[0]


def read_reference(path: Path, *, classes: Collection[str]) -> dict[str, str]:
    """The true class of every image, by the image's bare name, in the order of the file."""
    try:
        rows = read_rows(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReferenceInvalid(f"{path.name} cannot be read as a UTF-8 CSV file: {error}.") from error
    if not rows or rows[0].cells != HEADER:
        raise ReferenceInvalid(f"{path.name} must begin with the line `file,class`.")
    truth: dict[str, str] = {}
    for row in rows[1:]:
        _add_truth(truth, row, path.name, classes)
    if not truth:
        raise ReferenceInvalid(f"{path.name} holds no rows below its header.")
    return truth


def read_predictions(path: Path, *, reference: Collection[str], classes: Collection[str]) -> dict[str, str]:
    """The predicted class of every image of `reference` (bare names). Raises PredictionsInvalid with all faults."""
    try:
        rows = read_rows(path)
    except UnicodeDecodeError as error:
        fault = Fault("The file is not UTF-8 text", lines=[line_of(path, error.start)], advice="Save it as UTF-8.")
        raise refused(fault) from error
    except csv.Error as error:
        fault = Fault("The file cannot be read as CSV", names=[str(error)], advice="Write it as plain `file,class`.")
        raise refused(fault) from error
    if not rows:
        raise refused(Fault("The file is empty", advice="It must begin with the line `file,class`."))
    _require_header(rows[0], path.name)
    reading = _read_rows(rows[1:], reference, classes)
    faults = list(_row_faults(reading, reference))
    if faults:
        raise refused(*faults)
    return {name: reading.classes[name] for name in reference}


def bare_name(path: str) -> str:
    r"""`/mnt/in/000010.jpg`, `testing-data\000010.jpg` and `000010.jpg` are the same image."""
    return path.strip().replace("\\", "/").rsplit("/", 1)[-1]


def is_result(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).parts
    noise = any(part.startswith(".") or part == "__MACOSX" for part in inside)
    return path.suffix.lower() == ".csv" and not noise and path.is_file() and not path.is_symlink()


def read_rows(path: Path) -> list[Row]:
    """All rows that hold anything, with the line on which each begins. A byte order mark is no part of the text."""
    reader = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    rows, begins = [], 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            rows.append(Row(begins, tuple(cell.strip() for cell in cells)))
        begins = reader.line_num + 1
    return rows


def _read_rows(rows: Sequence[Row], reference: Collection[str], classes: Collection[str]) -> _Reading:
    reading = _Reading()
    for row in rows:
        if len(row.cells) != len(HEADER):
            reading.ragged.append(row)
            continue
        name, predicted = bare_name(row.cells[0]), row.cells[1]
        if name not in reference:
            reading.unknown_files.append(row)
        elif name in reading.classes:
            reading.repeated.append(row)
        else:
            reading.classes[name] = predicted
        if predicted not in classes:
            reading.unknown_classes.append(row)
    return reading


def _require_header(header: Row, file: str) -> None:
    """With another header, whatever is below it means something else: nothing more is said of it."""
    if header.cells != HEADER:
        known = RESULTS_FILE if file == RESULTS_FILE else "the CSV file"  # a name of a container's choosing is not told
        fault = Fault(f"The first line of {known} must be exactly `file,class`", names=[",".join(header.cells)])
        raise refused(fault)


def _row_faults(reading: _Reading, reference: Collection[str]) -> Iterator[Fault]:
    missing = [name for name in reference if name not in reading.classes]
    if missing:
        yield Fault(counted(missing, "image has no row", "images have no row"), names=missing)
    yield from _lines_fault(
        reading.repeated,
        0,
        "row repeats an image that has a row already",
        "rows repeat an image that has a row already",
    )
    yield from _lines_fault(
        reading.unknown_files,
        0,
        "row names a file that is not in the test set",
        "rows name a file that is not in the test set",
    )
    yield from _lines_fault(
        reading.unknown_classes,
        1,
        "row holds an unknown class",
        "rows hold an unknown class",
        advice="Spell the classes as the challenge does.",
    )
    yield from _lines_fault(
        reading.ragged, 0, "row does not have exactly two columns", "rows do not have exactly two columns"
    )


def _lines_fault(rows: Sequence[Row], column: int, one: str, many: str, advice: str = "") -> Iterator[Fault]:
    if rows:
        names = [row.cells[column] or "(empty)" for row in rows]
        yield Fault(counted(rows, one, many), lines=[row.line for row in rows], names=names, advice=advice)


def refused(*faults: Fault) -> PredictionsInvalid:
    return PredictionsInvalid(
        "\n".join(fault.public() for fault in faults), "\n".join(fault.private() for fault in faults)
    )


def _add_truth(truth: dict[str, str], row: Row, file: str, classes: Collection[str]) -> None:
    where = f"{file}, line {row.line}"
    if len(row.cells) != len(HEADER):
        raise ReferenceInvalid(f"{where}: a row must have exactly two columns.")
    name = bare_name(row.cells[0])
    if name in truth:
        raise ReferenceInvalid(f"{where}: {name} has a row already.")
    if row.cells[1] not in classes:
        raise ReferenceInvalid(f"{where}: {row.cells[1]!r} is no class of this challenge.")
    truth[name] = row.cells[1]


def line_of(path: Path, position: int) -> int:
    return path.read_bytes()[:position].count(b"\n") + 1


def counted(items: Sequence[object], one: str, many: str) -> str:
    return f"{len(items)} {one if len(items) == 1 else many}"


def _some(items: Sequence[str], most: int, word: str = "") -> str:
    """`lines 2, 5, 7 and 12 more`; empty for no items."""
    if not items:
        return ""
    shown = ", ".join(items[:most])
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return f"{word}{'s' if word and len(items) > 1 else ''} {shown}{more}".strip()


def _sentence(text: str, lines: str, advice: str, named: str = "") -> str:
    where = f" ({lines})" if lines else ""
    return f"{text.removesuffix('.')}{where}{named}.{' ' + advice if advice else ''}"
