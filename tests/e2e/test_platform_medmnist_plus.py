"""MedMNIST+ through the platform: the stand-in, a light prototype trained in its container, submitted and scored."""

import csv
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import docker
import pytest

from tests.e2e.stack import stack

pytestmark = pytest.mark.slow

BUNDLE = Path(__file__).resolve().parents[2] / "bundles" / "medmnist-plus"
TRAINING_IMAGE = "medici-e2e/medmnist-plus-light:training"
TINY = ("--train", "48", "--val", "16", "--test", "24")
TASKS = ["bloodmnist-28", "bloodmnist-64"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundle with a tiny stand-in."""
    folder = tmp_path_factory.mktemp("bundle") / "medmnist-plus"
    made = ("input_data", "reference_data", "public_data", "output", "figures", "*.pt", "__pycache__")
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns(*made))
    subprocess.run([sys.executable, "-B", "data/synthetic.py", *TINY], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def submission(docker_engine: docker.DockerClient, bundle):
    """The zip of the README, with prototypes that look up their neighbours: nothing to train."""
    docker_engine.images.build(
        path=str(bundle), dockerfile="training/light/Dockerfile", tag=TRAINING_IMAGE, network_mode="none", rm=True
    )
    source = bundle / "submission" / "light"
    try:
        docker_engine.containers.run(
            TRAINING_IMAGE,
            ["python", "train.py", "--training_procedure", "kNN", "--k", "3"],
            remove=True,
            network_mode="none",
            volumes=[f"{bundle / 'public_data'}:/mnt/in:ro", f"{source / 'model_output'}:/mnt/out"],
        )
    finally:
        docker_engine.images.remove(TRAINING_IMAGE, force=True)
    archive = bundle / "light.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for part in ("Dockerfile", "docker_code_inference", "model_output"):
            for path in sorted({source / part, *(source / part).rglob("*")}):
                if path.is_file() and not path.name.startswith("."):
                    packed.write(path, path.relative_to(source))
    return archive


def test_a_prototype_stands_on_the_board_with_its_weights_and_the_published_ones_beside_it(
    bundle, submission, tmp_path
):
    sheet = bundle / "submission" / "light" / "model_output" / "fact_sheet.yaml"
    with stack(tmp_path) as platform:
        imported = platform.medici("challenge", "import", bundle, "--publish", user="olga")
        assert (imported.output, imported.code) == ("medmnist-plus\n", 0), imported.errors
        platform.medici("join", "medmnist-plus", user="alice")
        words = ("submit", "medmnist-plus", submission, "--phase", "Final", "--facts", sheet, "--wait")
        ended = platform.medici(*words, user="alice", json=True)
        assert ended.code == 0, ended.errors
        board = platform.medici("leaderboard", "medmnist-plus", "--phase", "Final", user="alice", json=True).json
        saved = platform.medici("cases", ended.json["id"], "-o", tmp_path / "cases", user="olga")
    assert ended.json["state"] == "finished"
    assert set(ended.json["scores"]) == {"acc", "auc"}
    (entry,) = board["entries"]
    assert entry["facts"] == {"weights": "random", "procedure": "kNN", "architecture": "light_cnn"}
    assert "Synthetic stand-in" in board["data_notice"]
    vgg = next(row for row in board["reference"] if row["method"] == "VGG16, end to end")
    assert vgg["data"] == "published, real data, pretrained"
    assert vgg["scores"]["acc"] == pytest.approx((0.9485 + 0.9820) / 2)
    assert saved.code == 0, saved.errors
    files = sorted((tmp_path / "cases").rglob("*.csv"))
    assert len(files) == len(TASKS)
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        assert header == ["case", "true", *(f"score_{number}" for number in range(8))]
        assert len(rows) == 24
