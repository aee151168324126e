"""The figures are those of the `medmnist` package's own evaluator."""

import numpy as np
import pytest

from medici_scoring.medmnist.answers import Answers, Question, TaskKind
from medici_scoring.medmnist.evaluator import evaluate
from tests.trainers import need_trainers

pytestmark = pytest.mark.slow

CASES = 75


def drawn(random, task):
    """Labels of which every class has some and scores with many ties, some of them exactly 0.5."""
    classes = 2 if task is TaskKind.BINARY else int(random.integers(3, 15))
    count = int(random.integers(2 * classes, 120))
    if task is TaskKind.MULTI_LABEL:
        labels = random.integers(0, 2, (count, classes))
        labels[0], labels[1] = 0, 1
    else:
        labels = random.permutation(np.arange(count) % classes)[:, None]
    columns = int(random.integers(1, 3)) if task is TaskKind.BINARY else classes
    scores = np.round(random.random((count, columns)), int(random.integers(1, 5)))
    question = Question("anymnist", 28, "test", task, tuple(map(str, range(classes))))
    return Answers(question, labels), scores


@pytest.mark.parametrize("task", list(TaskKind), ids=lambda task: task.value)
def test_auc_and_acc_are_the_packages(task):
    need_trainers()
    from medmnist.evaluator import getACC, getAUC

    random = np.random.default_rng(list(TaskKind).index(task))
    for _ in range(CASES):
        answers, scores = drawn(random, task)
        result = evaluate(answers, scores)
        assert result.auc.undefined == ()
        assert result.auc.mean == pytest.approx(getAUC(answers.labels, scores, task.value), rel=0, abs=1e-12)
        assert result.acc == pytest.approx(getACC(answers.labels, scores, task.value), rel=0, abs=1e-12)
