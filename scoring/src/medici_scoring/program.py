"""The entry of a scoring program: where its files are, and how it ends.

Exit 0 with a scores file means scored. Exit 65 (EX_DATAERR) means that the predictions are at fault, and
`predictions_invalid.txt` in the output folder tells the participant why, in words that give nothing away. Any other
exit is the organizer's own fault.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medici_scoring.predictions import PredictionsInvalid

EX_DATAERR = 65
INVALID_FILE = "predictions_invalid.txt"
MOST_CHARACTERS = 2000


@dataclass(frozen=True)
class Folders:
    """Where a scoring program finds the answers and the predictions, and where it writes."""

    reference: Path
    predictions: Path
    output: Path


def run_program(main: Callable[[Folders], None]) -> None:
    """Run a scoring program's `main` and leave the process with the exit code that the platform understands."""
    folders = locate(sys.argv[1:], os.environ)
    folders.output.mkdir(parents=True, exist_ok=True)
    try:
        main(folders)
    except PredictionsInvalid as invalid:
        print(f"The predictions cannot be scored.\n{invalid.private}", file=sys.stderr)  # noqa: T201  a program's log
        text = invalid.public[:MOST_CHARACTERS]
        (folders.output / INVALID_FILE).write_text(text + "\n", encoding="utf-8")
        sys.exit(EX_DATAERR)


def locate(arguments: Sequence[str], environment: Mapping[str, str]) -> Folders:
    """From the arguments `$input $output`, else the variables IN and OUT, else `input` and `output` right here."""
    if arguments:
        source, output = arguments
    else:
        source, output = environment.get("IN", "input"), environment.get("OUT", "output")
    return Folders(Path(source) / "ref", Path(source) / "res", Path(output))
