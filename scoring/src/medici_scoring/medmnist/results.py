"""MedMNIST's result files: `{flag}{_size}_{split}_[AUC]0.998_[ACC]0.958@run1.csv`, a line `index,score_0,…` per case.

There is no header, the lines may come in any order, and of the name only its beginning counts. Faults are told as those
of other predictions: see `medici_scoring.predictions`.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medici_scoring.medmnist.answers import Question
from medici_scoring.medmnist.evaluator import Scores
from medici_scoring.predictions import Fault, Row, counted, is_result, line_of, read_rows, refused, small_enough

SUFFIX = ".csv"


@dataclass
class _Reading:
    """What one pass over the rows collects."""

    scores: dict[int, list[float]] = field(default_factory=dict)
    ragged: list[Row] = field(default_factory=list)
    no_index: list[Row] = field(default_factory=list)
    outside: list[Row] = field(default_factory=list)
    repeated: list[Row] = field(default_factory=list)
    no_number: list[Row] = field(default_factory=list)


def result_name(prefix: str, *, auc: float, acc: float, run: str) -> str:
    """`prefix` is flag, size and split: `bloodmnist_64_test`."""
    return f"{prefix}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{run}{SUFFIX}"


def run_name(path: Path) -> str:
    """What stands between `@` and the next full stop; empty where the name has no `@`."""
    _, at, after = path.name.rpartition("@")
    return after.split(".", 1)[0] if at else ""


def write_results(path: Path, scores: Scores) -> None:
    """Numbers are written so that they read back equal."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([index, *map(repr, row)] for index, row in enumerate(np.asarray(scores, float).tolist()))


def find_results(folder: Path, question: Question) -> Path:
    """The one file whose name begins as the question says. Those of other sets, sizes and splits are passed over.

    Files of the question's own split come before those that are called `test`. Raises PredictionsInvalid.
    """
    files = sorted(path for path in folder.rglob("*") if is_result(path, folder))
    for prefix in question.prefixes:
        found = [path for path in files if path.name.lower().startswith(prefix)]
        if len(found) == 1:
            return small_enough(found[0])
        if found:
            names = [path.relative_to(folder).as_posix() for path in found]
            sentence = f"{len(found)} files begin with `{prefix}`, and it is not clear which to score; keep one"
            raise refused(Fault(sentence, names=names))
    example = result_name(question.prefixes[0], auc=0.9, acc=0.8, run="run1")
    sentence = f"No result file was found: its name must begin with `{question.prefixes[0]}` and end with `{SUFFIX}`"
    names = [path.relative_to(folder).as_posix() for path in files]
    raise refused(Fault(sentence, names=names, advice=f"For example: `{example}`."))


def read_results(path: Path, *, columns: Sequence[int], cases: int) -> Scores:
    """The scores of `cases` cases, sorted by index; as many columns as one of `columns`, the same in every line.

    Raises PredictionsInvalid with all faults at once.
    """
    rows = _parsed(path)
    if not rows:
        raise refused(Fault("The file is empty", advice=f"It must hold {cases} lines `{_line(columns[0])}`."))
    header = [row for row in rows[:1] if _is_header(row)]
    width = next((len(row.cells) - 1 for row in rows if len(row.cells) - 1 in columns), columns[0])
    reading = _Reading()
    for row in rows[len(header) :]:
        _read_row(reading, row, width, cases)
    faults = [*_header_fault(header), *_faults(reading, columns, cases)]
    if faults:
        raise refused(*faults)
    return np.array([reading.scores[index] for index in range(cases)], dtype=np.float64)


def _parsed(path: Path) -> list[Row]:
    try:
        return read_rows(path)
    except UnicodeDecodeError as error:
        fault = Fault("The file is not UTF-8 text", lines=[line_of(path, error.start)], advice="Save it as UTF-8.")
        raise refused(fault) from error
    except csv.Error as error:
        fault = Fault("The file cannot be read as CSV", names=[str(error)], advice="Write plain lines of numbers.")
        raise refused(fault) from error


def _read_row(reading: _Reading, row: Row, width: int, cases: int) -> None:
    index = _index(row.cells[0])
    scores = [_number(cell) for cell in row.cells[1:]]
    if index is None:
        reading.no_index.append(row)
    elif index not in range(cases):
        reading.outside.append(row)
    elif index in reading.scores:
        reading.repeated.append(row)
    else:
        reading.scores[index] = scores
    if len(scores) != width:
        reading.ragged.append(row)
    elif not all(map(math.isfinite, scores)):
        reading.no_number.append(row)


def _index(text: str) -> int | None:
    """`7`, or `7.0` as some programs write it."""
    number = _number(text)
    return int(number) if math.isfinite(number) and number.is_integer() else None


def _number(text: str) -> float:
    """NaN for what is no number."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _header_fault(header: Sequence[Row]) -> Iterator[Fault]:
    advice = "Leave it out (pandas: `to_csv(path, header=None)`): the first line is the first case."
    for row in header:
        yield Fault("The file begins with a header", [row.line], [",".join(row.cells)], advice)


def _faults(reading: _Reading, columns: Sequence[int], cases: int) -> Iterator[Fault]:
    missing = [str(index) for index in range(cases) if index not in reading.scores]
    if missing:
        advice = f"There must be one line for each of the indexes 0 to {cases - 1}."
        yield Fault(counted(missing, "case has no line", "cases have no line"), names=missing, advice=advice)
    yield from _lines(reading.repeated, "repeats an index", "repeat an index")
    beyond = f"an index beyond 0 to {cases - 1}"
    yield from _lines(reading.outside, f"has {beyond}", f"have {beyond}")
    yield from _lines(reading.no_index, "begins with no whole number", "begin with no whole number")
    wanted = " or ".join(str(count) for count in columns)
    advice = f"After the index {wanted} must stand: `{_line(columns[0])}`."
    what = f"{wanted} score{'' if columns[-1] == 1 and len(columns) == 1 else 's'}"
    yield from _lines(reading.ragged, f"does not have {what}", f"do not have {what}", advice)
    bad = "a score that is no finite number"
    yield from _lines(reading.no_number, f"holds {bad}", f"hold {bad}")


def _lines(rows: Sequence[Row], one: str, many: str, advice: str = "") -> Iterator[Fault]:
    if rows:
        sentence = counted(rows, f"line {one}", f"lines {many}")
        yield Fault(sentence, [row.line for row in rows], [",".join(row.cells) for row in rows], advice)


def _is_header(row: Row) -> bool:
    """No cell of it is a number."""
    return len(row.cells) > 1 and all(math.isnan(_number(cell)) for cell in row.cells)


def _line(width: int) -> str:
    scores = [f"score_{column}" for column in range(width)]
    most = 2
    return ",".join(["index", *scores] if width <= most else ["index", scores[0], "…", scores[-1]])
