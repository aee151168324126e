"""Preparing the bundle from a folder of real images: all that is wrong with it is said at once."""

import shutil

import pytest


@pytest.fixture
def source(script, tmp_path):
    """A folder in the layout of the real data."""
    script("synthetic").generate(tmp_path / "made", per_split=6)
    source = tmp_path / "made" / "input_data"
    shutil.copy(tmp_path / "made" / "reference_data" / "testing" / "testing_solution.csv", source)
    return source


def test_prepared_as_the_generator_does(script, source, tmp_path):
    counts = script("real").prepare(source, tmp_path / "out")
    assert {split: sorted(count.values()) for split, count in counts.items()} == dict.fromkeys(
        ("training", "validation", "testing"), [1] * 6
    )
    (source / "testing_solution.csv").unlink()
    (tmp_path / "made" / "data_notice.txt").unlink()
    notice = tmp_path / "out" / "data_notice.txt"
    assert notice.read_text() == "Real data: MedNIST images by Dr. Bradley J. Erickson, Mayo Clinic (CC BY-SA 4.0).\n"
    notice.unlink()
    made, out = (
        {p.relative_to(r): p.read_bytes() for p in r.rglob("*.*")} for r in (tmp_path / "made", tmp_path / "out")
    )
    assert out == made


def test_other_images_come_with_a_notice_of_their_own(script, source, tmp_path):
    script("real").prepare(source, tmp_path / "out", "Real data: our own.")
    assert (tmp_path / "out" / "data_notice.txt").read_text() == "Real data: our own.\n"


def test_all_faults_at_once_and_nothing_written(script, source, tmp_path):
    (source / "testing-data" / "stray.jpg").write_text("no image")
    training = source / "training_solution.csv"
    training.write_text(training.read_text().replace("Hand", "Foot") + "training-data/absent.jpg,CXR\n")
    with pytest.raises(ValueError, match="absent") as caught:
        script("real").prepare(source, tmp_path / "out")
    assert str(caught.value).splitlines() == [
        "training_solution.csv names files that training-data lacks: absent.jpg.",
        "training_solution.csv holds classes that MedNIST has not: Foot.",
        "training_solution.csv has no image of the classes: Hand.",
        "testing-data holds files without a row in testing_solution.csv: stray.jpg.",
        "testing-data holds files that are no readable image: stray.jpg.",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("name,class\n", "must begin with the line `file,class`"),
        ("", "must begin with the line `file,class`"),
        ("file,class\na,CXR\nb/a,CXR\n", "line 3: a has a row already"),
        ("file,class\na\n", "line 2: a row must be `file,class`"),
    ],
)
def test_solutions_must_be_well_formed(script, source, tmp_path, content, sentence):
    (source / "validation_solution.csv").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        script("real").prepare(source, tmp_path / "out")


def test_another_folder_is_refused_with_a_sentence(script, tmp_path):
    with pytest.raises(ValueError, match="must hold training-data, validation-data, testing-data"):
        script("real").prepare(tmp_path, tmp_path / "out")
