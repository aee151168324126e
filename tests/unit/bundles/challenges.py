"""A small sound bundle on disk, for tests to bend."""

from pathlib import Path

DEFINITION = """\
version: 2
title: Chest X-ray (2026)
image: logo.png
terms: pages/terms.md
pages:
  - title: Overview
    file: pages/overview.md
tasks:
  - index: 0
    name: Validation
    scoring_program: scoring_program
    reference_data: reference_data/validation
    input_data: input_data/validation
  - index: 1
    name: Test
    scoring_program: scoring_program
    reference_data: reference_data/test
    input_data: input_data/test
phases:
  - index: 0
    name: Training
    start: 2026-01-01
    end: 2026-06-30T18:00:00+02:00
    tasks: [0]
    public_data: public_data
    hidden: false
  - index: 1
    name: Final
    start: 2026-07-01 00:00:00
    tasks: [1]
    accepts: [container]
    max_submissions: 10
    execution_time_limit: 500
leaderboards:
  - title: Results
    key: main
    columns:
      - title: Precision
        key: precision
      - title: F1
        key: f1
"""

FILES = {
    "README.md": "How to take part",
    "logo.png": "a picture",
    "pages/terms.md": "# Terms",
    "pages/overview.md": "# Overview ✓",
    "scoring_program/metadata": "command: python $program/score.py $input $output",
    "scoring_program/score.py": "print('scored')",
    "reference_data/validation/solution.csv": "1.jpg,Hand",
    "reference_data/test/solution.csv": "3.jpg,HeadCT\n4.jpg,Hand",
    "input_data/validation/1.jpg": "validation image",
    "input_data/test/3.jpg": "test image 3",
    "input_data/test/4.jpg": "test image 4",
    "public_data/training_solution.csv": "0.jpg,Hand",
    "public_data/training-data/0.jpg": "training image",
}


def write_bundle(folder: Path, definition: str = DEFINITION, files: dict[str, str] | None = None) -> Path:
    """The bundle's folder; `files` are written beside the usual ones."""
    for name, text in {**FILES, **(files or {}), "competition.yaml": definition}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def replaced(*changes: tuple[str, str]) -> str:
    """The definition with lines exchanged; each has to be there, once."""
    text = DEFINITION
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text
