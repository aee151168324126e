"""Chest X-ray findings: a tiny transformer pre-trained and fine-tuned in its container, submitted, scored."""

from pathlib import Path

import docker
import pytest

from medici_platform.cli.demo_challenge import make_bundle, zip_submission
from medici_platform.cli.demo_training import ContainerTraining
from tests.e2e.stack import stack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FEW = ("--train", "64", "--val", "24", "--test", "32")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        return make_bundle("medical-mae", tmp_path_factory.mktemp("made") / "medical-mae", *FEW)


@pytest.fixture(scope="module")
def submission(docker_engine: docker.DockerClient, bundle):
    """The zip of the README, with the model of the training container."""
    log = list(ContainerTraining(bundle, "light").lines())
    try:
        assert any(line.startswith("MAE mAUC 0.") for line in log)
        assert any(line.startswith("Wrote /mnt/out/model.pth") for line in log)
        return zip_submission(bundle, bundle.parent / "light.zip")
    finally:
        docker_engine.images.remove("medici/medical-mae-light:training", force=True)


def test_from_the_training_container_to_the_board(bundle, submission, tmp_path):
    facts = bundle / "submission" / "light" / "fact_sheet.yaml"
    with stack(tmp_path) as platform:
        assert platform.medici("challenge", "import", bundle, "--publish", user="olga").output == "chest-x-ray\n"
        platform.medici("join", "chest-x-ray", user="alice")
        ended = platform.medici(
            "submit", "chest-x-ray", submission, "--phase", "Final", "--facts", facts, "--wait", user="alice", json=True
        )
        assert ended.code == 0, ended.errors
        board = platform.medici("leaderboard", "chest-x-ray", "--phase", "Final", user="alice", json=True).json
    assert ended.json["state"] == "finished"
    scores = ended.json["scores"]
    assert 0 < scores["mauc"] < 1
    assert set(scores) == {"mauc", "classes"}
    assert 8 <= scores["classes"] <= 14  # of 32 images, few show a rare finding
    assert board["data_notice"].startswith("Synthetic stand-in for ChestX-ray14")
    published = {row["method"]: row["scores"]["mauc"] for row in board["reference"]}
    assert published["ViT-Base/16, X-rays (0.5M), MAE"] == 0.83
