"""Score MedNIST predictions: `input/res` against `input/ref`; writes scores.txt, scores.html, cases.csv to `output`.

The figures are the weighted averages of scikit-learn's `classification_report`. Files are written only when all of the
predictions have been read and found in order.
"""

import html

from medici_scoring.cases import write_cases
from medici_scoring.classification import Classification, classify, report_text
from medici_scoring.predictions import find_predictions, find_reference, read_predictions, read_reference
from medici_scoring.program import Folders, run_program
from medici_scoring.scores import write_scores

CLASSES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>MedNIST: classification report</title></head>
<body>
<h1>Classification report</h1>
<p>{count} images, {hits} of them classified correctly.</p>
<pre>{report}</pre>
</body>
</html>
"""


def score(folders: Folders) -> None:
    truth = read_reference(find_reference(folders.reference), classes=CLASSES)
    predicted = read_predictions(find_predictions(folders.predictions), reference=truth, classes=CLASSES)
    result = classify(list(truth.values()), list(predicted.values()), classes=CLASSES)
    print(report_text(result))
    page = _page(result)
    (folders.output / "scores.html").write_text(page, encoding="utf-8")
    write_cases(
        folders.output, ("case", "true", "predicted"), ((name, truth[name], predicted[name]) for name in sorted(truth))
    )
    write_scores(folders.output, _scores(result))


def _scores(result: Classification) -> dict[str, float]:
    average = result.weighted
    return {
        "precision": average.precision,
        "recall": average.recall,
        "f1": average.f1,
        "accuracy": result.accuracy,
    }


def _page(result: Classification) -> str:
    count = result.weighted.support
    report = html.escape(report_text(result))
    return PAGE.format(count=count, hits=round(result.accuracy * count), report=report)


if __name__ == "__main__":
    run_program(score)
