"""MedNIST's first bundle on this platform: each behaviour of it that is kept working, C.1 to C.10, in real containers.

The submission says `FROM projectmonai/monai:0.4.0`, which is mapped to `medici/monai-compat` by default. Its network is
trained here on pictures as MONAI 0.4.0 read them: rows first.

- C.1: the zip with a Dockerfile at its root; images as archives: `test_platform_images.py`.
- C.8: its settings in the words of CodaLab 1.5 (`is_scoring_only`, `numeric_format`): `test_platform_codalab.py`.
- C.9: training pictures equal to test pictures in the real set: `test_mednist_bundle.py`, on the real images.
- C.10: programs for Python 2: `tests/integration/worker/test_code_runs.py`; scores without a space: here.
"""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_fscore_support

from tests.e2e.bundles import mednist_upstream as upstream
from tests.e2e.bundles.mednist_upstream import CLASSES
from tests.e2e.programs import write_zip
from tests.trainers import need_trainers

pytestmark = pytest.mark.slow

SLUG = "mednist-upstream"
CSV = "classification_results.csv"
TWIN = "000001.jpg"
"""Its content is that of 000000.jpg."""


@pytest.fixture(scope="module")
def test_set():
    """Names → (encoded picture, class): JPEG mostly, some PNG, two with one content (C.9)."""
    pictures, kinds = upstream.drawn(per_class=8, seed=1)
    suffixes = ["png" if place % 5 == 4 else "jpg" for place in range(len(kinds))]
    named = {
        f"{place:06}.{suffix}": (upstream.encoded(picture, suffix), CLASSES[kind])
        for place, (picture, kind, suffix) in enumerate(zip(pictures, kinds, suffixes, strict=True))
    }
    return named | {TWIN: named["000000.jpg"]}


@pytest.fixture(scope="module")
def challenge(platform, test_set):
    pictures = {name: content for name, (content, _) in test_set.items()}
    classes = {name: kind for name, (_, kind) in test_set.items()}
    bundle = upstream.write_bundle(platform.folder / SLUG, pictures, classes, shm_mb=256, pids=128, memory_mb=4096)
    ended = platform.medici("challenge", "import", bundle, "--publish", user="olga")
    assert ended.code == 0, ended.errors
    assert platform.medici("join", SLUG, user="alice").code == 0
    return SLUG


@pytest.fixture(scope="module")
def checkpoint():
    """The weights alone of a DenseNet121 that learned from pictures whose first axis is the row, as 0.4.0 read them.

    Random features are enough for stripes: only the last layer is fitted, by a logistic regression on the others.
    """
    need_trainers()
    import torch
    from monai.networks.nets import DenseNet121

    torch.manual_seed(0)
    torch.set_num_threads(1)
    pictures, kinds = upstream.drawn(per_class=16, seed=0)
    inputs = torch.from_numpy(np.stack(pictures)).float()[:, None]
    low, high = inputs.amin((1, 2, 3), keepdim=True), inputs.amax((1, 2, 3), keepdim=True)
    network = DenseNet121(spatial_dims=2, in_channels=1, out_channels=len(CLASSES))
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0  # one pass gives the statistics of these pictures
    with torch.no_grad():
        network((inputs - low) / (high - low))
        network.eval()
        features = network.class_layers[:-1](network.features((inputs - low) / (high - low)))
    fitted = LogisticRegression(max_iter=1000).fit(features.numpy(), kinds)
    network.class_layers.out.weight.data = torch.from_numpy(fitted.coef_).float()
    network.class_layers.out.bias.data = torch.from_numpy(fitted.intercept_).float()
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return buffer.getvalue()


def hand_in(platform, files, name):
    archive = write_zip(platform.folder / f"{name}.zip", files)
    return platform.medici("submit", SLUG, archive, "--phase", "Testing", "--wait", user="alice", json=True).json


@pytest.fixture(scope="module")
def unmodified(platform, challenge, checkpoint):
    ended = hand_in(platform, upstream.submission(checkpoint), "mednist_docker_image_inference")
    assert ended["state"] == "finished", json.dumps(ended) + log(platform, ended["id"])
    return ended


def log(platform, number):
    return json.dumps(platform.get(f"/submissions/{number}/logs", user="olga"), indent=1)


@pytest.fixture(scope="module")
def run(platform, unmodified):
    (only,) = platform.runs(unmodified["id"], user="olga")
    return only


@pytest.fixture(scope="module")
def outputs(platform, run):
    """Name → bytes of what was kept of the container's /mnt/out."""
    with platform.client("olga") as client:
        answer = client.get(f"/runs/{run['id']}/outputs")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def rows(outputs):
    return list(csv.reader(io.StringIO(outputs[CSV].decode())))


def test_c1_c2_the_unmodified_submission_is_built_run_and_scored(unmodified):
    """A `.gitignore` in the zip, vim to install, a checkpoint loaded by a relative path, started by CMD as root."""
    assert (unmodified["kind"], unmodified["state"], unmodified["failure"]) == ("container", "finished", None)


def test_c2_a_network_of_0_4_0_sees_pictures_as_it_learned_them(unmodified):
    assert unmodified["scores"]["set1_score"] >= 0.9


def test_c2_with_todays_orientation_the_same_network_is_lost(platform, unmodified, checkpoint):
    """The same zip on today's MONAI, with a channel adder of its own: pictures come transposed and no error says so."""
    files = upstream.submission(checkpoint, base="projectmonai/monai:latest", shim=True)
    today = hand_in(platform, files, "today")
    assert today["state"] == "finished", log(platform, today["id"])
    assert today["scores"]["set1_score"] <= unmodified["scores"]["set1_score"] - 0.4


