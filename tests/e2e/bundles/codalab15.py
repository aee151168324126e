"""A challenge as groups wrote it for CodaLab 1.5: three phases, a computed rank, a page on Docker submissions."""

from pathlib import Path

from tests.e2e.bundles.writing import write_tree
from tests.factories.platform import PNG, make_zip

COMPETITION = """\
title: Lesion grading in three steps
description: Grade lesions in thumbnails, as it ran on another server
image: logo.png
has_registration: False
force_submission_to_leaderboard: True
enable_detailed_results: True
competition_docker_image: codalab/codalab-legacy:py37
admin_names: bob,nobody-here
end_date: 2099-06-30 18:00:00+02:00
html:
  overview: overview.html
  evaluation: evaluation.html
  terms: terms.html
  data: data.html
  docker_submission: docker_submission.html
phases:
  1:
    phasenumber: 1
    label: Practice
    description: Open to everybody
    start_date: 2026-01-01
    max_submissions: 50
    execution_time_limit: 60
    color: green
    is_scoring_only: True
    reference_data: reference.zip
    scoring_program: scoring.zip
  2:
    phasenumber: 2
    label: Validation
    start_date: 2026-02-01 09:30:00
    max_submissions: 20
    max_submissions_per_day: 20
    is_scoring_only: False
    input_data: input.zip
    reference_data: reference.zip
    scoring_program: scoring.zip
  3:
    phasenumber: 3
    label: Final
    start_date: '2099-01-01T00:00:00+00:00'
    max_submissions: 1
    is_scoring_only: False
    input_data: input.zip
    reference_data: reference.zip
    scoring_program: scoring_docker
    auto_migration: True
leaderboard:
  leaderboards:
    RESULTS: &RESULTS
      label: Results
      rank: 1
  columns:
    AVERAGE:
      leaderboard: *RESULTS
      label: Mean rank
      rank: 1
      numeric_format: 2
      computed:
        operation: Avg
        fields: score_1, score_2
    score_1:
      leaderboard: *RESULTS
      label: Accuracy
      rank: 2
      sort: desc
      numeric_format: 3
    score_2:
      leaderboard: *RESULTS
      label: Error
      rank: 3
      sort: asc
      numeric_format: 3
"""

SCORER = """\
import os, sys
reference = os.path.join(sys.argv[1], 'ref')
submitted = os.path.join(sys.argv[1], 'res')
if not os.path.isdir(sys.argv[2]):
    os.makedirs(sys.argv[2])
truth = open(os.path.join(reference, 'truth.txt')).read().split()
given = open(os.path.join(submitted, 'grades.txt')).read().split()
right = sum(a == b for a, b in zip(truth, given)) / float(len(truth))
error = sum(abs(int(a) - int(b)) for a, b in zip(truth, given)) / float(len(truth))
with open(os.path.join(sys.argv[2], 'scores.txt'), 'w') as scores:
    scores.write('score_1:%.3f\\n' % right)
    scores.write('score_2:%.3f\\n' % error)
with open(os.path.join(sys.argv[2], 'scores.html'), 'w') as page:
    page.write('<h1>Grades</h1><p>%d of %d right</p>' % (right * len(truth), len(truth)))
"""

DOCKER_SCORER = """\
FROM python:3.8-slim
COPY evaluate.py /evaluate.py
CMD ["python", "/evaluate.py", "input", "output"]
"""

OVERVIEW = '<h1>Overview</h1><img src="logo.png" alt="Lesions"><p onclick="steal()">Grade lesions.</p>'
GRADES = "1 2 3 4 1 2 3 4"


def write_bundle(folder: Path) -> Path:
    """The bundle; data are named as zips, some of which are folders."""
    return write_tree(
        folder,
        {
            "competition.yaml": COMPETITION,
            "logo.png": PNG,
            "overview.html": OVERVIEW,
            "evaluation.html": "<p>Accuracy, and mean error.</p>",
            "terms.html": "<p>Be fair.</p>",
            "data.html": "<p>Thumbnails.</p>",
            "docker_submission.html": "<h2>Docker submissions</h2><p>Upload a zip with a Dockerfile at its root.</p>",
            "scoring.zip": make_zip(
                {"metadata": "command: python $program/evaluate.py $input $output\n", "evaluate.py": SCORER}
            ),
            "scoring_docker/Dockerfile": DOCKER_SCORER,
            "scoring_docker/evaluate.py": SCORER,
            "input/grades.txt": GRADES,
            "reference/truth.txt": GRADES,
        },
    )


def grades(wrong: int, *, by: int = 1) -> str:
    """The first `wrong` grades are `by` too high."""
    true = [int(grade) for grade in GRADES.split()]
    return " ".join(str(grade + by if place < wrong else grade) for place, grade in enumerate(true))
