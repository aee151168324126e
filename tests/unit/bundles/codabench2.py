"""A bundle with every key of version 2 and of MedICI, written by us."""

from pathlib import Path

EVERY_KEY = """\
version: 2
title: Brain lesions
slug: lesions
description: Find them all.
image: logo.png
terms: pages/terms.md
pages:
  - {title: Overview, file: pages/overview.md}
registration_auto_approve: true
docker_image: codalab/codalab-legacy:py37
image_map: {"codalab/*": medici/codalab:latest}
pull: missing
collaborators: [ada, grace]
queue: gpus
enable_detailed_results: true
show_detailed_results_in_submission_panel: false
show_detailed_results_in_leaderboard: false
auto_run_submissions: false
can_participants_make_submissions_public: false
make_programs_available: true
make_input_data_available: true
competition_type: benchmark
reward: A cup
contact_email: ada@example.org
forum_enabled: true
fact_sheet:
  METHOD:
    key: METHOD
    type: text
    title: Method
    selection: ""
    is_required: "true"
    is_on_leaderboard: "false"
  OPEN: {type: checkbox, title: Open source}
  DEVICE: {key: device, type: select, title: Device, selection: ["", CPU, GPU], is_on_leaderboard: "true"}
tasks:
  - index: 0
    name: Lesions
    description: All of them
    scoring_program: program
    reference_data: reference
    input_data: input.zip
    ingestion_program: ingestion.zip
    ingestion_only_during_scoring: true
    key: 8a3f7a9e-0d4c-4f0e-9a55-0a1b2c3d4e5f
solutions:
  - {index: 0, tasks: [0], name: Baseline, path: solution}
  - {index: 1, tasks: [0], key: 8a3f7a9e-0d4c-4f0e-9a55-0a1b2c3d4e5f}
phases:
  - index: 0
    name: Practice
    description: Try it.
    start: 01-31-2026
    end: "2026-05-31T18:00:00+02:00"
    tasks: [0]
    max_submissions: 0
    max_submissions_per_day: 1
    execution_time_limit: 60
    hide_output: true
    hide_prediction_output: true
    hide_score_output: true
    public_data: public
    starting_kit: kit
    accepts: [image, code]
    logs: none
    limits: {time_s: 60, memory_mb: 1, cpus: 1, pids: 1, output_mb: 1, shm_mb: 1, tmp_mb: 1, gpus: 1}
    scoring_limits: {time_s: 30}
    build: {time_s: 5, memory_mb: 1, allowed_bases: ["python:*"], image_map: {"a": "b"}, pull: never}
    outputs: ["*.csv"]
    unwrap_results: false
    allowed_images: ["ghcr.io/lab/*"]
    parallel: true
    embargo_until: 2026-05-01
    freeze_at: 2026-05-15
    late_until: 2026-06-15
  - index: 1
    name: Final
    start: 2026-06-01
    tasks: [0]
    parent: 0
    auto_migrate_to_this_phase: true
leaderboards:
  - title: Results
    key: main
    index: 0
    hidden: true
    submission_rule: Force_Latest_Multiple
    primary_index: 3
    columns:
      - {title: Dice, key: dice, index: 0, sorting: desc, precision: 4, group: Overlap}
      - {title: Jaccard, key: jaccard, index: 1, hidden: true, group: Overlap}
      - title: Both
        key: both
        index: 2
        computation: avg
        computation_indexes: [0, 1]
        computation_weights: [2, 1]
      - {title: Rank, key: rank, index: 3, sorting: asc, computation: avg_rank, computation_indexes: [0, 2]}
"""

FILES = {
    "logo.png": "a picture",
    "pages/terms.md": "# Terms",
    "pages/overview.md": "# Overview",
    "program/metadata": "command: python $program/score.py $input $output",
    "ingestion/metadata": "command: python $ingestion_program/run.py",
    "input/1.png": "open image",
    "reference/answers.csv": "1,yes",
    "public/0.png": "public image",
    "kit/README.md": "how to begin",
    "solution/Dockerfile": "FROM medici/python",
}


def write_2(folder: Path, definition: str = EVERY_KEY) -> Path:
    for file, text in {**FILES, "competition.yaml": definition}.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def changed(*changes: tuple[str, str]) -> str:
    """The definition with lines exchanged; each has to be there, once."""
    text = EVERY_KEY
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text
