import pytest

from tests.seeds.challenge import made, measured, medici
from tests.seeds.table import Row

SETS = [
    ("bloodmnist", 28, 800, "acc", 0.90),
    ("retinamnist", 28, 800, "auc", 0.85),
    ("retinamnist", 64, 800, "auc", 0.92),
    ("chestmnist", 64, 1500, "auc", 0.85),
]


@pytest.mark.parametrize(("flag", "size", "train", "figure", "lowest"), SETS)
def test_one_set(table, docker_engine, tmp_path, flag, size, train, figure, lowest):
    options = ["--flag", flag, "--size", str(size), "--train", str(train)]
    bundle = tmp_path / flag
    medici("bundle", "make", "medmnist", *options, "--output", bundle)
    ended = measured(bundle)
    table.add(
        Row(
            f"MedMNIST, {flag} {size}", f"medici bundle make medmnist {' '.join(options)}", figure.upper(),
            ended.scores[figure], f"≥ {lowest}", ended.training_s, ended.memory_mib, ended.inference_s,
        )
    )  # fmt: skip
    assert ended.scores[figure] >= lowest


def test_the_decathlon(table, docker_engine, tmp_path):
    ended = measured(made("medmnist", tmp_path))
    auc = ended.scores["auc"]
    table.add(
        Row(
            "MedMNIST, ten sets", "make demo BUNDLE=medmnist", "mean AUC", auc, "≥ 0.90", ended.training_s,
            ended.memory_mib, ended.inference_s,
        )
    )  # fmt: skip
    assert auc >= 0.90
