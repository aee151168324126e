"""The thorax stand-in, and real volumes from `image label` lists."""

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import read_volume, write_volume

COUNTS = {"train": 2, "val": 1, "test": 2}
SIZE = (16, 24, 24)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def made(lungs, tmp_path):
    """A small stand-in: its folder, and the names by split."""
    folder = tmp_path / "made"
    return folder, lungs("synthetic").generate(folder, counts=COUNTS, size=SIZE)


def test_the_same_seed_writes_the_same_bytes(lungs, made, tmp_path):
    folder, _ = made
    lungs("synthetic").generate(tmp_path / "again", counts=COUNTS, size=SIZE)
    lungs("synthetic").generate(tmp_path / "other", counts=COUNTS, size=SIZE, seed=1)
    assert files(tmp_path / "again") == files(folder)
    ours, others = files(folder), files(tmp_path / "other")
    assert not {ours[name] for name in ours if name.endswith(".nii.gz")} & set(others.values())


def test_what_is_written_where(made):
    folder, names = made
    test, val, train = (sorted(names[split]) for split in ("test", "val", "train"))
    public = {f"public_data/{kind}/{name}.nii.gz" for kind in ("images", "labels") for name in [*train, *val]}
    mounted = {f"input_data/test/images/{name}.nii.gz" for name in test}
    mounted |= {f"input_data/validation/images/{name}.nii.gz" for name in val}
    answers = {f"reference_data/test/{name}.nii.gz" for name in test}
    answers |= {f"reference_data/validation/{name}.nii.gz" for name in val}
    lists = {"public_data/train.txt", "public_data/val.txt", "data_notice.txt"}
    lists |= {f"input_data/{split}/images.txt" for split in ("validation", "test")}
    lists |= {f"reference_data/{split}/scoring.json" for split in ("validation", "test")}
    assert set(files(folder)) == public | mounted | answers | lists
    assert (folder / "input_data/test/images.txt").read_text() == "".join(f"images/{name}.nii.gz\n" for name in test)
    assert (folder / "public_data/train.txt").read_text().splitlines() == [
        f"images/{name}.nii.gz labels/{name}.nii.gz" for name in train
    ]
    assert "Synthetic stand-in" in (folder / "data_notice.txt").read_text()


def test_volumes_are_hounsfield_units_with_left_and_right_where_the_affine_says(lungs):
    scan = lungs("synthetic").sample(1904, "train", 0)
    assert (scan.image.dtype, scan.image.shape, scan.label.dtype) == (np.int16, (32, 48, 48), np.uint8)
    assert set(np.unique(scan.label)) == {0, 1, 2}
    assert nibabel.aff2axcodes(scan.affine) == ("I", "P", "L")
    left, right = (np.argwhere(scan.label == which).mean(axis=0) for which in (1, 2))
    x_left, x_right = ((scan.affine @ [*place, 1])[0] for place in (left, right))
    assert x_left < x_right  # in NIfTI x grows to the patient's right
    assert scan.image.min() < -900
    assert scan.image.max() > 300


def test_a_threshold_does_not_solve_it(lungs):
    scans = [lungs("synthetic").sample(1904, "test", number) for number in range(8)]
    shares = [np.mean(scan.image[scan.label > 0] > -350) for scan in scans]
    assert np.mean(shares) > 0.2  # much of a lung is as bright as tissue


@pytest.mark.parametrize("options", [["--train", "0"], ["--size", "8", "8", "8"]])
def test_senseless_sizes_are_refused(lungs, options, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", str(tmp_path / "out"), *options])
    with pytest.raises(SystemExit):
        lungs("synthetic").main()
    assert "every split needs a case, and a volume 16 voxels along each axis" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# ---- real volumes ----


@pytest.fixture
def source(made):
    """A folder of lists as an organizer has them, with the hidden labels."""
    folder, names = made
    root = folder / "public_data"
    for name in names["test"]:
        shutil.copy(folder / "input_data/test/images" / f"{name}.nii.gz", root / "images")
        shutil.copy(folder / "reference_data/test" / f"{name}.nii.gz", root / "labels")
    lines = [f"images/{name}.nii.gz labels/{name}.nii.gz\n" for name in sorted(names["test"])]
    (root / "test.txt").write_text("".join(lines))
    return root


LISTS = ("train", "val", "test")


def prepared(real, source, output):
    names = {split: Path(f"{split}.txt") for split in LISTS}
    return real.prepare(source, names, output, tolerance_mm=2.5, notice="Real data: a clinic.")


def test_real_lists_become_what_the_generator_writes(lungs, made, source, tmp_path):
    folder, names = made
    assert prepared(lungs("real"), source, tmp_path / "out") == {split: len(names[split]) for split in LISTS}
    ours = files(tmp_path / "out")
    for split in ("validation", "test"):
        settings = ours.pop(f"reference_data/{split}/scoring.json")
        assert json.loads(settings) == {"surface_tolerance_mm": 2.5}
    assert ours.pop("data_notice.txt") == b"Real data: a clinic.\n"
    theirs = files(folder)
    theirs.pop("public_data/test.txt")
    for name in names["test"]:
        del theirs[f"public_data/images/{name}.nii.gz"], theirs[f"public_data/labels/{name}.nii.gz"]
    same = {name: content for name, content in theirs.items() if "scoring.json" not in name and "notice" not in name}
    assert ours == same


def test_all_faults_of_real_lists_are_told_at_once(lungs, made, source, tmp_path):
    _, names = made
    first, second = (f"{name}.nii.gz" for name in sorted(names["train"]))
    label = read_volume(source / "labels" / first)
    write_volume(source / "labels" / first, label.values[:-1], label.affine)
    write_volume(source / "labels" / second, label.values + np.uint8(5), label.affine * 2)
    (source / "images" / f"{names['val'][0]}.nii.gz").write_bytes(b"no volume")
    with pytest.raises(ValueError, match="has the shape") as caught:
        prepared(lungs("real"), source, tmp_path / "out")
    told = str(caught.value).splitlines()
    assert [line.split(str(source) + "/")[-1] for line in told] == [
        f"labels/{first} has the shape (15, 24, 24), its image (16, 24, 24).",
        f"labels/{second} lies elsewhere than its image: their affines differ.",
        f"labels/{second} holds 5, 6, 7; labels are 0 (background), 1 (left lung) and 2 (right lung).",
        f"images/{names['val'][0]}.nii.gz cannot be read as NIfTI.",
    ]
    assert not (tmp_path / "out").exists()


def test_a_case_in_two_lists_is_named(lungs, source, tmp_path):
    shutil.copy(source / "train.txt", source / "val.txt")
    with pytest.raises(ValueError, match="is named 2 times: a case belongs to one split"):
        prepared(lungs("real"), source, tmp_path / "out")


def test_a_list_that_is_not_there(lungs, source, tmp_path):
    (source / "val.txt").unlink()
    with pytest.raises(ListUnusable, match=r"There is no list .*val\.txt\."):
        prepared(lungs("real"), source, tmp_path / "out")


def test_a_seed_below_zero_and_a_file_in_the_way_are_told(lungs, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", "made", "--seed", "-1"])
    with pytest.raises(SystemExit):
        lungs("synthetic").main()
    assert "--seed must be 0 or more" in capsys.readouterr().err
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("sys.argv", ["synthetic.py", "--output", "file"])
    assert lungs("synthetic").main() == 1
    assert "Not a directory" in capsys.readouterr().err
