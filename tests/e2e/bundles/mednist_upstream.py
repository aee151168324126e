"""MedNIST as its first authors handed it out: the submission's and the scoring program's behaviours, in words of ours.

Numbers such as C.4 in the tests of this fixture name behaviours of that bundle which the platform keeps working.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.e2e.bundles.writing import write_tree
from tests.factories.platform import PNG

CLASSES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")
Pixels = npt.NDArray[np.uint8]

BASE = "projectmonai/monai:0.4.0"

DOCKERFILE = """\
FROM {base}
{editor}WORKDIR /app/
COPY docker_code_inference/inference_on_test.py /app/
COPY model_output /app/model_output
CMD ["python", "/app/inference_on_test.py"]
"""

EDITOR = "RUN apt update -y; apt-get install vim -y\n"

INFERENCE = """\
import os
import shutil

import matplotlib.pyplot as plt
import torch
from monai.networks.nets import densenet121
from monai.transforms import {adding}Compose, LoadImage, ScaleIntensity
from torch.utils.data import DataLoader, Dataset

source, target = "/mnt/in", "/mnt/out"
classes = {classes}
pictures = [os.path.join(source, entry) for entry in os.listdir(source)]
prepare = Compose([LoadImage(image_only=True), {adder}, ScaleIntensity()])


class Pictures(Dataset):
    def __len__(self):
        return len(pictures)

    def __getitem__(self, index):
        return prepare(pictures[index])


model = densenet121(spatial_dims=2, in_channels=1, out_channels=len(classes))
model.load_state_dict(torch.load("model_output/best_metric_model.pth", map_location="cpu"))
model.eval()
answers = []
with torch.no_grad():
    for batch in DataLoader(Pictures(), batch_size=100, num_workers=5):
        answers.extend(model(batch).argmax(dim=1).tolist())
with open(os.path.join(target, "classification_results.csv"), "w") as table:
    table.write("file,class\\n")
    for picture, answer in zip(pictures, answers):
        table.write("%s,%s\\n" % (picture, classes[answer]))
shutil.copyfile("model_output/best_metric_model.pth", os.path.join(target, "best_metric_model.pth"))
"""

SCORER = """\
import os
import sys
from csv import DictReader

from sklearn.metrics import classification_report, precision_recall_fscore_support

given, output = sys.argv[1], sys.argv[2]
figures = open(os.path.join(output, "scores.txt"), "w")
report = open(os.path.join(output, "scores.html"), "w")
submitted = os.path.join(given, "res")
print("res holds", sorted(os.listdir(submitted)))
(name,) = [entry for entry in os.listdir(submitted) if ".csv" in entry]


def read(path):
    with open(path) as table:
        rows = DictReader(table)
        if rows.fieldnames != ["file", "class"]:
            raise ValueError("the header of %s is not file,class" % path)
        return {os.path.basename(row["file"]): row["class"] for row in rows}


truth = read(os.path.join(given, "ref", "testing_solution.csv"))
answers = read(os.path.join(submitted, name))
if len(truth) != len(answers):
    raise ValueError("%d answers for %d images" % (len(answers), len(truth)))
