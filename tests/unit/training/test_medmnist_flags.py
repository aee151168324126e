"""MedMNIST's flags, compared with the installed `medmnist` package where it is there."""

import pytest

from medici_training.medmnist import flags
from tests.trainers import need_trainers


def test_v2_has_twelve_flat_and_six_deep_flags():
    assert sum(flag.is_3d for flag in flags.FLAGS.values()) == 6
    assert len(flags.FLAGS) == 18


def test_the_decathlon_has_v1s_names_counts_and_one_size():
    assert list(flags.DECATHLON)[7:] == ["organmnist_axial", "organmnist_coronal", "organmnist_sagittal"]
    assert list(flags.DECATHLON)[:7] == list(flags.FLAGS)[:7]
    axial = flags.get("organmnist_axial")
    assert (axial.samples, axial.sizes, axial.v2_name) == (flags.Counts(34581, 6491, 17778), (28,), "organamnist")
    assert axial.md5(28) is None
    assert flags.get("retinamnist", version=1).task.in_v1 == "ordinal regression"


@pytest.mark.parametrize(
    ("name", "size", "shape", "width", "largest"),
    [
        ("bloodmnist", 64, (64, 64, 3), 1, 7),
        ("chestmnist", 28, (28, 28), 14, 1),
        ("organmnist3d", 28, (28, 28, 28), 1, 10),
        ("breastmnist", 224, (224, 224), 1, 1),
    ],
)
def test_shapes_and_labels_follow_from_the_flag(name, size, shape, width, largest):
    flag = flags.get(name)
    assert (flag.shape(size), flag.label_width, flag.largest_label) == (shape, width, largest)


def test_an_unknown_flag_is_told_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"MedMNIST has no flag 'mnist': choose one of pathmnist, .*synapsemnist3d\."):
        flags.get("mnist")
    with pytest.raises(ValueError, match="no flag 'bloodmnist'"):
        flags.get("bloodmnist", version=1)


def test_an_unknown_size_is_told_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"^nodulemnist3d has no size 224: choose one of 28, 64\.$"):
        flags.get("nodulemnist3d").check_size(224)


@pytest.mark.slow
def test_the_table_is_that_of_the_medmnist_package():
    need_trainers()
    import medmnist

    assert list(flags.FLAGS) == list(medmnist.INFO)
    for name, official in medmnist.INFO.items():
        flag = flags.FLAGS[name]
        md5 = {size: official["MD5" if size == 28 else f"MD5_{size}"] for size in flag.sizes}
        assert flag.title == official["python_class"]
        assert flag.task == official["task"]
        assert flag.labels == tuple(official["label"][str(number)] for number in range(len(official["label"])))
        assert flag.channels == official["n_channels"]
        assert {split: flag.samples.of(split) for split in ("train", "val", "test")} == official["n_samples"]
        assert flag.licence == official["license"]
        assert {size: flag.md5(size) for size in flag.sizes} == md5
        assert sum(key.startswith("MD5") for key in official) == len(flag.sizes)
