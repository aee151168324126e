"""What a scoring program's end and the files that it wrote mean."""

from fnmatch import fnmatchcase

from medici_worker.organizers import failed
from medici_worker.outcome import RunFailure
from medici_worker.places import OUTPUT
from medici_worker.progress import Ended
from medici_worker.protocol import FailureKind, ScoreFiles

EX_DATAERR = 65
"""The scorer's exit code that says: the predictions are at fault."""
INVALID_FILE = "predictions_invalid.txt"
INVALID_CHARACTERS = 2_000
FILE_LIMIT_BYTES = 4 * 1024**2
WANTED = ("scores.json", "scores.txt", INVALID_FILE, "*.html")
_ENDS = {
    126: ": its command can't be executed; name the interpreter before the file, as in `python3 $program/score.py`",
    127: ": its command was not found in the image",
}


def judged(ended: Ended, files: dict[str, bytes], *, log_tail: str) -> ScoreFiles:
    """What the end of the scoring container and the files that it wrote mean. `log_tail` is for the organizers."""
    code = ended.exit.code
    if ended.over_time:
        raise failed("The scoring program ran over its own time limit.", log_tail, code)
    if ended.exit.out_of_memory:
        raise failed("The scoring program used more memory than its own limit.", log_tail, code)
    if code == EX_DATAERR:
        sentence = _text(files.get(INVALID_FILE)) or ""
        raise RunFailure(
            FailureKind.PREDICTIONS_INVALID, _cut(sentence.strip()), private_detail=log_tail, exit_code=code
        )
    if code != 0:
        raise failed(f"The scoring program ended with exit code {code}{_ENDS.get(code, '')}.", log_tail, code)
    oversized = [name for name, content in files.items() if len(content) > FILE_LIMIT_BYTES]
    if oversized:
        raise failed(
            f"The scoring program wrote a {oversized[0]} of more than {FILE_LIMIT_BYTES} bytes.", log_tail, code
        )
    if "scores.json" not in files and "scores.txt" not in files:
        raise failed(f"The scoring program wrote neither scores.json nor scores.txt to {OUTPUT}.", log_tail, code)
    return ScoreFiles(
        scores_json=_text(files.get("scores.json")),
        scores_txt=_text(files.get("scores.txt")),
        detailed_html=_text(_detailed(files)),
    )


def _detailed(files: dict[str, bytes]) -> bytes | None:
    for name in ("detailed_results.html", "scores.html"):
        if name in files:
            return files[name]
    return next((files[name] for name in sorted(files) if fnmatchcase(name, "*.html")), None)


def _text(content: bytes | None) -> str | None:
    return content.decode(errors="replace").replace("\x00", "") if content is not None else None


def _cut(text: str) -> str:
    return text if len(text) <= INVALID_CHARACTERS else text[: INVALID_CHARACTERS - 1] + "…"
