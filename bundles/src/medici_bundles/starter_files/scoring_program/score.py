"""Compare `input/res/predictions.csv` with `input/ref/answers.csv`; write scores.json and detailed_results.html.

Exit 65 with predictions_invalid.txt tells the participant what is wrong with the predictions. Any other failure is
told to the organizers alone.
"""

import csv
import json
import sys
from pathlib import Path

CLASSES = ("spot", "empty")
INVALID = 65


class PredictionsInvalid(Exception):
    """The sentence reaches the participant: it must not give an answer away."""


def main(source: Path, output: Path) -> None:
    answers = dict(read_rows(source / "ref" / "answers.csv"))
    try:
        scores = compare(answers, read_predictions(source / "res", answers))
    except PredictionsInvalid as invalid:
        (output / "predictions_invalid.txt").write_text(f"{invalid}\n", encoding="utf-8")
        sys.exit(INVALID)
    print(scores)
    (output / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    (output / "detailed_results.html").write_text(page(scores, len(answers)), encoding="utf-8")


def read_predictions(folder: Path, answers: dict[str, str]) -> dict[str, str]:
    found = sorted(folder.rglob("predictions.csv"))
    if not found:
        raise PredictionsInvalid("There is no predictions.csv.")
    rows = read_rows(found[0])
    predicted = dict(rows)
    if len(rows) != len(predicted) or predicted.keys() != answers.keys():
        raise PredictionsInvalid("predictions.csv must name every picture once, and nothing else.")
    if not set(predicted.values()) <= set(CLASSES):
        raise PredictionsInvalid(f"The classes are {' and '.join(CLASSES)}.")
    return predicted


def read_rows(path: Path) -> list[tuple[str, str]]:
    """File name and class; a name may come with its folder."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [(Path(row["file"].strip()).name, row["class"].strip()) for row in csv.DictReader(file)]
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error):
        raise PredictionsInvalid(f"{path.name} must be a CSV file with the columns file and class.") from None


def compare(answers: dict[str, str], predicted: dict[str, str]) -> dict[str, float]:
    pairs = [(answer, predicted[name]) for name, answer in answers.items()]
    both = pairs.count(("spot", "spot"))
    missed, false = pairs.count(("spot", "empty")), pairs.count(("empty", "spot"))
    right = both + pairs.count(("empty", "empty"))
    return {"f1": 2 * both / ((2 * both + missed + false) or 1), "accuracy": right / len(pairs)}


def page(scores: dict[str, float], count: int) -> str:
    rows = "".join(f"<tr><td>{name}</td><td>{score:.3f}</td></tr>" for name, score in scores.items())
    return (
        f'<!DOCTYPE html><html lang="en"><title>Results</title><p>{count} pictures.</p><table>{rows}</table></html>\n'
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
