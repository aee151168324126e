"""The paper's tables and figures from any table of results: the published one, or that of your own sweep.

    python figures.py --results published_results.csv --output DIR [--format svg]

Prints the average table, top-5 frequencies, gains with resolution and pair-wise tests; writes each of them as CSV
(average, top5, resolution, boxes, wilcoxon) and as a figure beside it. `--tables-only` leaves the figures out.
"""

import argparse
import sys
from pathlib import Path

from medici_training.benchmark.results import read_rows
from medici_training.benchmark.tables import derive, summaries, tables

FORMATS = ("svg", "png", "pdf")


def main() -> int:
    parser = argparse.ArgumentParser(description="The benchmark's tables and figures from a table of results.")
    parser.add_argument("--results", type=Path, default=Path("published_results.csv"), help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("figures"), help="folder (default: %(default)s)")
    parser.add_argument("--format", choices=FORMATS, default="svg", help="of the figures (default: svg)")
    parser.add_argument("--tables-only", action="store_true", help="no figures: needs no Matplotlib")
    options = parser.parse_args()
    try:
        found = derive(read_rows(options.results))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    for table in summaries(found):
        print(f"{table}\n")
    written = [table.write(options.output) for table in tables(found)]
    if not options.tables_only:
        from drawing import draw_all  # noqa: PLC0415  Matplotlib is not needed for tables

        written += draw_all(found, options.output, suffix=options.format)
    print(f"Wrote {', '.join(path.name for path in written)} to {options.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
