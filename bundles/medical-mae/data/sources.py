"""The lists of the public chest X-ray sets, as each of them writes labels, turned into entries of 0 and 1.

ChestX-ray14's are those of `lists.py`. CheXpert: the five findings of its competition. COVIDx: one of four classes.
NODE21: nodule or not. Rules as in `util/dataloader_med.py` of Medical MAE.
"""

import csv
import re
from pathlib import Path

from lists import Entry, ListInvalid, read_lines

CHEXPERT = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
UNCERTAIN_IS_THERE = ("Edema", "Atelectasis")
"""Findings whose -1 (uncertain) counts as 1; in the others it counts as 0. An empty cell is always 0."""
COVIDX = ("normal", "positive", "pneumonia", "COVID-19")
NODE21 = ("nodule",)
_ROOT = re.compile(r"^CheXpert-v1\.0(-small)?/")
_CHEXPERT_VALUES = {"": 0, "0": 0, "0.0": 0, "1": 1, "1.0": 1, "-1": -1, "-1.0": -1}


def read_chexpert(path: Path) -> list[Entry]:
    """The frontal images of a CheXpert CSV. Raises ListInvalid with one sentence."""
    rows = list(csv.DictReader(read_lines(path)))
    lacking = [name for name in ("Path", "Frontal/Lateral", *CHEXPERT) if rows and name not in rows[0]]
    if lacking or not rows:
        raise ListInvalid(f"{path} lacks the columns {', '.join(lacking)}." if lacking else f"{path} holds no rows.")
    entries = []
    for number, row in enumerate(rows, start=2):
        if row["Frontal/Lateral"] == "Frontal":
            labels = tuple(_chexpert_label(path, number, name, row[name]) for name in CHEXPERT)
            entries.append(Entry(_ROOT.sub("", row["Path"]), labels))
    if not entries:
        raise ListInvalid(f"{path} holds no frontal image.")
    return entries


def _chexpert_label(path: Path, line: int, name: str, cell: str | None) -> int:
    value = _CHEXPERT_VALUES.get((cell or "").strip())
    if value is None:
        raise ListInvalid(f"{path}, line {line}: {name} must be 1, 0, -1 or empty, not {cell!r}.")
    return int(name in UNCERTAIN_IS_THERE) if value == -1 else value


def read_covidx(path: Path) -> list[Entry]:
    """Lines `patient file class source`; one label of four is 1. Raises ListInvalid with one sentence."""
    entries = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) < 3 or cells[2] not in COVIDX:  # noqa: PLR2004  patient, file, class
            known = ", ".join(COVIDX)
            form = f"`patient file class source`, class one of {known}"
            raise ListInvalid(f"{path}, line {number}: a line must be {form}.")
        entries.append(Entry(cells[1], tuple(int(name == cells[2]) for name in COVIDX)))
    return _some(path, entries)


def read_node21(path: Path) -> list[Entry]:
    """Lines `file 0|1`. Raises ListInvalid with one sentence."""
    entries = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 2 or cells[1] not in {"0", "1"}:  # noqa: PLR2004  file and label
            raise ListInvalid(f"{path}, line {number}: a line must be a file and 0 or 1.")
        entries.append(Entry(cells[0], (int(cells[1]),)))
    return _some(path, entries)


def _some(path: Path, entries: list[Entry]) -> list[Entry]:
    if not entries:
        raise ListInvalid(f"{path} names no image.")
    return entries
