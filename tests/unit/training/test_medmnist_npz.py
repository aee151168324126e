"""MedMNIST's npz files: what is read comes back, and every fault is one sentence."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from medici_training.medmnist import flags, md5, npz

BLOOD = flags.get("bloodmnist")
CHEST = flags.get("chestmnist")
NAMES = tuple(f"{split}_{kind}" for split in npz.SPLITS for kind in ("images", "labels"))


def arrays(flag=BLOOD, size=28, count=3):
    """Six valid arrays; pixels and labels count upwards."""
    made = {}
    for split in npz.SPLITS:
        pixels = np.arange(count * np.prod(flag.shape(size))) % 256
        made[f"{split}_images"] = pixels.astype(np.uint8).reshape(count, *flag.shape(size))
        labels = np.arange(count * flag.label_width) % (flag.largest_label + 1)
        made[f"{split}_labels"] = labels.astype(np.uint8).reshape(count, flag.label_width)
    return made


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bloodmnist.npz"


def saved(path, **changes):
    """The six arrays with some of them changed; None leaves one out."""
    np.savez_compressed(path, **{key: value for key, value in {**arrays(), **changes}.items() if value is not None})
    return path


@pytest.mark.parametrize("name", ["bloodmnist", "chestmnist", "retinamnist", "synapsemnist3d", "organmnist_axial"])
def test_what_is_written_is_read(tmp_path, name):
    flag = flags.get(name)
    made = arrays(flag)
    splits = {split: npz.Split(made[f"{split}_images"], made[f"{split}_labels"]) for split in npz.SPLITS}
    npz.write(tmp_path / "set.npz", splits)
    data = npz.read(tmp_path / "set.npz", flag)
    for split in npz.SPLITS:
        assert np.array_equal(data.splits[split].images, splits[split].images)
        assert np.array_equal(data.splits[split].labels, splits[split].labels)
    assert (len(data.train), len(data.val), len(data.test)) == (3, 3, 3)


def test_what_numpy_writes_is_read_and_the_other_way_round(path):
    made = arrays()
    assert np.array_equal(npz.read(saved(path), BLOOD).val.images, made["val_images"])
    npz.write(path, npz.read(path, BLOOD).splits)
    with np.load(path) as file:
        assert tuple(file.files) == NAMES
        assert np.array_equal(file["test_labels"], made["test_labels"])


def test_the_same_arrays_make_the_same_bytes(tmp_path):
    data = npz.read(saved(tmp_path / "given.npz"), BLOOD)
    npz.write(tmp_path / "a.npz", data.splits)
    npz.write(tmp_path / "b.npz", dict(reversed(data.splits.items())))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {npz.ZIP_TIME}


def test_a_task_gets_test_images_without_labels(path):
    npz.write_images(path, arrays()["test_images"])
    with np.load(path) as file:
        assert file.files == ["test_images"]
    assert np.array_equal(npz.read_images(path, BLOOD), arrays()["test_images"])
    with pytest.raises(ValueError, match=r"lacks test_labels; it holds test_images\.$"):
        npz.read(path, BLOOD, splits=["test"])


def test_public_data_have_no_test_set(path):
    saved(path, test_images=None, test_labels=None)
    assert list(npz.read(path, BLOOD, splits=["train", "val"]).splits) == ["train", "val"]
    with pytest.raises(ValueError, match="lacks test_images, test_labels"):
        npz.read(path, BLOOD)


def test_labels_may_be_of_any_whole_type_and_arrays_in_any_order(path):
    images, labels = arrays()["val_images"], arrays()["val_labels"]
    data = npz.read(saved(path, val_images=np.asfortranarray(images), val_labels=labels.astype(np.int64)), BLOOD)
    assert data.val.labels.dtype == np.uint8
    assert np.array_equal(data.val.labels, labels)
    assert np.array_equal(data.val.images, images)


IMAGES = arrays()["train_images"]
FAULTS = {
    "an array is missing": ({"val_labels": None}, r"lacks val_labels; it holds test_images, "),
    "an array is foreign": ({"masks": IMAGES}, r"holds what MedMNIST's files do not: masks\.$"),
    "pixels are floats": ({"train_images": IMAGES / 255}, r"train_images holds float64 where MedMNIST has uint8\.$"),
    "another size": (
        {"test_images": np.zeros((3, 64, 64, 3), np.uint8)},
        r"test_images has the shape 3×64×64×3; bloodmnist at size 28 is N×28×28×3\.$",
    ),
    "no colours": (
        {"train_images": IMAGES[..., 0]},
        r"train_images has the shape 3×28×28; bloodmnist at size 28 is N×28×28×3\.$",
    ),
    "no image": ({"val_images": IMAGES[:0]}, r"val_images holds no image\.$"),
    "a number alone": ({"val_images": np.uint8(3)}, r"val_images has the shape \(\); bloodmnist"),
    "labels in one row": (
        {"train_labels": np.zeros(3, np.uint8)},
        r"train_labels has the shape 3; bloodmnist with 3 images needs 3×1\.$",
    ),
    "labels too few": ({"train_labels": np.zeros((2, 1), np.uint8)}, r"has the shape 2×1; .* needs 3×1\.$"),
    "a label too large": (
        {"test_labels": np.full((3, 1), 8, np.uint8)},
        r"test_labels holds the label 8; bloodmnist has 0 to 7\.$",
    ),
    "a negative label": ({"test_labels": np.full((3, 1), -1)}, r"holds the label -1; bloodmnist has 0 to 7\.$"),
    "fractions": (
        {"test_labels": np.full((3, 1), 0.5)},
        r"test_labels holds float64 where labels are whole numbers\.$",
    ),
    "words": (
        {"test_labels": np.full((3, 1), "a")},
        r"test_labels holds <U1 of the shape 3×1, which is no array of num",
    ),
    "pickles": (
        {"train_labels": np.array([[{}], [1], [2]], dtype=object)},
        r"train_labels holds pickled objects, which are refused: they can run code\.$",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_sentence_that_names_file_and_array(path, changes, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        npz.read(saved(path, **changes), BLOOD)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_fourteen_columns_of_nought_or_one_for_chest(tmp_path):
    path = tmp_path / "chestmnist.npz"
    np.savez(path, **arrays(CHEST))
    assert npz.read(path, CHEST).train.labels.shape == (3, 14)
    np.savez(path, **{**arrays(CHEST), "val_labels": np.full((3, 14), 2)})
    with pytest.raises(ValueError, match=r"val_labels holds the label 2; chestmnist has 0 to 1\."):
        npz.read(path, CHEST)


def test_a_file_that_is_no_zip(path):
    path.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="is no npz file, or the end of it is missing"):
        npz.read(path, BLOOD)


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError, match=r"bloodmnist\.npz is not there\.$"):
        npz.read(path, BLOOD)


def test_a_download_that_broke_off(path):
    content = saved(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="is no npz file, or the end of it is missing"):
        npz.read(path, BLOOD)


def test_a_flipped_byte_is_found(path):
    np.savez(path, **arrays())  # not compressed: only the checksum can tell
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="train_images is damaged or truncated: Bad CRC-32"):
        npz.read(path, BLOOD)


@pytest.mark.parametrize(
    ("header", "content", "sentence"),
    [
        ("(3, 28, 28, 3)", b"\0" * 100, r"train_images is truncated: 100 bytes of 7056\.$"),
        ("(1, 28, 28, 3)", b"\0" * 2353, r"train_images is longer than its header says\.$"),
        ("(-1, -28, 28, 3)", b"", r"of the shape -1×-28×28×3, which is no array of numbers\.$"),
        ("(9999999, 28, 28, 3)", b"", r"would unpack to 23519997648 bytes \(9999999×28×28×3\); at most 2147483648 "),
    ],
    ids=["too short", "too long", "negative", "bomb"],
)
def test_headers_are_not_trusted(path, header, content, sentence):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {header}, }}".ljust(117) + "\n"
    npy = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + content
    saved(path, train_images=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", npy)
    with pytest.raises(ValueError, match=sentence):
        npz.read(path, BLOOD)


def test_what_is_no_npy_inside(path):
    saved(path, train_images=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", b"a text")
    with pytest.raises(ValueError, match="train_images is no npy array"):
        npz.read(path, BLOOD)


def test_an_array_twice(path):
    saved(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("train_images.npy", b"")
    with pytest.raises(ValueError, match="holds train_images twice"):
        npz.read(path, BLOOD)


def test_the_published_file_is_known_by_its_md5(path, monkeypatch):
    saved(path)
    assert not npz.is_official(path, BLOOD)
    with pytest.raises(ValueError, match=r"is not the published bloodmnist\.npz: its MD5 differs"):
        npz.read(path, BLOOD, official=True)
    monkeypatch.setitem(md5.OFFICIAL, "bloodmnist", {28: npz._md5(path)})
    assert npz.is_official(path, BLOOD)
    with pytest.raises(ValueError, match=r"train has 3 samples; bloodmnist has 11959 there\.$"):
        npz.read(path, BLOOD, official=True)
    three = replace(BLOOD, samples=flags.Counts(3, 3, 3))
    assert len(npz.read(path, three, official=True).test) == 3


def test_files_are_found_by_flag_and_size(tmp_path, monkeypatch):
    (tmp_path / ".medmnist").mkdir()
    large = tmp_path / ".medmnist" / "bloodmnist_64.npz"
    large.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert npz.find(BLOOD, 64) == large
    assert npz.find(BLOOD, 64, tmp_path / ".medmnist") == large
    with pytest.raises(
        FileNotFoundError, match=r"bloodmnist\.npz is not there: `python -m medmnist download --size=28`"
    ):
        npz.find(BLOOD)
