"""Score one task of the benchmark: the result file in `input/res` against the answers in `input/ref`.

Set, size and kind of task stand beside the answers; ACC and AUC are those of MedMNIST's own evaluator. Writes
scores.txt, scores.html and cases.csv to `output`.
"""

from medici_scoring.medmnist.report import score_task
from medici_scoring.program import run_program

if __name__ == "__main__":
    run_program(score_task)
