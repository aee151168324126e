"""Lung segmentation: MedicalNet-10 trained in its container, submitted, scored by the platform; faults of label maps.

The nodule challenge beside it is trained for one epoch.
"""

import io
import zipfile
from pathlib import Path

import docker
import numpy as np
import pytest

from medici_platform.cli.demo_challenge import make_bundle, zip_submission
from medici_platform.cli.demo_training import ContainerTraining
from medici_training.volumes.nifti import read_volume, write_volume
from tests.e2e.stack import stack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ACCEPTED_DICE = 0.78
FEW_NODULES = ("--train", "16", "--val", "8", "--test", "8")


def made(name, folder, *options):
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        return make_bundle(name, folder / "medicalnet", *options)


def trained(engine: docker.DockerClient, bundle, *command):
    """The zip of the README, with the model of the training container."""
    log = list(ContainerTraining(bundle, "light", command).lines())
    try:
        assert any(line.startswith("Wrote /mnt/out/model.pth") for line in log), log
        return zip_submission(bundle, bundle.parent / "light.zip")
    finally:
        engine.images.remove(f"medici/{bundle.name}-light:training", force=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return made("medicalnet", tmp_path_factory.mktemp("lungs"))


@pytest.fixture(scope="module")
def platform(bundle, tmp_path_factory):
    with stack(tmp_path_factory.mktemp("stack")) as running:
        assert running.medici("challenge", "import", bundle, "--publish", user="olga").output == "medicalnet\n"
        running.medici("join", "medicalnet", user="alice")
        yield running


def test_from_the_training_container_to_the_board(docker_engine, platform, bundle):
    submission = trained(docker_engine, bundle)
    facts = bundle / "submission" / "light" / "fact_sheet.yaml"
    ended = platform.medici(
        "submit", "medicalnet", submission, "--phase", "Final", "--facts", facts, "--wait", user="alice", json=True
    )
    assert ended.code == 0, ended.errors
    assert ended.json["state"] == "finished"
    scores = ended.json["scores"]
    assert scores["dice"] >= ACCEPTED_DICE
    assert scores["dice"] == pytest.approx((scores["dice_left"] + scores["dice_right"]) / 2)
    assert scores["hd95_undefined"] == 0
    assert scores["hd95"] > 0
    board = platform.medici("leaderboard", "medicalnet", "--phase", "Final", user="alice", json=True).json
    assert board["data_notice"].startswith("Synthetic stand-in")
    published = {row["method"]: row["scores"]["dice"] for row in board["reference"]}
    assert published["3D-ResNet50, MedicalNet"] == 0.9331
    assert published["3D-ResNet10, MedicalNet (23 datasets), Visceral"] == 0.9656


def answers(bundle):
    """The validation labels, by file name: public, and a full score."""
    return {path.name: path for path in (bundle / "reference_data" / "validation").glob("*.nii.gz")}


def results(bundle, folder, change=lambda values, affine: (values, affine)):
    """A zip of label maps: the answers, the first of them changed."""
    archive, packed = folder / "results.zip", io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for number, (name, path) in enumerate(sorted(answers(bundle).items())):
            volume = read_volume(path)
            changed = change(volume.values, volume.affine) if number == 0 else (volume.values, volume.affine)
            if changed is not None:
                write_volume(folder / name, *changed)
                files.write(folder / name, name)
    archive.write_bytes(packed.getvalue())
    return archive


def submit(platform, archive):
    return platform.medici(
        "submit", "medicalnet", archive, "--phase", "Training", "--wait", user="alice", json=True
    ).json


def test_the_answers_themselves_are_a_full_score(platform, bundle, tmp_path):
    ended = submit(platform, results(bundle, tmp_path))
    assert ended["scores"] == {
        "dice": 1.0, "dice_left": 1.0, "dice_right": 1.0, "surface_dice": 1.0, "hd95": 0.0, "hd95_undefined": 0.0,
    }  # fmt: skip


def test_a_lung_that_is_not_found_has_no_distance_and_is_counted(platform, bundle, tmp_path):
    ended = submit(platform, results(bundle, tmp_path, lambda values, affine: (values * (values != 1), affine)))
    assert (ended["scores"]["dice_left"], ended["scores"]["dice_right"]) == (0.75, 1.0)
    assert (ended["scores"]["hd95"], ended["scores"]["hd95_undefined"]) == (0.0, 1.0)


FAULTS = {
    "missing": (lambda *_: None, "1 case has no label map."),
    "shape": (lambda values, affine: (values[:-1], affine), "1 label map has another shape than its image."),
    "place": (lambda values, _: (values, np.eye(4)), "1 label map lies elsewhere than its image."),
    "labels": (
        lambda values, affine: (values + 1, affine),
        "1 label map holds unknown labels. The labels are 0, 1, 2.",
    ),
    "fractions": (
        lambda values, affine: (values.astype(np.float32) / 2, affine),
        "1 label map holds values that are no whole numbers.",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_of_label_maps_are_told_in_a_sentence(platform, bundle, tmp_path, kind):
    change, sentence = FAULTS[kind]
    ended = submit(platform, results(bundle, tmp_path, change))
    assert ended["state"] == "failed"
    assert sentence in str(ended)


def test_nodules(docker_engine, tmp_path):
    bundle = made("medicalnet/nodules", tmp_path, *FEW_NODULES)
    submission = trained(docker_engine, bundle, "python", "train.py", "--epochs", "1")
    with stack(tmp_path / "stack") as platform:
        platform.medici("challenge", "import", bundle, "--publish", user="olga")
        platform.medici("join", "medicalnet-nodules", user="alice")
        ended = platform.medici(
            "submit", "medicalnet-nodules", submission, "--phase", "Final", "--wait", user="alice", json=True
        )
        assert ended.code == 0, ended.errors
    scores = ended.json["scores"]
    assert scores["accuracy"] * 8 == round(scores["accuracy"] * 8)
    assert 0 <= scores["auc"] <= 1
