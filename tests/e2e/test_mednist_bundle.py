"""MedNIST as its README walks through it: data, training container, inference container, scoring containers."""

import csv
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sklearn.metrics import classification_report

from medici_scoring.local import score_bundle

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "bundles" / "mednist"
REAL = Path(os.environ.get("MEDICI_SHARED", ROOT.parent / "shared")) / "data" / "mednist"
SUBMISSION = ("Dockerfile", "docker_code_inference", "model_output")


def command(*words, cwd=None, check=True):
    ended = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def python(*words, **options):
    return command(sys.executable, *words, **options)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A copy of the bundle without what its commands make."""
    folder = tmp_path_factory.mktemp("bundle") / "mednist"
    made = ("input_data", "reference_data", "public_data", "submission_directory", "*.npz", "*.pth", "__pycache__")
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns(*made))
    return folder


@pytest.fixture(scope="module")
def checked(bundle):
    """What the generator's check printed while it made the data in the copy."""
    return python(bundle / "data" / "synthetic.py", "--check").stdout


def figures(table):
    """The measured figure of each line of the check's table, by its first words."""
    rows = [line.rsplit(maxsplit=4) for line in table.splitlines() if line.endswith(tuple("0123456789"))]
    return {row[0].strip(): float(row[1]) for row in rows if row[-2:-1] == ["to"]}


def test_the_stand_in_is_neither_trivial_nor_hopeless(checked):
    found = figures(checked)
    assert list(found) == [
        "always one class",
        "nearest neighbour on raw pixels",
        "light model (edges, logistic regression)",
    ]
    always, nearest, light = found.values()
    assert always == pytest.approx(0.0476, abs=1e-4)
    assert nearest <= 0.65
    assert 0.80 <= light <= 0.98
    assert light - nearest >= 0.15


def test_splits_have_no_image_in_common(bundle, checked):
    contents = [path.read_bytes() for path in (bundle / "input_data").rglob("*.jpg")]
    assert (len(contents), len(set(contents))) == (1800, 1800)


@pytest.fixture(scope="module")
def engine():
    if not shutil.which("docker") or command("docker", "info", check=False).returncode:
        pytest.skip("no Docker engine answers here")
    if command("docker", "image", "inspect", "medici/python:latest", check=False).returncode:
        pytest.skip("the image medici/python:latest is not made; run `make images`")


@pytest.fixture(scope="module")
def build(engine):
    """Build an image without network; all of them are removed at the end."""
    built = []

    def build_image(tag, context, *options):
        command("docker", "build", "--network", "none", "-t", tag, *options, context)
        built.append(tag)
        return tag

    yield build_image
    for tag in built:
        command("docker", "image", "rm", "--force", tag, check=False)


def run(image, *mounts, words=(), options=()):
    user = f"{os.getuid()}:{os.getgid()}"
    volumes = [word for mount in mounts for word in ("-v", mount)]
    return command("docker", "run", "--rm", "--network", "none", "--user", user, *volumes, *options, image, *words)


@pytest.fixture(scope="module")
def submission(bundle, checked, build):
    """The light model, trained in its container, beside its inference program."""
    image = build("medici-e2e/mednist-light:training", bundle, "-f", bundle / "training" / "light" / "Dockerfile")
    model = bundle / "submission" / "light" / "model_output"
    run(image, f"{bundle / 'input_data'}:/mnt/in:ro", f"{model}:/mnt/out")
    return bundle / "submission" / "light"


@pytest.fixture(scope="module")
def directory(bundle, submission, build):
    """A submission directory whose input/res the inference container has filled."""
    root = bundle / "submission_directory"
    shutil.copytree(bundle / "reference_data" / "testing", root / "input" / "ref")
    shutil.copytree(bundle / "scoring_program", root / "program")
    for folder in ("input/res", "output"):
        (root / folder).mkdir()
    image = build("medici-e2e/mednist-light:inference", submission)
    images, results = bundle / "input_data" / "testing-data", root / "input" / "res"
    run(image, f"{images}:/mnt/in:ro", f"{results}:/mnt/out", options=("--read-only", "--tmpfs", "/tmp"))
    return root


