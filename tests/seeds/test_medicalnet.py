from tests.seeds.challenge import made, measured
from tests.seeds.table import Row


def test_lungs(table, docker_engine, tmp_path):
    bundle = made("medicalnet", tmp_path)
    for model, lowest in (("light", 0.78), ("unet", 0.85)):
        ended = measured(bundle, model=model)
        dice = ended.scores["dice"]
        command = "make demo BUNDLE=medicalnet" if model == "light" else "training/unet, submission/unet"
        table.add(
            Row(
                f"MedicalNet, lungs: {model}", command, "mean Dice", dice, f"≥ {lowest}", ended.training_s,
                ended.memory_mib, ended.inference_s,
            )
        )  # fmt: skip
        assert dice >= lowest


def test_nodules(table, docker_engine, tmp_path):
    ended = measured(made("medicalnet/nodules", tmp_path))
    accuracy = ended.scores["accuracy"]
    table.add(
        Row(
            "MedicalNet, nodules", "make demo BUNDLE=medicalnet/nodules", "accuracy", accuracy, "≥ 0.80",
            ended.training_s, ended.memory_mib, ended.inference_s,
        )
    )  # fmt: skip
    assert accuracy >= 0.80
