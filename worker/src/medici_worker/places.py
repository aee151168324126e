"""Where things lie inside containers, and the words that stand for these places in a program's command."""

import re
from collections.abc import Mapping

APP = "/app"
PROGRAM = f"{APP}/program"
INPUT = f"{APP}/input"
REFERENCE = f"{INPUT}/ref"
PREDICTIONS = f"{INPUT}/res"
INPUT_DATA = f"{APP}/input_data"
INGESTED = f"{APP}/ingested_program"
OUTPUT = f"{APP}/output"
SHARED = f"{APP}/shared"
TMP = "/tmp"  # noqa: S108 - inside the container
IN = "/mnt/in"
OUT = "/mnt/out"

TASK_VARIABLE = "MEDICI_TASK"
"""Environment variable of every container of a run: the name of its task."""


def _words(*, input_: str, predictions: str) -> dict[str, str]:
    return {
        "$input": input_,
        "$output": OUTPUT,
        "$program": PROGRAM,
        "$ingestion_program": PROGRAM,
        "$hidden": REFERENCE,
        "$shared": SHARED,
        "$submission_program": INGESTED,
        "$tmp": TMP,
        "$predictions": predictions,
    }


SCORING_WORDS = _words(input_=INPUT, predictions=PREDICTIONS)
"""Of a scoring program's command."""
SUBMISSION_WORDS = _words(input_=INPUT, predictions=OUTPUT)
"""Of a submission's own command. `$hidden` names a place that is not there."""
INGESTION_WORDS = _words(input_=INPUT_DATA, predictions=OUTPUT)
"""Of an ingestion program that runs before the scoring."""
INGESTION_IN_SCORING_WORDS = _words(input_=INPUT_DATA, predictions=PREDICTIONS)
"""Of an ingestion program that runs beside the scoring program."""

_WORD = re.compile(rf"(?:{'|'.join(re.escape(name) for name in SCORING_WORDS)})(?!\w)")


def filled_in(word: str, places: Mapping[str, str]) -> str:
    """`$program/a.py` → `/app/program/a.py`; what merely begins like one of the names (`$programs`) stays."""
    return _WORD.sub(lambda found: places[found.group()], word)
