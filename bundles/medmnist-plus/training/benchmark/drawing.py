"""The figures of the benchmark, drawn from its derived tables with Matplotlib.

The same tables make the same file: nothing random and no date goes into it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medici_training.benchmark.derived import ALL, Average, Distribution, Frequency, Gain
from medici_training.benchmark.significance import Pair
from medici_training.benchmark.tables import Derived

COLOURS = ("#4477aa", "#66ccee", "#ccbb44", "#ee6677", "#aa3377", "#228833")
"""Paul Tol's bright scheme, told apart by the colour-blind too."""
ROW_INCHES = 0.34
WIDTH_INCHES = 11.0
GREATER, LESS, NONE = "◀", "▲", "·"


def draw_all(found: Derived, folder: Path, *, suffix: str = "svg") -> list[Path]:
    """All figures for which there is something to show; returns their paths."""
    figures = {
        "average": _averages(found.averages),
        "top5": _frequencies(found.frequencies),
        "resolution": _gains(found.gains),
        "boxes": _boxes(found.distributions),
        "wilcoxon": _significance(found.pairs),
    }
    return [_save(figure, folder / f"{name}.{suffix}") for name, figure in figures.items() if figure]


def _save(figure: Figure, path: Path) -> Path:
    with mpl.rc_context({"svg.hashsalt": "medmnist-plus", "svg.fonttype": "none"}):
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else metadata
        figure.savefig(path, metadata=metadata, bbox_inches="tight", dpi=150)
    plt.close(figure)
    return path


def _panels(count: int, height: float, *, share: bool = True) -> tuple[Figure, Sequence[Axes]]:
    figure, axes = plt.subplots(1, count, figsize=(WIDTH_INCHES, height), sharey=share, squeeze=False)
    return figure, axes[0]


