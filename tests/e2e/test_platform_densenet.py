"""MedNIST's DenseNet121 on the real images: trained in its container, submitted, and scored by the platform."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import docker
import pytest

from tests.e2e.stack import stack

pytestmark = pytest.mark.slow

BUNDLE = Path(__file__).resolve().parents[2] / "bundles" / "mednist"
TRAINING_IMAGE = "medici-e2e/mednist-densenet121:training"


@pytest.fixture(scope="module")
def bundle(shared_data, tmp_path_factory):
    """The bundle with the 1,800 real images."""
    folder = tmp_path_factory.mktemp("real") / "mednist"
    made = ("input_data", "reference_data", "public_data", "*.npz", "*.pth", "__pycache__")
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns(*made))
    command = [sys.executable, "-B", "data/real.py", str(shared_data / "data" / "mednist")]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def submission(docker_engine: docker.DockerClient, bundle):
    """The zip of the README, with the model that the training container made (learning rate 1e-3, 5 epochs)."""
    docker_engine.images.build(
        path=str(bundle), dockerfile="training/densenet121/Dockerfile", tag=TRAINING_IMAGE, network_mode="none", rm=True
    )
    source = bundle / "submission" / "densenet121"
    try:
        docker_engine.containers.run(
            TRAINING_IMAGE,
            ["python", "train.py", "--lr", "1e-3", "--epochs", "5"],
            remove=True,
            network_mode="none",
            shm_size="256m",
            volumes=[f"{bundle / 'input_data'}:/mnt/in:ro", f"{source / 'model_output'}:/mnt/out"],
        )
    finally:
        docker_engine.images.remove(TRAINING_IMAGE, force=True)
    archive = bundle / "densenet121.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(source.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                packed.write(path, path.relative_to(source))
    return archive


def test_the_real_images_are_told_apart_through_the_platform(bundle, submission, tmp_path):
    with stack(tmp_path) as platform:
        assert platform.medici("challenge", "import", bundle, "--publish", user="olga").output == "mednist\n"
        platform.medici("join", "mednist", user="alice")
        ended = platform.medici("submit", "mednist", submission, "--phase", "Final", "--wait", user="alice", json=True)
    assert ended.code == 0, ended.errors
    assert ended.json["state"] == "finished"
    assert ended.json["scores"]["recall"] >= 0.98  # weighted recall is accuracy
