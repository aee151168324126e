"""AUC and ACC as MedMNIST's own evaluator defines them (package `medmnist` 3.0.2, evaluator.py), and a kappa.

    task                       AUC                                       ACC: right is
    multi-label, binary-class  mean over the columns                     every label by `score > 0.5`, mean over labels
    binary-class               of the last column                        last column `> 0.5`
    multi-class and ordinal    mean over columns, each against the rest  the highest score, the first of equals

One thing differs: where the evaluator's AUC would be NaN, because a class has no case or has all of them, that class is
left out of the mean and named. Ordinal tasks have Cohen's kappa with quadratic weights beside them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medici_scoring.auc import AucReport, auc_report
from medici_scoring.medmnist.answers import Answers, Labels, Question, TaskKind

THRESHOLD = 0.5
"""A score must be above it, not equal, to say yes."""

Scores = npt.NDArray[np.float64]
"""Cases×columns, in the order of the cases."""


@dataclass(frozen=True)
class Evaluation:
    auc: AucReport
    acc: float
    """0 to 1."""
    all_negative_acc: float | None = None
    """Of multi-label tasks: what answering no to everything would get."""
    kappa: float | None = None
    """Of ordinal tasks: -1 to 1; None where everything, true and predicted, is of one class."""


def evaluate(answers: Answers, scores: Scores) -> Evaluation:
    """Raises ValueError when the scores do not have a row per case and as many columns as the question allows."""
    question, labels = answers.question, answers.labels
    if scores.ndim != 2 or len(scores) != len(labels) or scores.shape[1] not in question.columns:  # noqa: PLR2004
        raise ValueError(f"Scores must be {len(labels)}×{question.columns[0]}; their shape is {scores.shape}.")
    is_multi, is_ordinal = question.task is TaskKind.MULTI_LABEL, question.task is TaskKind.ORDINAL
    predicted = predict_labels(question, scores)
    return Evaluation(
        auc=_auc(question, labels, scores),
        acc=float((predicted == labels).mean()),
        all_negative_acc=float((labels == 0).mean()) if is_multi else None,
        kappa=quadratic_kappa(labels[:, 0], predicted[:, 0], classes=len(question.classes)) if is_ordinal else None,
    )


def predict_labels(question: Question, scores: Scores) -> Labels:
    """Cases×L labels that the scores stand for."""
    if question.task is TaskKind.MULTI_LABEL:
        return (scores > THRESHOLD).astype(np.int64)
    if question.task is TaskKind.BINARY:
        return (scores[:, -1:] > THRESHOLD).astype(np.int64)
    highest: Labels = np.argmax(scores, axis=1)
    return highest[:, None]


def quadratic_kappa(truth: Labels, predicted: Labels, *, classes: int) -> float | None:
    """Cohen's kappa with weights (i-j)² (Cohen 1968) of two sequences of N labels."""
    table = np.zeros((classes, classes))
    np.add.at(table, (truth, predicted), 1)
    line = np.arange(classes)
    weights = (line[:, None] - line[None]) ** 2
    by_chance = np.outer(table.sum(1), table.sum(0)) / len(truth)
    worst = float((weights * by_chance).sum())
    return 1 - float((weights * table).sum()) / worst if worst else None


def _auc(question: Question, labels: Labels, scores: Scores) -> AucReport:
    classes = question.classes
    if question.task is TaskKind.MULTI_LABEL:
        return auc_report(labels == 1, scores, names=classes)
    if question.task is TaskKind.BINARY:
        return auc_report(labels == 1, scores[:, -1:], names=classes[-1:])
    return auc_report(labels == np.arange(len(classes)), scores, names=classes)
