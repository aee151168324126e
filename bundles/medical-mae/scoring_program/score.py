"""Score probabilities of findings: `input/res` against `input/ref`; writes scores.txt, scores.html, cases.csv.

`config.json` beside this file says what the figure is: {"metric": "auc"} is the mean AUC over the classes that have one
(any number of them may be true of an image), {"metric": "accuracy"} the share of images whose most probable class is
the true one. The classes are those of the reference data. Files are written only when all predictions are in order.
"""

import html
import json
from dataclasses import dataclass
from pathlib import Path

from probabilities import FILE_NAME, read_probabilities

from medici_scoring.auc import AucReport, auc_report
from medici_scoring.cases import write_cases
from medici_scoring.predictions import ReferenceInvalid, find_predictions
from medici_scoring.program import Folders, run_program
from medici_scoring.scores import write_scores

METRICS = ("auc", "accuracy")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<table>
<thead><tr><th>Class</th><th>{column}</th><th>Images with it</th><th>Images without it</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
ROW = "<tr><td>{name}</td><td>{figure}</td><td>{positives}</td><td>{negatives}</td></tr>"


@dataclass(frozen=True)
class Cases:
    """What was true and predicted of every image."""

    images: list[str]
    classes: list[str]
    truth: list[list[int]]
    scores: list[list[float]]

    @property
    def count(self) -> int:
        return len(self.images)


def score(folders: Folders) -> None:
    classes, answers = read_answers(folders.reference)
    path = find_predictions(folders.predictions, name=FILE_NAME)
    scores = read_probabilities(path, images=list(answers), classes=classes)
    cases = Cases(list(answers), classes, list(answers.values()), scores)
    page, values = by_accuracy(cases) if metric() == "accuracy" else by_auc(cases)
    (folders.output / "scores.html").write_text(page, encoding="utf-8")
    header = ("case", *(f"true_{name}" for name in classes), *(f"predicted_{name}" for name in classes))
    rows = zip(cases.images, cases.truth, cases.scores, strict=True)
    write_cases(folders.output, header, [(name, *true, *predicted) for name, true, predicted in rows])
    write_scores(folders.output, values)


def metric() -> str:
    """What config.json asks for. Raises ReferenceInvalid for anything else."""
    path = Path(__file__).with_name("config.json")
    try:
        chosen = json.loads(path.read_text(encoding="utf-8"))["metric"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceInvalid(f'{path.name} must say {{"metric": "auc"}} or {{"metric": "accuracy"}}.') from error
    if chosen not in METRICS:
        raise ReferenceInvalid(f"{path.name}: there is no metric {chosen!r}, only {' and '.join(METRICS)}.")
    return str(chosen)


def read_answers(folder: Path) -> tuple[list[str], dict[str, list[int]]]:
    """The classes, and the labels of every image. Raises ReferenceInvalid."""
    try:
        classes = (folder / "classes.txt").read_text(encoding="utf-8").splitlines()
        lines = [line.split() for line in (folder / "answers.txt").read_text(encoding="utf-8").splitlines()]
        answers = {name: [int(label) for label in labels] for name, *labels in filter(None, lines)}
    except (OSError, ValueError) as error:
        raise ReferenceInvalid(f"The reference data must hold classes.txt and answers.txt: {error}.") from error
    wrong = [name for name, labels in answers.items() if len(labels) != len(classes) or set(labels) - {0, 1}]
    if wrong or not answers or not classes:
        raise ReferenceInvalid(f"answers.txt must hold {len(classes)} labels, 0 or 1, for every image: {wrong[:5]}.")
    return classes, answers


def by_auc(cases: Cases) -> tuple[str, dict[str, float]]:
    """The page and the scores; a class without an AUC has no score, and is named."""
    report = auc_report(cases.truth, cases.scores, names=cases.classes)
    if report.mean is None:
        raise ReferenceInvalid("No class has both images with and images without it: there is no AUC to be had.")
    print(_summary(report))
    rows = [
        ROW.format(
            name=html.escape(row.name),
            figure="undefined" if row.auc is None else f"{row.auc:.4f}",
            positives=row.positives,
            negatives=row.negatives,
        )
        for row in report.classes
    ]
    page = PAGE.format(
        title="Areas under the ROC curves", summary=html.escape(_summary(report)), column="AUC", rows="\n".join(rows)
    )
    defined = {f"auc_{row.name}": row.auc for row in report.classes if row.auc is not None}
    return page, {"mauc": report.mean, "classes": len(defined), **defined}


def _summary(report: AucReport) -> str:
    count = len(report.classes) - len(report.undefined)
    text = f"Mean AUC {report.mean:.4f} over {count} of {len(report.classes)} classes."
    if not report.undefined:
        return text
    names = ", ".join(report.undefined)
    return f"{text} Left out, because all of these images have them or none has: {names}."


def by_accuracy(cases: Cases) -> tuple[str, dict[str, float]]:
    """The page, with the sensitivity of each class, and the scores. Of equal probabilities the first class counts."""
    true = [labels.index(1) if sum(labels) == 1 else -1 for labels in cases.truth]
    if -1 in true:
        image = cases.images[true.index(-1)]
        raise ReferenceInvalid(f"answers.txt must name one class of every image; not so {image}.")
    predicted = [row.index(max(row)) for row in cases.scores]
    hits = [one == other for one, other in zip(true, predicted, strict=True)]
    accuracy = sum(hits) / cases.count
    summary = f"{sum(hits)} of {cases.count} images have their class as the most probable one: accuracy {accuracy:.4f}."
    print(summary)
    rows = []
    for number, name in enumerate(cases.classes):
        own = [hit for hit, truth in zip(hits, true, strict=True) if truth == number]
        figure = f"{sum(own) / len(own):.4f}" if own else "undefined"
        rows.append(
            ROW.format(name=html.escape(name), figure=figure, positives=len(own), negatives=cases.count - len(own))
        )
    page = PAGE.format(title="Accuracy", summary=summary, column="Found", rows="\n".join(rows))
    return page, {"accuracy": accuracy}


if __name__ == "__main__":
    run_program(score)
