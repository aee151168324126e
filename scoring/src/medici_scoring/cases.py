"""`cases.csv`: what was true and predicted, or the metric, of every single case.

The platform keeps it to the organizers: ranking statistics resample cases, and the file holds the answers.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

FILE_NAME = "cases.csv"
FIRST_COLUMN = "case"


def write_cases(folder: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write `folder/cases.csv`: a row per case, the first column `case` its id.

    Floats are written so that they read back equal. Raises ValueError for a header that does not begin with `case`
    or names a column twice, for a row of another length and for a case that has a row already.
    """
    _check_header(header)
    path = folder / FILE_NAME
    written: set[str] = set()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            _check_row(row, header, written)
            written.add(str(row[0]))
            writer.writerow([_cell(value) for value in row])
    return path


def _check_header(header: Sequence[str]) -> None:
    if not header or header[0] != FIRST_COLUMN:
        raise ValueError(f"The first column of {FILE_NAME} is `{FIRST_COLUMN}`, the case's id.")
    if len(set(header)) != len(header):
        raise ValueError(f"{FILE_NAME} names a column twice: {', '.join(header)}.")


def _check_row(row: Sequence[object], header: Sequence[str], written: set[str]) -> None:
    if len(row) != len(header):
        raise ValueError(f"{FILE_NAME}: the row {tuple(row)!r} has {len(row)} cells for {len(header)} columns.")
    if str(row[0]) in written:
        raise ValueError(f"{FILE_NAME}: {row[0]} has a row already.")


def _cell(value: object) -> object:
    return repr(float(value)) if isinstance(value, float) else value
