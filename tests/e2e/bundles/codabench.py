"""A challenge as groups write it for Codabench: three tasks, an ingestion program that trains and predicts, facts."""

from pathlib import Path

from tests.e2e.bundles.writing import write_tree
from tests.factories.platform import PNG

COMPETITION = """\
version: 2
title: Thresholds of three clinics
description: One model, three clinics
image: logo.png
terms: terms.md
registration_auto_approve: True
docker_image: codalab/codalab-legacy:py37
enable_detailed_results: True
queue: 3fa85f64-5717-4562-b3fc-2c963f66afa6
reward: $100
contact_email: clinics@example.org
fact_sheet: {
    "method": {"key": "method", "type": "text", "title": "Method", "selection": "",
               "is_required": "true", "is_on_leaderboard": "true"},
    "family": {"key": "family", "type": "select", "title": "Family", "selection": "tree,linear,network",
               "is_required": "false", "is_on_leaderboard": "true"},
    "external": {"key": "external", "type": "checkbox", "title": "External data", "selection": "",
                 "is_required": "false", "is_on_leaderboard": "false"}
}
pages:
  - title: Overview
    file: overview.md
tasks:
  - index: 0
    name: Clinic A
    description: The first
    scoring_program: scoring_program
    ingestion_program: ingestion_program
    input_data: a_input
    reference_data: a_reference
  - index: 1
    name: Clinic B
    scoring_program: scoring_program
    ingestion_program: ingestion_program
    input_data: b_input
    reference_data: b_reference
  - index: 2
    name: Clinic C
    scoring_program: scoring_program
    ingestion_program: ingestion_program
    input_data: c_input.zip
    reference_data: c_reference.zip
solutions:
  - index: 0
    tasks: [0, 1, 2]
    path: solution
phases:
  - index: 0
    name: Development
    description: All three clinics
    start: 2026-01-01 10:00:00+01:00
    max_submissions_per_day: 100
    max_submissions: 1000
    execution_time_limit: 60
    tasks: [0, 1, 2]
leaderboards:
  - title: Results
    key: main
    submission_rule: Force_Last
    primary_index: 2
    columns:
      - {title: Accuracy, key: accuracy, index: 0, sorting: desc}
      - {title: Balanced, key: balanced, index: 1, sorting: desc}
      - {title: Mean, key: mean, index: 2, sorting: desc, computation: avg, computation_indexes: [0, 1], precision: 4}
"""

INGESTION = """\
import json, os, sys, time
input_dir, output_dir, program_dir, submission_dir, shared_dir = sys.argv[1:6]
assert not os.path.exists('/app/input/ref') and not os.path.exists('/app/input_data/ref')
sys.path.insert(0, submission_dir)
open(os.path.join(shared_dir, 'note.txt'), 'w').write('ingestion was here')
from model import Model
model = Model()
rows = [line.split(',') for line in open(os.path.join(input_dir, 'train.csv')).read().split()]
model.fit([float(x) for x, _ in rows], [int(y) for _, y in rows])
cases = [float(x) for x in open(os.path.join(input_dir, 'test.csv')).read().split()]
answers = [model.predict(case) for case in cases]
with open(os.path.join(output_dir, 'predictions.txt'), 'w') as out:
    out.write('\\n'.join(str(answer) for answer in answers))
"""

SCORER = """\
import json, os, sys
import numpy as np
import pandas as pd
import yaml
from sklearn.metrics import accuracy_score, balanced_accuracy_score
reference_dir, prediction_dir, output_dir = sys.argv[1:4]
meta = yaml.safe_load(open(os.path.join(prediction_dir, 'metadata')))
assert meta['exitCode'] == 0 and float(meta['elapsedTime']) > 0, meta
truth = pd.read_csv(os.path.join(reference_dir, 'truth.csv'), header=None)[0]
given = np.loadtxt(os.path.join(prediction_dir, 'predictions.txt'))
scores = {'accuracy': accuracy_score(truth, given), 'balanced': balanced_accuracy_score(truth, given),
          'detail': {'n': len(truth)}}
json.dump(scores, open(os.path.join(output_dir, 'scores.json'), 'w'))
open(os.path.join(output_dir, 'detailed_results.html'), 'w').write('<h1>%d cases</h1>' % len(truth))
"""

MODEL = """\
class Model:
    def fit(self, x, y):
        self.threshold = {threshold}
    def predict(self, x):
        if x < {fails_below}:
            raise ValueError('cannot read this clinic')
        return int(x > self.threshold)
"""

CLINICS = {"a": 0.5, "b": 0.25, "c": -0.5}
"""Where each clinic's true threshold lies. The cases of clinic c alone reach below zero."""
CASES = [place / 8 - 0.9375 for place in range(16)]


def write_bundle(folder: Path) -> Path:
    files: dict[str, str | bytes] = {
        "competition.yaml": COMPETITION,
        "logo.png": PNG,
        "terms.md": "Be fair.",
        "overview.md": "# Three clinics\n\n![Logo](logo.png)\n",
        "ingestion_program/metadata": (
            "command: python3 $ingestion_program/ingestion.py $input $output $ingestion_program "
            "$submission_program $shared\n"
        ),
        "ingestion_program/ingestion.py": INGESTION,
        "scoring_program/metadata.yaml": "command: python3 /app/program/score.py $hidden $predictions $output\n",
        "scoring_program/score.py": SCORER,
        "solution/model.py": model(0.5)["model.py"],
        "solution/metadata": "",
    }
    for clinic, threshold in CLINICS.items():
        cases = CASES if clinic == "c" else [case for case in CASES if case > 0]
        files[f"{clinic}_input/train.csv"] = "\n".join(f"{case},{int(case > threshold)}" for case in cases)
        files[f"{clinic}_input/test.csv"] = "\n".join(map(str, cases))
        files[f"{clinic}_reference/truth.csv"] = "\n".join(str(int(case > threshold)) for case in cases)
    return write_tree(folder, files)


def model(threshold: float, *, fails_below: float = -10) -> dict[str, str]:
    """A code submission: one module that the ingestion program imports."""
    return {"model.py": MODEL.format(threshold=threshold, fails_below=fails_below), "metadata": "description: mine\n"}


def accuracies(threshold: float) -> dict[str, float]:
    """What the scorer makes of `model(threshold)`, worked out anew: clinic → share of right answers."""
    found = {}
    for clinic, true in CLINICS.items():
        cases = CASES if clinic == "c" else [case for case in CASES if case > 0]
        found[clinic] = sum((case > threshold) == (case > true) for case in cases) / len(cases)
    return found
