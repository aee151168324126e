"""The page of a segmentation's scores: the means, what was left out, and a table of all cases."""

from collections.abc import Sequence
from html import escape

from medici_scoring.segmentation import CaseFigures, ClassFigures, Summary

MOST_NAMED = 20

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 1.5em; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .25em .7em; text-align: right; border-bottom: 1px solid #ccc; }}
th:first-child, td:first-child {{ text-align: left; }}
</style></head>
<body>
<h1>{title}</h1>
<p>{cases}, mean Dice {dice:.4f}. Surface Dice counts surfaces within {tolerance:g} mm. Hausdorff distances are 95th
percentiles, in mm. A class that is empty in both label maps has Dice 1, surface Dice 1 and distance 0.</p>
<p>{left_out}</p>
<table>
<thead><tr><th rowspan="2">Case</th>{heads}</tr><tr>{subheads}</tr></thead>
<tbody>
{rows}
</tbody>
<tfoot><tr><th>Mean</th>{means}</tr></tfoot>
</table>
</body>
</html>
"""


def segmentation_page(title: str, cases: Sequence[CaseFigures], summary: Summary, *, tolerance_mm: float) -> str:
    """A complete HTML page; undefined distances are dashes."""
    names = list(summary.dice)
    return PAGE.format(
        title=escape(title),
        cases=f"{len(cases)} case{'s' if len(cases) != 1 else ''}",
        dice=summary.mean_dice,
        tolerance=tolerance_mm,
        left_out=escape(left_out(summary)),
        heads="".join(f'<th colspan="3">{escape(name)}</th>' for name in names),
        subheads="<th>Dice</th><th>surface Dice</th><th>HD95</th>" * len(names),
        rows="\n".join(_row(case, names) for case in cases),
        means="".join(_cells(_means(summary, name)) for name in names),
    )


def left_out(summary: Summary) -> str:
    """One sentence on the undefined distances."""
    if not summary.undefined:
        return "Every case has a Hausdorff distance."
    named = [f"{case} ({name})" for case, name in summary.undefined[:MOST_NAMED]]
    more = f" and {len(summary.undefined) - MOST_NAMED} more" if len(summary.undefined) > MOST_NAMED else ""
    return (
        "Undefined and left out of the mean Hausdorff distance, because one of the two label maps has no such voxel: "
        f"{', '.join(named)}{more}."
    )


def _row(case: CaseFigures, names: Sequence[str]) -> str:
    return f"<tr><td>{escape(case.case)}</td>{''.join(_cells(case.classes[name]) for name in names)}</tr>"


def _means(summary: Summary, name: str) -> ClassFigures:
    return ClassFigures(summary.dice[name], summary.surface_dice[name], summary.hausdorff95_mm[name])


def _cells(figures: ClassFigures) -> str:
    distance = "–" if figures.hausdorff95_mm is None else f"{figures.hausdorff95_mm:.2f}"
    return f"<td>{figures.dice:.4f}</td><td>{figures.surface_dice:.4f}</td><td>{distance}</td>"
