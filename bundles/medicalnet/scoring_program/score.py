"""Score label maps of lungs: `input/res` against `input/ref`; writes scores.txt, scores.html and cases.csv to `output`.

Files are written only when all label maps have been read and found in order.
"""

import json
from pathlib import Path

from medici_scoring.cases import write_cases
from medici_scoring.label_maps import Pair, pair_up, read_predicted, read_truth
from medici_scoring.predictions import ReferenceInvalid
from medici_scoring.program import Folders, run_program
from medici_scoring.scores import write_scores
from medici_scoring.segmentation import CaseFigures, Summary, case_rows, measure_case, summarise
from medici_scoring.segmentation_page import left_out, segmentation_page

CLASSES = {1: "left lung", 2: "right lung"}
SETTINGS = "scoring.json"


def score(folders: Folders) -> None:
    tolerance_mm = read_tolerance(folders.reference / SETTINGS)
    pairs = pair_up(folders.reference, folders.predictions, labels={0, *CLASSES})
    cases = [measured(pair, tolerance_mm) for pair in pairs]
    summary = summarise(cases)
    print(f"{len(cases)} cases, mean Dice {summary.mean_dice:.4f}. {left_out(summary)}")
    page = segmentation_page("Lung segmentation", cases, summary, tolerance_mm=tolerance_mm)
    (folders.output / "scores.html").write_text(page, encoding="utf-8")
    header, rows = case_rows(cases)
    write_cases(folders.output, header, rows)
    write_scores(folders.output, figures(summary))


def read_tolerance(path: Path) -> float:
    """Millimetres for surface Dice, as whoever made the reference data set them."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))["surface_tolerance_mm"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceInvalid(f"{SETTINGS} with `surface_tolerance_mm` is missing in the reference data.") from error
    if not isinstance(value, int | float) or value <= 0:
        raise ReferenceInvalid(f"{SETTINGS}: `surface_tolerance_mm` must be a number above 0.")
    return float(value)


def measured(pair: Pair, tolerance_mm: float) -> CaseFigures:
    truth = read_truth(pair)
    return measure_case(
        pair.case,
        truth.values,
        read_predicted(pair),
        classes=CLASSES,
        spacing_mm=truth.spacing_mm,
        tolerance_mm=tolerance_mm,
    )


def figures(summary: Summary) -> dict[str, float]:
    """The board's columns; without any distance at all there is no `hd95`, and its column says so."""
    distance = summary.mean_hausdorff95_mm
    return {
        "dice": summary.mean_dice,
        "dice_left": summary.dice["left lung"],
        "dice_right": summary.dice["right lung"],
        "surface_dice": summary.mean_surface_dice,
        **({} if distance is None else {"hd95": distance}),
        "hd95_undefined": float(len(summary.undefined)),
    }


if __name__ == "__main__":
    run_program(score)
