from tests.seeds.challenge import made, measured
from tests.seeds.table import Row


def test_end_to_end_is_better_than_probing_and_probing_than_neighbours(table, docker_engine, tmp_path):
    """On blood alone: without pretrained features the order need not hold elsewhere."""
    bundle, found = made("medmnist-plus", tmp_path), []
    for procedure in ("endToEnd", "linearProbing", "kNN"):
        ended = measured(bundle, command=("python", "train.py", "--training_procedure", procedure))
        found.append(ended.scores["acc"])
        table.add(
            Row(
                f"MedMNIST+, blood 28 and 64, {procedure}", f"train.py --training_procedure {procedure}", "mean ACC",
                found[-1], "≥ 0.90" if procedure == "endToEnd" else "below", ended.training_s, ended.memory_mib,
                ended.inference_s,
            )
        )  # fmt: skip
    assert found[0] >= 0.90
    assert found == sorted(found, reverse=True)
