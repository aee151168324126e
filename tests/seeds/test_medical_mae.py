import re

from tests.seeds.challenge import made, measured
from tests.seeds.table import Row

STAND_IN = ("--train", "2000", "--val", "300", "--test", "400")
FULL = ("python", "train.py", "--full")


def test_fine_tuning_after_masked_pre_training(table, docker_engine, tmp_path):
    """The gain over training from scratch is of one seed: it is shown, not asserted."""
    ended = measured(made("medical-mae", tmp_path, *STAND_IN), command=FULL, phase="Final")
    (scratch,) = re.findall(r"scratch mAUC (0\.\d+)", "\n".join(ended.log))
    what = "Medical MAE, chest 64, n = 2,000"
    table.add(Row(f"{what}, from scratch", " ".join(FULL), "validation mAUC", float(scratch), "–"))
    mauc = ended.scores["mauc"]
    table.add(Row(what, " ".join(FULL), "mAUC", mauc, "≥ 0.78", ended.training_s, ended.memory_mib, ended.inference_s))
    assert mauc >= 0.78