def answers(path):
    with path.open(newline="") as file:
        return {row["file"].rsplit("/", 1)[-1]: row["class"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def expected(directory):
    """Scikit-learn's own report of these predictions: its text, and its weighted averages."""
    truth = answers(directory / "input" / "ref" / "testing_solution.csv")
    predicted = answers(directory / "input" / "res" / "classification_results.csv")
    pair = ([truth[name] for name in truth], [predicted[name] for name in truth])
    return classification_report(*pair, digits=4), classification_report(*pair, output_dict=True)["weighted avg"]


def test_inference_writes_absolute_names_of_every_image(directory):
    lines = (directory / "input" / "res" / "classification_results.csv").read_text().splitlines()
    assert lines[0] == "file,class"
    assert len(lines) == 601
    assert all(line.startswith("/mnt/in/") for line in lines[1:])


def scores_of(folder, expected):
    """The scores.txt in `folder`, held against scikit-learn's averages."""
    written = dict(line.split(": ") for line in (folder / "scores.txt").read_text().splitlines())
    wanted = {"precision": "precision", "recall": "recall", "f1": "f1-score", "accuracy": "recall"}
    assert {key: float(value) for key, value in written.items()} == pytest.approx(
        {key: expected[name] for key, name in wanted.items()}, rel=0, abs=1e-12
    )
    assert (folder / "scores.html").is_file()


def test_the_bundles_scoring_image_scores_the_directory_in_place(bundle, directory, build, expected):
    image = build("medici-e2e/mednist-score", bundle / "scoring_program")
    ended = run(image, f"{directory}:{directory}", options=("-w", directory))
    assert expected[0] in ended.stdout
    scores_of(directory / "output", expected[1])


@pytest.fixture(scope="module")
def program_image(build):
    return build("medici-e2e/scoring", ROOT / "scoring")


def test_the_scoring_image_scores_the_directory_in_place(directory, program_image, expected):
    ended = run(program_image, f"{directory}:{directory}", options=("-w", directory))
    assert expected[0] in ended.stdout
    scores_of(directory / "output", expected[1])


def test_the_scoring_image_scores_a_folder_with_a_bundle(bundle, directory, program_image, expected, tmp_path):
    shutil.copy(directory / "input" / "res" / "classification_results.csv", tmp_path)
    mounts = (f"{bundle}:/work/bundle:ro", f"{tmp_path}:/work/mine")
    ended = run(program_image, *mounts, words=("bundle", "mine"), options=("-w", "/work"))
    assert expected[0] in ended.stdout
    assert "Task: Test\n" in ended.stdout
    scores_of(tmp_path / "output", expected[1])


def test_the_zip_is_what_the_readme_says(submission, tmp_path):
    target = tmp_path / "mednist_light.zip"
    python("-m", "zipfile", "-c", target, *(submission / name for name in SUBMISSION))
    with zipfile.ZipFile(io.BytesIO(target.read_bytes())) as archive:
        names = {name for name in archive.namelist() if not name.endswith(("/", ".gitignore", ".pyc"))}
    assert names == {
        "Dockerfile",
        "docker_code_inference/features.py",
        "docker_code_inference/inference_on_test.py",
        "model_output/model.npz",
    }


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real images are not at {REAL} (see MEDICI_SHARED)")
def test_the_light_model_on_the_real_images(tmp_path, bundle):
    prepared = python(bundle / "data" / "real.py", REAL, "--output", tmp_path).stdout
    assert prepared.count("600 images; AbdomenCT 100, BreastMRI 100, CXR 100, ChestCT 100, Hand 100, HeadCT 100") == 3
    for name in ("competition.yaml", "scoring_program"):
        (tmp_path / name).symlink_to(bundle / name)
    shutil.copytree(bundle / "submission" / "light", tmp_path / "light")
    model, results = tmp_path / "light" / "model_output", tmp_path / "res"
    results.mkdir()
    code = tmp_path / "light" / "docker_code_inference"
    places = {"IN": str(tmp_path / "input_data"), "OUT": str(model), "PYTHONPATH": str(code)}
    train = bundle / "training" / "light" / "train.py"
    subprocess.run([sys.executable, train], env={**os.environ, **places}, check=True, capture_output=True)
    places = {"IN": str(tmp_path / "input_data" / "testing-data"), "OUT": str(results)}
    inference = code / "inference_on_test.py"
    subprocess.run([sys.executable, inference], env={**os.environ, **places}, check=True, capture_output=True)
    ended = score_bundle(tmp_path, results, tmp_path / "out")
    assert (ended.task, ended.problem) == ("Test", "")
    assert ended.scores.values["f1"] >= 0.98
