"""`python -m medici_scoring`: score predictions on one's own machine; the entry of the scoring container."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from medici_scoring.bundle import BundleUnusable
from medici_scoring.local import LocalScore, ProgramUnusable, score_bundle, score_directory
from medici_scoring.program import EX_DATAERR


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 scored, 65 the predictions are at fault, 1 the program failed, 2 something is not there."""
    options = _parser().parse_args(arguments)
    try:
        ended = _score(options)
    except (BundleUnusable, ProgramUnusable) as unusable:
        print(unusable, file=sys.stderr)  # noqa: T201  a command's answer
        return 2
    _tell(ended)
    return 0 if ended.scores else EX_DATAERR if ended.predictions_at_fault else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="medici-score",
        description="Score predictions with a bundle's own program. Without arguments: score the current directory, "
        "which then holds input/ref, input/res, program and output.",
    )
    parser.add_argument("bundle", nargs="?", type=Path, help="folder of the bundle (with its competition.yaml)")
    parser.add_argument("predictions", nargs="?", type=Path, help="folder, zip or CSV file with the predictions")
    parser.add_argument("--task", default="", help="name of the task to score (default: the one that fits)")
    parser.add_argument("--output", type=Path, help="folder for scores.txt (default: `output` beside the predictions)")
    parser.add_argument("--timeout", type=float, default=None, metavar="SECONDS", help="stop the program after this")
    return parser


def _score(options: argparse.Namespace) -> LocalScore:
    if options.bundle is None:
        return score_directory(Path.cwd(), timeout_s=options.timeout)
    if options.predictions is None:
        raise ProgramUnusable("Name the folder with the predictions after the bundle (see --help).")
    output = options.output or default_output(options.predictions)
    return score_bundle(options.bundle, options.predictions, output, task=options.task, timeout_s=options.timeout)


def default_output(predictions: Path) -> Path:
    """`output` in the folder of predictions; for the layout `X/input/res` it is `X/output`."""
    folder = predictions.resolve()
    if folder.parts[-2:] == ("input", "res"):
        return folder.parents[1] / "output"
    return (folder if folder.is_dir() else folder.parent) / "output"


def _tell(ended: LocalScore) -> None:
    sys.stdout.write(ended.log)
    if ended.task:
        print(f"Task: {ended.task}")  # noqa: T201
    if ended.scores is None:
        print(ended.problem, file=sys.stderr)  # noqa: T201
        return
    for key, value in ended.scores.values.items():
        print(f"{key}: {value:.4f}")  # noqa: T201
    print(f"Written to {ended.output}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