pair = [truth[picture] for picture in truth], [answers[picture] for picture in truth]
precision, recall, f1, _ = precision_recall_fscore_support(*pair, average="weighted", zero_division=0)
figures.write("set1_score: %s\\nset2_score: %s\\nset3_score: %s\\n" % (recall, f1, precision))
report.write(classification_report(*pair, target_names=set(truth.values()), digits=4, zero_division=0))
"""


def inference(*, shim: bool = False) -> str:
    """The inference program; `shim`: with a channel adder of its own, so that it runs on any MONAI."""
    adding, adder = ("", "lambda picture: picture[None]") if shim else ("AddChannel, ", "AddChannel()")
    return INFERENCE.format(adding=adding, adder=adder, classes=list(CLASSES))


def submission(model: bytes, *, base: str = BASE, shim: bool = False) -> dict[str, str | bytes]:
    """What is zipped and uploaded; a `.gitignore` comes along. Another `base` need not have the editor."""
    editor = EDITOR if base == BASE else ""
    return {
        "Dockerfile": DOCKERFILE.format(base=base, editor=editor),
        "docker_code_inference/inference_on_test.py": inference(shim=shim),
        "model_output/best_metric_model.pth": model,
        "model_output/.gitignore": "*\n",
    }


# ---- pictures that look different when rows and columns are exchanged ----


def draw(kind: int, random: np.random.Generator) -> Pixels:
    """A 32x32 picture of class `kind`: stripes, lying in one class and standing in the next, of three widths."""
    period = (4.0, 8.0, 16.0)[kind // 2] * random.uniform(0.95, 1.05)
    waves = np.sin(2 * np.pi * np.arange(32) / period + random.uniform(0, 6.28))
    lying = np.repeat(waves[:, None], 32, axis=1)
    picture = lying if kind % 2 == 0 else lying.T
    return np.clip(128 + 80 * picture + random.normal(0, 10, (32, 32)), 0, 255).astype(np.uint8)


def drawn(per_class: int, seed: int) -> tuple[list[Pixels], list[int]]:
    """Pictures and the places of their classes in `CLASSES`, in no order."""
    random = np.random.default_rng(seed)
    kinds = random.permutation(np.repeat(np.arange(6), per_class)).tolist()
    return [draw(kind, random) for kind in kinds], kinds


def encoded(picture: Pixels, suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG" if suffix == "png" else "JPEG", quality=95)
    return buffer.getvalue()


# ---- the challenge ----


def competition(**limits: int) -> dict[str, Any]:
    """Two phases, the first of which takes nothing; the scoring program runs in an image of Python 3.6."""
    task = {"index": 0, "name": "Test", "input_data": "input_data", "reference_data": "reference_data"}
    phase = {
        "tasks": [0],
        "start": "2026-01-01",
        "execution_time_limit": 500,
        "outputs": ["*.csv"],
        "detailed_results": True,
    }
    columns = [("Recall", "set1_score"), ("F1 Score", "set2_score"), ("Precision", "set3_score")]
    return {
        "version": 2,
        "slug": "mednist-upstream",
        "title": "MedNIST as it was",
        "image": "logo.png",
        "terms": "terms.md",
        "registration_auto_approve": True,
        "docker_image": "python:3.6",
        "enable_detailed_results": True,
        "pages": [{"title": "Overview", "file": "overview.md"}],
        "tasks": [{**task, "scoring_program": "scoring_program"}],
        "phases": [
            {**phase, "index": 0, "name": "Training", "end": "2026-01-02", "max_submissions": 0},
            {**phase, "index": 1, "name": "Testing", "start": "2026-01-03", "max_submissions": 100}
            | {"max_submissions_per_day": 50, "limits": limits},
        ],
        "leaderboards": [
            {
                "title": "Results",
                "key": "main",
                "columns": [
                    {"title": title, "key": key, "index": place, "sorting": "desc", "precision": 3}
                    for place, (title, key) in enumerate(columns)
                ],
            }
        ],
    }


def write_bundle(folder: Path, pictures: dict[str, bytes], classes: dict[str, str], **limits: int) -> Path:
    """The bundle with these test pictures, flat in one folder, and their classes, both by file name."""
    truth = "file,class\n" + "".join(f"{name},{kind}\n" for name, kind in classes.items())
    files: dict[str, str | bytes] = {
        "competition.yaml": json.dumps(competition(**limits)),
        "logo.png": PNG,
        "terms.md": "Be fair.",
        "overview.md": "# MedNIST",
        "scoring_program/metadata": "command: python $program/score.py $input $output\n",
        "scoring_program/score.py": SCORER,
        "reference_data/testing_solution.csv": truth,
    }
    return write_tree(folder, files | {f"input_data/{name}": content for name, content in pictures.items()})
