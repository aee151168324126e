"""What all MedicalNet programs share of lists, files and preparation: no torch needed."""

import gzip
import struct

import numpy as np
import pytest

from medici_training.volumes.lists import Case, ListUnusable, read_list
from medici_training.volumes.nifti import VolumeUnusable, case_of, read_volume, write_volume
from medici_training.volumes.preparation import (
    cropped_around_label,
    label_map,
    resized,
    standardised,
    windowed,
    without_background,
)

AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])


def test_lists(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\ufeffimages/1.nii.gz labels/1.nii.gz\n\n images/2.nii.gz  labels/2.nii.gz \n", encoding="utf-8")
    found = read_list(path)
    assert [(case.image.as_posix(), case.label) for case in found] == [
        ("images/1.nii.gz", "labels/1.nii.gz"),
        ("images/2.nii.gz", "labels/2.nii.gz"),
    ]
    assert read_list(path, labelled=False) == found
    path.write_text("images/1.nii.gz\n")
    assert read_list(path, labelled=False) == [Case(found[0].image)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"a.nii b.nii\nc.nii\n", "train.txt, line 2: `image label` is wanted", id="no label"),
        pytest.param(b"my image.nii b.nii\n", "train.txt, line 1 has 3 words; paths must hold no spaces", id="spaces"),
        pytest.param(b"\n\n", "train.txt names no case", id="empty"),
        pytest.param(b"\xff\xfe", "train.txt is not UTF-8 text", id="no text"),
    ],
)
def test_faults_of_lists(tmp_path, content, sentence):
    (tmp_path / "train.txt").write_bytes(content)
    with pytest.raises(ListUnusable) as caught:
        read_list(tmp_path / "train.txt")
    assert sentence in str(caught.value)


def test_a_volume_is_written_and_read(tmp_path):
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "deep" / "case_1.nii.gz"
    write_volume(path, values, AFFINE)
    first = path.read_bytes()
    write_volume(path, values, AFFINE)
    assert path.read_bytes() == first
    assert first[4:8] == b"\0\0\0\0"  # gzip's time
    volume = read_volume(path)
    assert volume.values.dtype == np.int16
    assert (volume.values == values).all()
    assert volume.spacing_mm == (2, 3, 4)
    assert case_of(path) == "case_1"


def test_volumes_that_are_none(tmp_path):
    path = tmp_path / "x.nii.gz"
    for content in (b"", b"text", gzip.compress(b"text"), gzip.compress(bytes(400))[:-9]):
        path.write_bytes(content)
        with pytest.raises(VolumeUnusable, match=r"x\.nii\.gz cannot be read as NIfTI"):
            read_volume(path)
    for offset in (-1, np.inf):
        write_volume(path, np.zeros((2, 2, 2), dtype=np.int16), AFFINE)
        header = bytearray(gzip.decompress(path.read_bytes()))
        struct.pack_into("<f", header, 108, offset)
        path.write_bytes(gzip.compress(header))
        with pytest.raises(VolumeUnusable, match=r"x\.nii\.gz cannot be read as NIfTI"):
            read_volume(path)
    write_volume(path, np.zeros((2, 3), dtype=np.int16), AFFINE)
    with pytest.raises(VolumeUnusable, match="has 2 axes; a volume has three"):
        read_volume(path)
    write_volume(path, np.full((2, 2, 2), np.nan, dtype=np.float32), AFFINE)
    with pytest.raises(VolumeUnusable, match="no finite numbers"):
        read_volume(path)


def test_background_is_cut_off_to_the_last_slice():
    image, label = np.full((6, 6, 6), -7), np.zeros((6, 6, 6))
    image[1:4, 2:6, 5] = 3
    label[1:4, 2:6, 5] = 1
    cut, cut_label = without_background(image, label)
    assert cut.shape == (3, 4, 1)
    assert cut_label.all()
    same = np.zeros((3, 3, 3))
    assert without_background(same, same)[0].shape == (3, 3, 3)


def test_a_random_crop_keeps_the_whole_label():
    image = np.arange(20 * 24 * 28).reshape(20, 24, 28)
    label = np.zeros(image.shape, dtype=np.uint8)
    label[4:9, 10:20, 3:27] = 1
    shapes = set()
    for seed in range(50):
        cut, cut_label = cropped_around_label(image, label, np.random.default_rng(seed))
        assert cut_label.sum() == label.sum()
        assert cut.shape == cut_label.shape
        shapes.add(cut.shape)
    assert len(shapes) > 20
    assert cropped_around_label(image, np.zeros_like(label), np.random.default_rng(0))[0].shape == image.shape


def test_standardised_by_what_lies_above_zero():
    volume = np.array([[[0, 2, 4, -4]]], dtype=np.int16)
    made = standardised(volume, np.random.default_rng(3))
    noise = np.random.default_rng(3).standard_normal(volume.shape, dtype=np.float32)
    assert made.tolist() == [[[noise[0, 0, 0], -1.0, 1.0, -7.0]]]
    assert made.dtype == np.float32
    with pytest.raises(ValueError, match="no two different values above zero"):
        standardised(np.zeros((2, 2, 2)), np.random.default_rng(0))


def test_windowed():
    assert windowed(np.array([-3000, -1000, -300, 400, 900]), -1000, 400).tolist() == [-1, -1, 0, 1, 1]


def test_maps_become_labels_of_the_full_size():
    maps = np.zeros((3, 2, 2, 2), dtype=np.float32)
    maps[0], maps[2, :, :, 1] = 0.4, 1
    labels = label_map(maps, (4, 6, 8))
    assert (labels.shape, labels.dtype) == ((4, 6, 8), np.uint8)
    assert labels[0, 0].tolist() == [0, 0, 0, 2, 2, 2, 2, 2]  # class 2 rises from 0 to 1 and passes .4 at 3/7
    assert resized(labels, (2, 2, 2)).tolist() == [[[0, 2], [0, 2]], [[0, 2], [0, 2]]]
