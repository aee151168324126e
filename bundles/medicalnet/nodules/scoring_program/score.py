"""Score `nodules.csv`: `input/res` against `input/ref`; writes scores.txt, scores.html and cases.csv to `output`.

A row is a case and its score, 0 to 1, for being malignant. From .5 on a score says malignant. Files are written only
when all scores have been read and found in order.
"""

import csv
import html
import io
import math
from pathlib import Path

from medici_scoring.auc import roc_auc
from medici_scoring.cases import write_cases
from medici_scoring.predictions import Fault, PredictionsInvalid, ReferenceInvalid, find_predictions, find_reference
from medici_scoring.program import Folders, run_program
from medici_scoring.scores import write_scores

FILE = "nodules.csv"
HEADER = ["case", "score"]
MALIGNANT_FROM = 0.5
CLASSES = ("benign", "malignant")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Nodule classification</title></head>
<body>
<h1>Nodule classification</h1>
<p>{cases} nodules, {hits} classified correctly: accuracy {accuracy:.4f}. Area under the ROC curve: {auc}.</p>
<table>
<thead><tr><th>true</th><th>nodules</th><th>called benign</th><th>called malignant</th></tr></thead>
<tbody>{rows}</tbody>
</table>
</body>
</html>
"""


def score(folders: Folders) -> None:
    truth = read_truth(find_reference(folders.reference))
    scores = read_scores(find_predictions(folders.predictions, name=FILE), list(truth))
    calls = {case: int(value >= MALIGNANT_FROM) for case, value in scores.items()}
    hits = sum(calls[case] == true for case, true in truth.items())
    auc = roc_auc(list(truth.values()), [scores[case] for case in truth])
    accuracy = hits / len(truth)
    print(f"{len(truth)} nodules, accuracy {accuracy:.4f}, AUC {_auc_text(auc)}")
    (folders.output / "scores.html").write_text(_page(truth, calls, hits, auc), encoding="utf-8")
    rows = [(case, CLASSES[true], CLASSES[calls[case]], scores[case]) for case, true in truth.items()]
    write_cases(folders.output, ["case", "true", "predicted", "score"], rows)
    write_scores(folders.output, {"accuracy": accuracy, **({} if auc is None else {"auc": auc})})


def read_truth(path: Path) -> dict[str, int]:
    """The class's number of every case. Raises ReferenceInvalid."""
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    if not rows or rows[0] != ["case", "class"] or len(rows) == 1:
        raise ReferenceInvalid(f"{path.name} must begin with the line `case,class`, and rows must follow.")
    if any(len(row) != len(HEADER) or row[1] not in CLASSES for row in rows[1:]):
        raise ReferenceInvalid(f"{path.name}: every row is a case and one of {', '.join(CLASSES)}.")
    return {case: CLASSES.index(name) for case, name in rows[1:]}


def read_scores(path: Path, cases: list[str]) -> dict[str, float]:
    """A score for every case. Raises PredictionsInvalid with all faults at once."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(Fault("The file cannot be read as CSV in UTF-8", names=[str(error)])) from error
    if not rows or [cell.strip() for cell in rows[0]] != HEADER:
        raise _refused(Fault(f"The first line of {FILE} must be exactly `case,score`"))
    scores, wrong, strange, repeated = {}, [], [], []
    for line, row in enumerate(rows[1:], start=2):
        case, value = row[0].strip() if row else "", _number(row)
        if not any(cell.strip() for cell in row):
            continue
        if value is None:
            wrong.append(line)
        elif case not in cases:
            strange.append(line)
        elif case in scores:
            repeated.append(line)
        else:
            scores[case] = value
    missing = [case for case in cases if case not in scores]
    faults = [
        Fault(f"{len(found)} {'row' if len(found) == 1 else 'rows'} {sentence}", lines=found)
        for found, sentence in (
            (wrong, "without exactly two columns, the second a number from 0 to 1"),
            (strange, "of a case that is not in the test set"),
            (repeated, "of a case that has a row already"),
        )
        if found
    ]
    if missing:
        faults.append(
            Fault(f"{len(missing)} {'case has' if len(missing) == 1 else 'cases have'} no row", names=missing)
        )
    if faults:
        raise _refused(*faults)
    return scores


def _number(row: list[str]) -> float | None:
    try:
        value = float(row[1]) if len(row) == len(HEADER) else math.nan
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _refused(*faults: Fault) -> PredictionsInvalid:
    return PredictionsInvalid("\n".join(f.public() for f in faults), "\n".join(f.private() for f in faults))


def _auc_text(auc: float | None) -> str:
    return "undefined, because all nodules are of one class" if auc is None else f"{auc:.4f}"


def _page(truth: dict[str, int], calls: dict[str, int], hits: int, auc: float | None) -> str:
    rows = []
    for number, name in enumerate(CLASSES):
        called = [calls[case] for case, true in truth.items() if true == number]
        cells = (html.escape(name), len(called), called.count(0), called.count(1))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    figures = {"cases": len(truth), "hits": hits, "accuracy": hits / len(truth), "auc": _auc_text(auc)}
    return PAGE.format(rows="".join(rows), **figures)


if __name__ == "__main__":
    run_program(score)
