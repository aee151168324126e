"""The challenge of the end-to-end tests, as small as can be, and the submissions to it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tests.factories.platform import PNG, make_zip

SLUG = "tiny"
CANARY_INPUT = "canary-of-the-test-set-5b1f"
CANARY_TRUTH = "canary-of-the-answers-9c0e"

SCORER = f"""
import pathlib, sys
given, output = map(pathlib.Path, sys.argv[1:])
answer = (given / "res" / "answer.txt").read_text().strip()
print("the scorer saw", answer, (given / "ref" / "truth.txt").read_text())
if answer == "crash":
    raise SystemExit("{CANARY_TRUTH}")
try:
    value = float(answer)
except ValueError:
    (output / "predictions_invalid.txt").write_text("Line 1 of answer.txt holds no number.")
    sys.exit(65)
(output / "scores.txt").write_text(f"f1: {{value}}\\nseconds:2\\n")
(output / "scores.html").write_text("<p>Truth: {CANARY_TRUTH}</p>")
"""
"""Takes the number in answer.txt as the F1; tells the answers to its log and its detailed results alone."""

LIMITS = {"time_s": 20, "memory_mb": 64, "cpus": 1, "pids": 64, "output_mb": 4, "shm_mb": 4, "tmp_mb": 4}


def phase(index: int, name: str, **keys: Any) -> dict[str, Any]:
    return {
        "index": index,
        "name": name,
        "start": "2026-01-01",
        "tasks": [0],
        "max_submissions": 10_000,
        "max_submissions_per_day": 10_000,
        "limits": LIMITS,
        "scoring_limits": LIMITS,
        **keys,
    }


PHASES = [
    phase(0, "Closed", end="2026-01-02"),
    phase(1, "Final", start="2026-01-03"),
]


def competition(**keys: Any) -> dict[str, Any]:
    """The definition; JSON is YAML too."""
    return {
        "version": 2,
        "title": "Tiny",
        "slug": SLUG,
        "description": "A challenge as small as can be",
        "image": "logo.png",
        "terms": "terms.md",
        "registration_auto_approve": True,
        "enable_detailed_results": True,
        "pages": [{"title": "Overview", "file": "overview.md"}],
        "tasks": [
            {
                "index": 0,
                "name": "Main",
                "scoring_program": "scoring_program",
                "reference_data": "reference_data",
                "input_data": "input_data",
            }
        ],
        "phases": PHASES,
        "leaderboards": [
            {
                "title": "Results",
                "key": "main",
                "submission_rule": "Force_Best",
                "columns": [
                    {"title": "F1", "key": "f1", "index": 0, "sorting": "desc", "precision": 3},
                    {"title": "Seconds", "key": "seconds", "index": 1, "sorting": "asc", "precision": 1},
                ],
            }
        ],
        **keys,
    }


def write_bundle(folder: Path, *, scorer: str = SCORER, **keys: Any) -> Path:
    """The bundle as a folder; `keys` replace parts of its definition."""
    files: dict[str, str | bytes] = {
        "competition.yaml": json.dumps(competition(**keys), indent=2),
        "logo.png": PNG,
        "terms.md": "Be fair.",
        "overview.md": "# Welcome",
        "scoring_program/metadata": "command: python $program/score.py $input $output\n",
        "scoring_program/score.py": scorer,
        "reference_data/truth.txt": CANARY_TRUTH,
        "input_data/case.txt": CANARY_INPUT,
        "input_data/answer.txt": "0.5",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


COPYING = {"Dockerfile": 'FROM medici/python:latest\nCMD ["cp", "/mnt/in/answer.txt", "/mnt/out/answer.txt"]\n'}


def running(code: str) -> dict[str, str]:
    """A submission whose container runs this Python."""
    return {"Dockerfile": 'FROM medici/python:latest\nCOPY main.py /\nCMD ["python", "/main.py"]\n', "main.py": code}


def answering(value: object) -> dict[str, str]:
    """A result submission."""
    return {"answer.txt": str(value)}


def answering_in_container(value: object) -> dict[str, str]:
    return running(f"open('/mnt/out/answer.txt', 'w').write('{value}')\n")


def write_zip(path: Path, files: dict[str, str | bytes]) -> Path:
    path.write_bytes(make_zip(files))
    return path


def wrapped(files: dict[str, str], folder: str = "my submission") -> dict[str, str]:
    """As archive programs of desktops pack a folder, with their noise."""
    return {f"{folder}/{name}": content for name, content in files.items()} | {
        f"__MACOSX/{folder}/._x": "noise",
        f"{folder}/.DS_Store": "noise",
    }


def bomb() -> bytes:
    """256 MiB of zeros."""
    buffer = io.BytesIO()
    zeros = bytes(1024**2)
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("answer.txt", "w", force_zip64=True) as target,
    ):
        for _ in range(256):
            target.write(zeros)
    return buffer.getvalue()
