"""Stand-ins: the same bytes every time, the same scene at every size, in MedMNIST's format."""

import hashlib

import numpy as np
import pytest

from medici_training.medmnist import flags, npz
from medici_training.standins import make, make_splits
from medici_training.standins.catalogue import RECIPES
from medici_training.standins.samples import _labels

pytestmark = pytest.mark.slow

EVERY = pytest.mark.parametrize("name", flags.FLAGS)


def sha(*arrays):
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_every_flag_has_a_recipe_and_every_label_a_share():
    assert set(RECIPES) == set(flags.FLAGS)
    for name, recipe in RECIPES.items():
        assert len(recipe.shares) == flags.FLAGS[name].classes
        if flags.FLAGS[name].task is not flags.Task.MULTI_LABEL:
            assert sum(recipe.shares) == pytest.approx(1)


@EVERY
def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(name):
    flag = flags.get(name)
    images, labels = make(flag, 28, "train", 3, 7)
    assert images.shape == (3, *flag.shape(28))
    assert labels.shape == (3, flag.label_width)
    assert images.dtype == labels.dtype == np.uint8
    assert sha(images, labels) == sha(*make(flag, 28, "train", 3, 7))
    others = (make(flag, 28, "train", 3, 8)[0], make(flag, 28, "test", 3, 7)[0])
    assert len({sha(images), *map(sha, others)}) == 3


@EVERY
def test_samples_do_not_depend_on_how_many_there_are(name):
    flag = flags.get(name)
    few, many = make(flag, 28, "val", 1, 7), make(flag, 28, "val", 3, 7)
    assert sha(*few) == sha(many[0][:1], many[1][:1])


@EVERY
def test_the_same_sample_at_another_size_has_the_same_label_and_scene(name):
    """Shrunk to 7 pixels both sizes show the same, better than any two different samples do."""
    flag, count = flags.get(name), 4
    small, large = make(flag, 28, "test", count, 7), make(flag, 64, "test", count, 7)
    assert np.array_equal(small[1], large[1])
    flat = [shrunk(images).reshape(count, -1) for images in (small[0], large[0])]
    difference = np.abs(flat[0][:, None] - flat[1][None]).mean(axis=2)
    assert np.array_equal(difference.argmin(axis=1), np.arange(count))


def shrunk(images):
    """Means over 7×7 fields along the axes of the image, whatever their size."""
    for axis in [axis for axis in range(1, images.ndim) if images.shape[axis] > 3]:
        parts = np.array_split(images, 7, axis=axis)
        images = np.stack([part.mean(axis=axis) for part in parts], axis=axis)
    return images.astype(np.float64)


@EVERY
def test_labels_come_in_proportion_to_their_shares(name):
    flag = flags.get(name)
    labels = _labels(flag, (2020, 0, 0), 1000)
    found = labels.mean(axis=0) if flag.label_width > 1 else np.bincount(labels[:, 0], minlength=flag.classes) / 1000
    assert found == pytest.approx(RECIPES[name].shares, abs=0.01)


@EVERY
def test_no_image_is_blank_or_twice_there(name):
    images, _ = make(flags.get(name), 28, "train", 6)
    assert len({image.tobytes() for image in images}) == 6
    assert all(image.std() > 2 for image in images)


def test_splits_are_written_and_read_as_medmnists(tmp_path):
    flag = flags.get("organmnist_coronal")
    splits = make_splits(flag, 28, {"train": 4, "val": 2, "test": 3})
    npz.write(tmp_path / "set.npz", splits)
    data = npz.read(tmp_path / "set.npz", flag)
    assert (len(data.train), len(data.val), len(data.test)) == (4, 2, 3)
    assert np.array_equal(data.test.images, make(flags.get("organcmnist"), 28, "test", 3)[0])


@pytest.mark.parametrize(
    ("size", "split", "count", "sentence"),
    [
        (32, "train", 1, "bloodmnist has no size 32"),
        (28, "testing", 1, "There is no split 'testing': choose one of train, val, test"),
        (28, "train", -1, "Counts and seeds are not negative: -1 samples, seed 2020"),
    ],
    ids=["size", "split", "count"],
)
def test_wrong_wishes_are_told_in_one_sentence(size, split, count, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(flags.get("bloodmnist"), size, split, count)
