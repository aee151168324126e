"""The stand-in's images: the same bytes each time, balanced, and named so that a name tells nothing."""

import csv
import hashlib
import io

import numpy as np
import pytest
from PIL import Image

KNOWN_MEANS = [220.1, 75.6, 135.4, 62.8, 94.6, 54.5]


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mednist")
    script("synthetic").generate(folder, per_split=12)
    return folder


def test_the_same_bytes_each_time(script, made, tmp_path):
    (tmp_path / "input_data").mkdir()
    (tmp_path / "input_data" / "older.jpg").write_text("gone after the next run")
    script("synthetic").generate(tmp_path, per_split=12)
    assert tree(tmp_path) == tree(made)


def test_a_sample_does_not_depend_on_how_many_there_are(script):
    synthetic = script("synthetic")
    assert synthetic.sample(1, 0, 3) == synthetic.sample(1, 0, 3)
    different = {synthetic.sample(seed, split, number)[0] for seed in (1, 2) for split in (0, 1) for number in (3, 9)}
    assert len(different) == 8


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seed", "-1"], "--seed must be 0 or more, not -1."),
        (["--per-split", "5"], "--per-split must be 6 or more, an image of each class, not 5."),
        (["--output", "file"], "File exists"),
    ],
    ids=["seed", "count", "output"],
)
def test_what_cannot_be_made_is_told_in_a_sentence(script, monkeypatch, capsys, tmp_path, words, sentence):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", "made", *words])
    assert script("synthetic").main() == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_pixels_of_known_samples(script):
    """Grey means, not bytes: another version of the JPEG library may write other bytes."""
    synthetic = script("synthetic")
    means = []
    for number in range(6):
        content, _ = synthetic.sample(2020, 0, number)
        means.append(float(np.asarray(Image.open(io.BytesIO(content))).mean()))
    assert means == pytest.approx(KNOWN_MEANS, abs=0.5)


def test_every_image_is_64_by_64_and_grey(made):
    for path in (made / "input_data").rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "L", (64, 64))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("split", ["training", "validation"])
def test_public_splits_come_with_their_classes(script, made, split):
    header, *answers = rows(made / "input_data" / f"{split}_solution.csv")
    assert header == ["file", "class"]
    assert sorted(label for _, label in answers) == sorted(script("layout").CLASSES * 2)
    assert sorted(made.glob(f"input_data/{split}-data/*")) == [made / "input_data" / name for name, _ in answers]
    same = [made / folder / f"{split}_solution.csv" for folder in ("input_data", "public_data")]
    assert same[0].read_bytes() == same[1].read_bytes()


def test_answers_of_the_test_set_are_reference_data_alone(made):
    assert [path.relative_to(made).as_posix() for path in made.rglob("testing_solution.csv")] == [
        "reference_data/testing/testing_solution.csv"
    ]
    assert not list((made / "public_data").glob("testing*"))
    names = {path.name for path in (made / "input_data" / "testing-data").iterdir()}
    assert {name.split("/")[1] for name, _ in rows(made / "reference_data/testing/testing_solution.csv")[1:]} == names


def test_numbers_run_over_all_splits_and_tell_nothing(script, made):
    names = sorted(path.name for path in (made / "input_data").rglob("*.jpg"))
    assert names == [f"{number:06d}.jpg" for number in range(1, 37)]
    in_order = [label for _, label in rows(made / "input_data" / "training_solution.csv")[1:]]
    assert in_order != sorted(in_order)
    assert in_order != list(script("layout").CLASSES) * 2


@pytest.mark.parametrize("value", [0, 128, 255])
def test_features_of_a_blank_image_are_finite(script, tmp_path, value):
    path = tmp_path / "blank.png"
    Image.new("RGB", (10, 90), (value, value, value)).save(path)
    features = script("features").read_features([path])
    assert features.shape == (1, 576)
    assert np.isfinite(features).all()
