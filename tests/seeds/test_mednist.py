from tests.seeds.challenge import made, measured
from tests.seeds.table import Row


def test_the_light_model(table, docker_engine, tmp_path):
    ended = measured(made("mednist", tmp_path))
    f1 = ended.scores["f1"]
    table.add(
        Row(
            "MedNIST", "make demo", "weighted F1", f1, "0.88 ± 0.01", ended.training_s, ended.memory_mib,
            ended.inference_s,
        )
    )  # fmt: skip
    assert abs(f1 - 0.88) <= 0.01
