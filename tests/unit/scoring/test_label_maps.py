"""Label maps are checked against their images' grid before anything is scored."""

import gzip
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest

from medici_scoring.label_maps import pair_up, read_predicted, read_truth
from medici_scoring.predictions import PredictionsInvalid, ReferenceInvalid

AFFINE = np.array([[0, 0, -3.0, 5], [0, -2.0, 0, 6], [-4.0, 0, 0, 7], [0, 0, 0, 1]])
LABELS = (0, 1, 2)
NO_PROBABILITIES = "Write the class of every voxel, not its probability."


def write(path, values, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


@pytest.fixture
def folders(tmp_path):
    """Answers and predictions of two cases, all in order."""
    values = (np.arange(60).reshape(3, 4, 5) % 3).astype(np.uint8)
    for place in ("ref", "res"):
        for case in ("a", "b"):
            write(tmp_path / place / f"{case}.nii.gz", values)
    (tmp_path / "ref/scoring.json").write_text("{}")
    return tmp_path


def test_pairs_in_the_answers_order(folders):
    pairs = pair_up(folders / "ref", folders / "res", labels=LABELS)
    assert [pair.case for pair in pairs] == ["a", "b"]
    truth = read_truth(pairs[0])
    assert truth.spacing_mm == (4, 2, 3)
    assert (read_predicted(pairs[0]) == truth.values).all()


def test_whole_floats_and_a_trailing_axis_are_taken(folders):
    values = (np.arange(60).reshape(3, 4, 5, 1) % 3).astype(np.float32)
    write(folders / "res/a.nii.gz", values)
    (pair, _) = pair_up(folders / "ref", folders / "res", labels=LABELS)
    assert (read_predicted(pair) == values[..., 0]).all()


def fault(folders, kind):
    """Break the prediction of case a."""
    path = folders / "res/a.nii.gz"
    values = np.zeros((3, 4, 5), dtype=np.float32)
    if kind == "missing":
        path.unlink()
    elif kind == "no NIfTI":
        path.write_bytes(gzip.compress(b"text"))
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:-20])
    elif kind == "shape":
        write(path, values[:, :, :-1])
    elif kind == "affine":
        write(path, values, np.eye(4))
    elif kind == "fractions":
        write(path, values + np.float32(0.25))
    elif kind == "labels":
        write(path, values + np.float32(3))
    else:
        write(folders / "res/c.nii.gz", values)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "1 case has no label map. Write one file per image, `<case>.nii.gz`."),
        ("no NIfTI", "1 label map cannot be read as NIfTI."),
        ("cut short", "1 label map cannot be read as NIfTI."),
        ("shape", "1 label map has another shape than its image."),
        ("affine", "1 label map lies elsewhere than its image. Write it with the affine of the image that you read."),
        ("fractions", f"1 label map holds values that are no whole numbers. {NO_PROBABILITIES}"),
        ("labels", "1 label map holds unknown labels. The labels are 0, 1, 2."),
        ("strange", "1 file is of no case of this task."),
    ],
)  # fmt: skip
def test_a_sentence_for_each_fault(folders, kind, sentence):
    fault(folders, kind)
    with pytest.raises(PredictionsInvalid) as caught:
        pair_up(folders / "ref", folders / "res", labels=LABELS)
    assert caught.value.public == sentence
    assert ("c.nii.gz" if kind == "strange" else "a") in caught.value.private


def forged(path, offset, form, *values):
    """Put other numbers into the header of a NIfTI-1 file."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into(form, content, offset, *values)
    path.write_bytes(gzip.compress(content))


@pytest.mark.parametrize(
    ("offset", "form", "values"),
    [
        (108, "<f", (-1,)),
        (108, "<f", (np.inf,)),
        (108, "<f", (2e6,)),
        (112, "<ff", (1, np.nan)),
        (40, "<h", (100,)),
        (70, "<h", (1536,)),
    ],
    ids=["offset -1", "offset inf", "voxels far away", "intercept NaN", "100 axes", "float128"],
)
def test_forged_headers_are_the_predictions_fault(folders, offset, form, values):
    forged(folders / "res/a.nii.gz", offset, form, *values)
    with pytest.raises(PredictionsInvalid) as caught:
        pair_up(folders / "ref", folders / "res", labels=LABELS)
    assert caught.value.public == "1 label map cannot be read as NIfTI."


def test_an_extension_that_unpacks_to_gigabytes_is_not_read(folders):
    path, unpacked_bytes = folders / "res/a.nii.gz", 64 * 1024**2
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<f", content, 108, 352 + unpacked_bytes)
    struct.pack_into("<B", content, 348, 1)
    extension = struct.pack("<ii", unpacked_bytes, 6) + bytes(unpacked_bytes - 8)
    path.write_bytes(gzip.compress(content[:352] + extension + content[352:], 1))
    tracemalloc.start()
    with pytest.raises(PredictionsInvalid):
        pair_up(folders / "ref", folders / "res", labels=LABELS)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < unpacked_bytes / 4


def test_other_formats_that_nibabel_would_read_are_refused(folders):
    (folders / "res/a.nii.gz").unlink()
    values = (np.arange(60).reshape(3, 4, 5) % 3).astype(np.int16)
    nibabel.Spm2AnalyzeImage(values, AFFINE).to_filename(folders / "res/a.img")
    (folders / "res/a.hdr").rename(folders / "res/a.nii")
    with pytest.raises(PredictionsInvalid) as caught:
        pair_up(folders / "ref", folders / "res", labels=LABELS)
    assert caught.value.public == "1 label map cannot be read as NIfTI."


def test_all_faults_at_once_and_names_for_the_organizer_alone(folders):
    fault(folders, "labels")
    (folders / "res/b.nii.gz").unlink()
    with pytest.raises(PredictionsInvalid) as caught:
        pair_up(folders / "ref", folders / "res", labels=LABELS)
    assert caught.value.public.splitlines() == [
        "1 case has no label map. Write one file per image, `<case>.nii.gz`.",
        "1 label map holds unknown labels. The labels are 0, 1, 2.",
    ]
    assert caught.value.private.splitlines() == [
        "1 case has no label map: b.",
        "1 label map holds unknown labels: a.nii.gz.",
    ]


def test_answers_that_cannot_be_used(folders):
    (folders / "ref/a.nii.gz").write_bytes(b"text")
    with pytest.raises(ReferenceInvalid, match=r"a\.nii\.gz cannot be read as NIfTI"):
        pair_up(folders / "ref", folders / "res", labels=LABELS)
    for path in (folders / "ref").glob("*.nii.gz"):
        path.unlink()
    with pytest.raises(ReferenceInvalid, match="hold no NIfTI file"):
        pair_up(folders / "ref", folders / "res", labels=LABELS)
