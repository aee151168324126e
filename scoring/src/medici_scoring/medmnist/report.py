"""What a MedMNIST scoring program writes: `scores.txt`, the page `scores.html`, and `cases.csv`."""

import html
from collections.abc import Iterator

from medici_scoring.auc import ClassAuc
from medici_scoring.cases import write_cases
from medici_scoring.medmnist.answers import Answers, Question, TaskKind, read_answers
from medici_scoring.medmnist.evaluator import Evaluation, Scores, evaluate
from medici_scoring.medmnist.results import find_results, read_results, run_name
from medici_scoring.program import Folders
from medici_scoring.scores import write_scores

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; max-width: 46rem }} td, th {{ padding: .2rem .8rem; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}</style></head>
<body>
<h1>{title}</h1>
{paragraphs}
<table>
<thead><tr><th>Class</th><th>AUC</th><th>Cases with it</th><th>Cases without</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def score_task(folders: Folders) -> None:
    """The whole of a scoring program: one task's result file against its answers.

    Files are written only when all of the results have been read and found in order. Raises PredictionsInvalid or
    ReferenceInvalid.
    """
    answers = read_answers(folders.reference)
    question = answers.question
    path = find_results(folders.predictions, question)
    scores = read_results(path, columns=question.columns, cases=len(answers.labels))
    result = evaluate(answers, scores)
    print("\n".join(sentences(answers, result, run=run_name(path))))  # noqa: T201  a program's log
    (folders.output / "scores.html").write_text(page(answers, result, run=run_name(path)), encoding="utf-8")
    write_cases(folders.output, *cases(answers, scores))
    write_scores(folders.output, figures(result))


def figures(result: Evaluation) -> dict[str, float]:
    """What stands on the board, and the kappa of ordinal tasks."""
    found = {"auc": result.auc.mean, "acc": result.acc, "kappa": result.kappa}
    return {key: value for key, value in found.items() if value is not None}


def sentences(answers: Answers, result: Evaluation, *, run: str) -> Iterator[str]:
    """The report, line by line, as plain text."""
    question = answers.question
    named = f", run {run}" if run else ""
    yield f"{question.flag}, {question.split}, {len(answers.labels)} cases, {question.task}{named}."
    yield f"AUC {_number(result.auc.mean)}: {_how_auc(question)}."
    yield f"ACC {_number(result.acc)}: {_how_acc(question)}."
    if result.auc.undefined:
        names = ", ".join(result.auc.undefined)
        yield f"Left out of the AUC, because all cases or none are of that class: {names}."
    if result.all_negative_acc is not None:
        to_say_no = _number(result.all_negative_acc)
        yield f"The ACC of a multi-label task says little: most labels are no, and no everywhere gets {to_say_no} here."
    if question.task is TaskKind.ORDINAL:
        kappa = _number(result.kappa) if result.kappa is not None else "undefined: all cases are of one class"
        yield f"Cohen's kappa with quadratic weights, which counts how far off an answer is: {kappa}."


def page(answers: Answers, result: Evaluation, *, run: str) -> str:
    paragraphs = "\n".join(f"<p>{html.escape(line)}</p>" for line in sentences(answers, result, run=run))
    rows = "\n".join(_row(row) for row in result.auc.classes)
    return PAGE.format(title=html.escape(f"MedMNIST: {answers.question.flag}"), paragraphs=paragraphs, rows=rows)


def cases(answers: Answers, scores: Scores) -> tuple[list[str], Iterator[list[object]]]:
    """Header and rows of `cases.csv`: the index, the labels, the scores."""
    labels = [f"true_{column}" for column in range(answers.labels.shape[1])]
    header = ["case", *(labels if len(labels) > 1 else ["true"]), *(f"score_{i}" for i in range(scores.shape[1]))]
    pairs = zip(answers.labels.tolist(), scores.tolist(), strict=True)
    return header, ([index, *truth, *values] for index, (truth, values) in enumerate(pairs))


def _row(row: ClassAuc) -> str:
    area = "undefined, left out" if row.auc is None else _number(row.auc)
    return f"<tr><td>{html.escape(row.name)}</td><td>{area}</td><td>{row.positives}</td><td>{row.negatives}</td></tr>"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _how_auc(question: Question) -> str:
    if question.task is TaskKind.BINARY:
        return f"area under the ROC curve of the last column, the score of “{question.classes[-1]}”"
    if question.task is TaskKind.MULTI_LABEL:
        return "mean over the labels of the areas under their ROC curves"
    return "mean over the classes of the areas under their ROC curves, each class against all others"


def _how_acc(question: Question) -> str:
    if question.task is TaskKind.BINARY:
        return "share of cases for which the last column, above 0.5 or not, says the right class"
    if question.task is TaskKind.MULTI_LABEL:
        return "share of all labels for which the score, above 0.5 or not, is right"
    return "share of cases whose highest score is that of the right class"
