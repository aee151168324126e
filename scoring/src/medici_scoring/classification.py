"""Precision, recall, F1 and accuracy of a classification, as scikit-learn's `classification_report` defines them.

Written out here, and held against scikit-learn to 1e-12 by the tests, because importing scikit-learn takes longer than
scoring a challenge of this size; and because rows are named by an explicit, ordered list of classes: a report must not
depend on the order in which a set happens to iterate.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ClassScores:
    """One row of the report. Ratios with an empty denominator are 0, as with scikit-learn's `zero_division=0`."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Classification:
    """All figures of one classification: a row per class in the given order, and the averages over them."""

    classes: tuple[ClassScores, ...]
    accuracy: float
    macro: ClassScores
    weighted: ClassScores


def classify(truth: Sequence[str], predicted: Sequence[str], *, classes: Sequence[str]) -> Classification:
    """Compare two sequences of N class names, item by item.

    Raises ValueError when they differ in length, are empty, or hold a name that is not among `classes`.
    """
    _check(truth, predicted, classes)
    actual, claimed = Counter(truth), Counter(predicted)
    hits = Counter(t for t, p in zip(truth, predicted, strict=True) if t == p)
    rows = tuple(_row(name, hits[name], claimed[name], actual[name]) for name in classes)
    return Classification(
        classes=rows,
        accuracy=hits.total() / len(truth),
        macro=_average("macro avg", rows, [1] * len(rows)),
        weighted=_average("weighted avg", rows, [row.support for row in rows]),
    )


def report_text(result: Classification, *, digits: int = 4) -> str:
    """The full report as text, line by line as scikit-learn prints it."""
    width = max(len(row.name) for row in (*result.classes, result.weighted))
    lines = [" " * (width + 1) + "".join(f" {title:>9}" for title in ("precision", "recall", "f1-score", "support"))]
    lines += ["", *(_line(row, width, digits) for row in result.classes), ""]
    total = result.weighted.support
    lines.append(f"{'accuracy':>{width}}  {'':>9} {'':>9} {result.accuracy:9.{digits}f} {total:9}")
    lines += [_line(row, width, digits) for row in (result.macro, result.weighted)]
    return "\n".join(lines) + "\n"


def _check(truth: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> None:
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} true classes but {len(predicted)} predicted ones: they must pair up.")
    if not truth:
        raise ValueError("There is nothing to score: no items were given.")
    unknown = (set(truth) | set(predicted)) - set(classes)
    if unknown:
        raise ValueError(f"Names that are no class: {', '.join(sorted(unknown))}.")


def _row(name: str, hits: int, claimed: int, actual: int) -> ClassScores:
    return ClassScores(
        name=name,
        precision=_ratio(hits, claimed),
        recall=_ratio(hits, actual),
        f1=_ratio(2 * hits, claimed + actual),
        support=actual,
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _average(name: str, rows: Sequence[ClassScores], weights: Sequence[int]) -> ClassScores:
    total = sum(weights)

    def mean(values: Sequence[float]) -> float:
        return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total

    return ClassScores(
        name=name,
        precision=mean([row.precision for row in rows]),
        recall=mean([row.recall for row in rows]),
        f1=mean([row.f1 for row in rows]),
        support=sum(row.support for row in rows),
    )


def _line(row: ClassScores, width: int, digits: int) -> str:
    figures = "".join(f" {value:9.{digits}f}" for value in (row.precision, row.recall, row.f1))
    return f"{row.name:>{width}} {figures} {row.support:9}"