def _averages(found: Sequence[Average]) -> Figure:
    """Accuracy against size, a panel for each procedure, a line for each architecture."""
    procedures = _unique(entry.procedure for entry in found)
    names = _unique(entry.architecture for entry in found)
    figure, panels = _panels(len(procedures), 4.2)
    for panel, procedure in zip(panels, procedures, strict=True):
        for number, name in enumerate(names):
            line = [entry for entry in found if (entry.procedure, entry.architecture) == (procedure, name)]
            style = {"color": COLOURS[number % len(COLOURS)], "linestyle": "-" if number < len(COLOURS) else "--"}
            sizes, values = [str(entry.size) for entry in line], [entry.acc for entry in line]
            panel.errorbar(sizes, values, [entry.acc_std or 0 for entry in line], label=name, capsize=2, **style)
        panel.set(title=procedure, xlabel="size (pixels)")
    panels[0].set_ylabel("mean ACC over the datasets (%)")
    panels[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _frequencies(found: Sequence[Frequency]) -> Figure:
    """Bars: how often among the five best, over everything and for each procedure."""
    wide = [entry for entry in found if entry.size == ALL]
    procedures = _unique(entry.procedure for entry in wide)
    names = _unique(entry.architecture for entry in wide)
    figure, panels = _panels(len(procedures), 1 + ROW_INCHES * len(names))
    for number, (panel, procedure) in enumerate(zip(panels, procedures, strict=True)):
        counts = {entry.architecture: entry.count for entry in wide if entry.procedure == procedure}
        bars = panel.barh(names, [counts.get(name, 0) for name in names], color=COLOURS[number % len(COLOURS)])
        panel.bar_label(bars, padding=2)
        title = "all procedures and sizes" if procedure == ALL else f"{procedure}, all sizes"
        panel.set(title=title, xlabel="places 1 to 5")
        panel.margins(x=0.15)
    panels[0].invert_yaxis()
    return figure


def _gains(found: Sequence[Gain]) -> Figure | None:
    """Bars: for how many datasets the next larger size is better."""
    if not found:
        return None
    procedures = _unique(gain.procedure for gain in found)
    names, steps = _unique(gain.architecture for gain in found), _unique((g.smaller, g.larger) for g in found)
    figure, panels = _panels(len(procedures), 1 + ROW_INCHES * 1.6 * len(names))
    height = 0.8 / len(steps)
    for panel, procedure in zip(panels, procedures, strict=True):
        for number, step in enumerate(steps):
            better = {
                g.architecture: g.better for g in found if (g.procedure, g.smaller, g.larger) == (procedure, *step)
            }
            places = [row + (number - (len(steps) - 1) / 2) * height for row in range(len(names))]
            label = f"{step[0]} to {step[1]}"
            values = [better.get(name, 0) for name in names]
            panel.barh(places, values, height, color=COLOURS[number % len(COLOURS)], label=label)
        panel.set(title=procedure, xlabel="datasets with a gain", yticks=range(len(names)), yticklabels=names)
        panel.set_xlim(0, max(gain.datasets for gain in found))
    panels[0].invert_yaxis()
    panels[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _boxes(found: Sequence[Distribution]) -> Figure:
    """A panel for each procedure, a box for each architecture and size: quartiles, and the whole range as whiskers."""
    fine = [entry for entry in found if entry.size != ALL]
    procedures = _unique(entry.procedure for entry in fine)
    names, sizes = _unique(entry.architecture for entry in fine), sorted({int(entry.size) for entry in fine})
    figure, panels = _panels(len(procedures), 1 + ROW_INCHES * 2.2 * len(names))
    height = 0.8 / len(sizes)
    for panel, procedure in zip(panels, procedures, strict=True):
        for number, size in enumerate(sizes):
            chosen = [entry for entry in fine if (entry.procedure, entry.size) == (procedure, str(size))]
            places = [names.index(e.architecture) + (number - (len(sizes) - 1) / 2) * height for e in chosen]
            colour = COLOURS[number % len(COLOURS)]
            drawn = panel.bxp(
                [_box(entry) for entry in chosen],
                places,
                widths=height * 0.85,
                orientation="horizontal",
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": colour},
                medianprops={"color": "black"},
                manage_ticks=False,
            )
            if drawn["boxes"]:
                drawn["boxes"][0].set_label(f"{size} px")
        panel.set(title=procedure, xlabel="ACC (%)", yticks=range(len(names)), yticklabels=names)
    panels[0].invert_yaxis()
    panels[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _box(entry: Distribution) -> dict[str, float]:
    """As Matplotlib takes a box that is computed already."""
    quartiles = {"q1": entry.quartile_1, "med": entry.median, "q3": entry.quartile_3}
    return {**quartiles, "whislo": entry.least, "whishi": entry.most}


def _significance(found: Sequence[Pair]) -> Figure | None:
    """A square of all pairs: which of the two is better, where the difference is significant."""
    if not found:
        return None
    names = _unique(name for pair in found for name in (pair.first, pair.second))
    figure, (panel,) = _panels(1, 1.5 + ROW_INCHES * len(names))
    figure.set_figwidth(WIDTH_INCHES * 0.75)
    shades = [[0.0] * len(names) for _ in names]
    for pair in found:
        for row, column in ((pair.first, pair.second), (pair.second, pair.first)):
            sign, shade = (GREATER, 1.0) if pair.better == row else (LESS, -1.0)
            sign, shade = (sign, shade) if pair.better else (NONE, 0.0)
            y, x = names.index(row), names.index(column)
            shades[y][x] = shade
            panel.text(x, y, sign, ha="center", va="center")
    panel.imshow(shades, cmap="PiYG", vmin=-2, vmax=2)
    panel.set(xticks=range(len(names)), yticks=range(len(names)), yticklabels=names)
    panel.set_xticks(range(len(names)), names, rotation=45, ha="right")
    panel.set_title(
        f"{GREATER} the row is better, {LESS} the column is, {NONE} not significant (p ≥ {found[0].level:.4f})"
    )
    return figure


def _unique(values: Iterator[object] | Sequence[object]) -> list:
    return list(dict.fromkeys(values))