def test_c2_todays_monai_alone_does_not_run_it(platform, challenge):
    """Why the mapping is there: `AddChannel` is gone. No checkpoint is reached."""
    ended = hand_in(platform, upstream.submission(b"", base="projectmonai/monai:1.3.0"), "without-shims")
    assert (ended["state"], ended["failure"]) == ("failed", "run_failed")
    assert "cannot import name 'AddChannel'" in log(platform, ended["id"])


def test_c3_every_entry_of_the_input_is_a_picture(rows, test_set):
    """It classifies whatever `os.listdir` names, so any other file would have ended it."""
    assert sorted(name for name, _ in rows[1:]) == sorted(f"/mnt/in/{name}" for name in test_set)


def test_c4_answers_have_absolute_names_and_only_they_go_on(platform, unmodified, rows, outputs):
    """The copy of the model that it leaves in /mnt/out reaches neither the scoring program nor the disk."""
    assert rows[0] == ["file", "class"]
    assert list(outputs) == [CSV]
    assert f"res holds ['{CSV}', 'metadata']" in log(platform, unmodified["id"])


def test_c5_five_workers_load_batches_of_a_hundred(unmodified, run):
    """Five processes beside the first, with 256 MB of shared memory, within the phase's 500 s."""
    assert "num_workers=5" in upstream.inference()
    assert "batch_size=100" in upstream.inference()
    assert run["state"] == "finished"


def test_c6_the_scores_are_scikit_learns(unmodified, rows, test_set):
    """Basenames are compared, `metadata` beside the answers is passed over, and python:3.6 means medici/python."""
    pair = [test_set[name.rsplit("/", 1)[1]][1] for name, _ in rows[1:]], [kind for _, kind in rows[1:]]
    precision, recall, f1, _ = precision_recall_fscore_support(*pair, average="weighted", zero_division=0)
    expected = {"set1_score": recall, "set2_score": f1, "set3_score": precision}
    assert unmodified["scores"] == pytest.approx(expected, rel=0, abs=1e-12)


def test_c6_the_plain_text_report_keeps_its_lines(platform, run):
    with platform.client("alice") as client:
        page = client.get(f"/runs/{run['id']}/detailed-results").text
    assert page.startswith("<pre>")
    assert page.endswith("</pre>")
    lines = page.removeprefix("<pre>").removesuffix("</pre>").splitlines()
    assert lines[0].split() == ["precision", "recall", "f1-score", "support"]
    assert lines[0].startswith("   ")


def answers(test_set, **changed):
    """A CSV of right answers: `header`, `kinds` of the first rows, `dropped` rows."""
    truth = [(f"/mnt/in/{name}", kind) for name, (_, kind) in test_set.items()]
    kinds = changed.get("kinds", [])
    named = [(name, kinds[place] if place < len(kinds) else kind) for place, (name, kind) in enumerate(truth)]
    lines = [
        changed.get("header", "file,class"),
        *(f"{name},{kind}" for name, kind in named[changed.get("dropped", 0) :]),
    ]
    return {CSV: "\n".join(lines) + "\n"}


def test_c7_right_answers_get_one_though_the_names_of_the_report_are_shuffled(platform, challenge, test_set):
    """`target_names` is a set there: names of rows come in any order, and no score depends on it."""
    ended = hand_in(platform, answers(test_set), "right")
    assert (ended["kind"], ended["scores"]) == ("results", {f"set{place}_score": 1.0 for place in (1, 2, 3)})


@pytest.mark.parametrize(
    "changed",
    [{"header": "name,class"}, {"dropped": 1}, {"kinds": ["Knee"]}],
    ids=["C.6 header", "C.6 count", "C.7 unknown class"],
)
def test_c6_c7_what_the_scorer_does_not_take_fails_and_costs_nothing(platform, challenge, test_set, changed):
    """It opens its files before it checks: an empty scores.txt is left behind, and no score is read from it."""
    before = platform.get(f"/challenges/{SLUG}/quota?phase=Testing")["used_total"]
    ended = hand_in(platform, answers(test_set, **changed), "refused")
    assert (ended["state"], ended["failure"], ended["scores"]) == ("failed", "scoring_failed", {})
    assert platform.get(f"/challenges/{SLUG}/quota?phase=Testing")["used_total"] == before


def test_c8_its_phases_and_columns(platform, challenge):
    """Nothing can be handed in to the first phase, whose `max_submissions` is 0; columns show three decimals."""
    first, second = platform.get(f"/challenges/{SLUG}")["phases"]
    assert (first["name"], first["max_submissions"]) == ("Training", 0)
    assert (second["name"], second["max_submissions"]) == ("Testing", 100)
    board = platform.medici("leaderboard", SLUG, json=True).json
    assert [(column["title"], column["key"], column["precision"]) for column in board["columns"]] == [
        ("Recall", "set1_score", 3),
        ("F1 Score", "set2_score", 3),
        ("Precision", "set3_score", 3),
    ]


def test_c9_pictures_of_one_content_are_two_cases(rows):
    kinds = dict(rows[1:])
    assert kinds["/mnt/in/000000.jpg"] == kinds[f"/mnt/in/{TWIN}"]


TEMPLATE = """
import os, sys
with open(os.path.join(sys.argv[2], "scores.txt"), "w") as scores:
    scores.write("f1:0.9\\nseconds:12\\n")
"""


def test_c10_scores_without_a_space_are_read(platform):
    """The way that the organizers' template writes them."""
    slug = platform.import_challenge(platform.folder / "template", slug="template", title="Template", scorer=TEMPLATE)
    assert platform.medici("join", slug, user="alice").code == 0
    assert platform.submit({"answer.txt": "1"}, slug=slug)["scores"] == {"f1": 0.9, "seconds": 12.0}
