"""Bundles of CodaLab 1.5 and 1.8, written by us: one with every key, and smaller ones to bend."""

from pathlib import Path

EVERY_KEY = """\
version: 1.5
title: Brain lesions
slug: lesions
description: Find them all.
image: logo.png
has_registration: True
start_date: 2026-01-01
end_date: 2026-12-31 12:00:00 +02:00
competition_docker_image: codalab/codalab-legacy:py3
enable_detailed_results: True
force_submission_to_leaderboard: True
disallow_leaderboard_modifying: True
show_datasets_from_yaml: True
reward: 500
allow_teams: True
enable_per_submission_metadata: True
allow_public_submissions: True
enable_forum: True
anonymous_leaderboard: True
admin_names: ada, grace
html:
  overview: pages/overview.html
  evaluation: pages/evaluation.html
  terms: pages/terms.html
  data: pages/data.md
  get_starting-kit: pages/kit.md
phases:
  1:
    phasenumber: 1
    label: Practice
    description: Try it.
    start_date: 2026-01-01 09:30:00+01:00
    color: green
    max_submissions: 50
    max_submissions_per_day: 7
    execution_time_limit: 120
    is_scoring_only: True
    leaderboard_management_mode: default
    input_data: input.zip
    reference_data: reference.zip
    scoring_program: program.zip
    ingestion_program: ingestion
    ingestion_program_only_during_scoring: True
    public_data: public
    starting_kit: kit
    datasets:
      1: {name: More images, url: "http://example.org/x.zip"}
  2:
    phasenumber: 2
    label: Test
    start_date: 2026-06-01
    auto_migration: True
    leaderboard_management_mode: hide_results
    force_best_submission_to_leaderboard: True
    is_parallel_parent: True
  3:
    phasenumber: 3
    parent_phasenumber: 2
    label: Test A
    reference_data: reference_a
    scoring_program: program.zip
  4:
    phasenumber: 4
    parent_phasenumber: 2
    label: Test B
    start_date: 2026-07-01
    reference_data: reference_b
    scoring_program: program.zip
leaderboard:
  leaderboards:
    SECOND: &SECOND
      label: By site
      rank: 2
    FIRST: &FIRST
      label: Results
      rank: 1
  column_groups:
    overlap: &OVERLAP
      label: Overlap
      rank: 1
  columns:
    dice:
      leaderboard: *FIRST
      label: Dice
      rank: 1
      sort: desc
      numeric_format: "4"
      column_group: *OVERLAP
    distance:
      leaderboard: *FIRST
      label: Distance (mm)
      rank: 2
      sort: asc
    place:
      leaderboard: *FIRST
      label: Mean rank
      rank: 0
      computed:
        operation: Avg
        fields: "dice, distance"
        weights: "2, 1"
    best:
      leaderboard: *FIRST
      label: Best
      rank: 3
      computed: {operation: Max, fields: "dice, distance"}
    reciprocal:
      leaderboard: *FIRST
      label: MRR
      rank: 4
      computed: {operation: MRR, fields: dice}
    dice_site_1:
      leaderboard: {<<: *SECOND}
      label: Site 1
      rank: 1
"""

SMALL = """\
title: Chest X-ray (2026)
image: logo.png
html:
  overview: pages/overview.html
  terms: pages/terms.html
end_date: 2026-12-31T18:00:00+01:00
competition_docker_image: medici/python
phases:
  1:
    phasenumber: 1
    label: Training
    start_date: 2026-01-01
    max_submissions: 10
    max_submissions_per_day: 2
    reference_data: reference.zip
    scoring_program: program.zip
  2:
    phasenumber: 2
    label: Final
    start_date: 2026-07-01
    max_submissions: 0
    max_submissions_per_day: 0
    reference_data: reference.zip
    scoring_program: program.zip
leaderboard:
  leaderboards:
    RESULTS: &RESULTS
      label: Results
      rank: 1
  columns:
    score_1:
      leaderboard: *RESULTS
      label: Precision
      rank: 1
    score_2:
      leaderboard: *RESULTS
      label: Recall
      rank: 2
"""

FILES = {
    "logo.png": "a picture",
    **{f"pages/{name}": f"about {name}" for name in ("overview.html", "evaluation.html", "terms.html")},
    **{f"pages/{name}": f"about {name}" for name in ("data.md", "kit.md")},
    "program/metadata": "command: python $program/score.py $input $output",
    "program/score.py": "print('scored')",
    "ingestion/metadata.yaml": "command: python $ingestion_program/run.py",
    "input/1.png": "hidden image",
    "reference/answers.csv": "1,yes",
    "reference_a/answers.csv": "2,yes",
    "reference_b/answers.csv": "3,yes",
    "public/0.png": "public image",
    "kit/README.md": "how to begin",
}


def write_15(folder: Path, definition: str = SMALL, *, name: str = "competition.yaml") -> Path:
    """The bundle's folder: zips are named, and folders stand in their places."""
    for file, text in {**FILES, name: definition}.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def changed(*changes: tuple[str, str]) -> str:
    """The small definition with lines exchanged; each has to be there, once."""
    text = SMALL
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text
