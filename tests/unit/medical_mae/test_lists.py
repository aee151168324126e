"""Lists of the public sets: NIH's, CheXpert's, COVIDx's, NODE21's, and the official ones where they are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OFFICIAL = Path(os.environ.get("MEDICI_SHARED", ROOT.parent / "shared")) / "data" / "nih_chestxray14"


def labels(*ones):
    return " ".join("1" if number in ones else "0" for number in range(14))


def test_a_list_is_read_as_it_was_written(script, tmp_path):
    lists = script("lists")
    entries = [lists.Entry("00000001_000.png", (0, 1, *[0] * 12)), lists.Entry("00000002_000.png", (0,) * 14)]
    lists.write_list(tmp_path / "list.txt", entries)
    assert (tmp_path / "list.txt").read_text() == f"00000001_000.png {labels(1)}\n00000002_000.png {labels()}\n"
    assert lists.read_list(tmp_path / "list.txt") == entries
    assert lists.positives(entries) == (0, 1, *[0] * 12)


def test_all_faults_of_a_list_at_once(script, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(f"a.png {labels()}\nb.png 0 1\na.png {labels()}\nc.png {labels()[:-1]}2\n\nd.png\n")
    with pytest.raises(script("lists").ListInvalid) as caught:
        script("lists").read_list(path)
    assert str(caught.value).splitlines() == [
        f"{path}: a line must be a name and 14 labels (lines 2, 6).",
        f"{path}: an image has a line already (line 3).",
        f"{path}: a label must be 0 or 1 (line 4).",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "is not there"), (b"\xff", "cannot be read as text"), (b"", "names no image")]
)
def test_lists_that_are_none(script, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(script("lists").ListInvalid, match=sentence):
        script("lists").read_list(tmp_path / "list.txt")


def test_chexpert_counts_uncertain_findings_as_published(script, tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(
        "Path,Sex,Frontal/Lateral,Cardiomegaly,Edema,Consolidation,Atelectasis,Pleural Effusion\n"
        "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Male,Frontal,-1.0,-1.0,-1.0,-1.0,-1.0\n"
        "CheXpert-v1.0-small/train/patient00001/study1/view2_lateral.jpg,Male,Lateral,1.0,1.0,1.0,1.0,1.0\n"
        "CheXpert-v1.0/train/patient00002/study1/view1_frontal.jpg,Male,Frontal,1.0,,0.0,1.0,\n"
    )
    entries = script("sources").read_chexpert(path)
    assert [(entry.name, entry.labels) for entry in entries] == [
        ("train/patient00001/study1/view1_frontal.jpg", (0, 1, 0, 1, 0)),
        ("train/patient00002/study1/view1_frontal.jpg", (1, 0, 0, 1, 0)),
    ]
    path.write_text(path.read_text().replace("1.0,,0.0", "yes,,0.0"))
    with pytest.raises(ValueError, match=r"line 4: Cardiomegaly must be 1, 0, -1 or empty, not 'yes'"):
        script("sources").read_chexpert(path)
    path.write_text("Path,Edema\na,1\n")
    with pytest.raises(ValueError, match=r"lacks the columns Frontal/Lateral, Cardiomegaly, Consolidation"):
        script("sources").read_chexpert(path)


def test_covidx_and_node21(script, tmp_path):
    sources = script("sources")
    covidx, node21 = tmp_path / "covidx.txt", tmp_path / "node21.txt"
    covidx.write_text("3 a.png COVID-19 rsna\n4 b.png normal rsna\n")
    assert [(each.name, each.labels) for each in sources.read_covidx(covidx)] == [
        ("a.png", (0, 0, 0, 1)),
        ("b.png", (1, 0, 0, 0)),
    ]
    node21.write_text("c.mha 1\nd.mha 0\n")
    assert [(each.name, each.labels) for each in sources.read_node21(node21)] == [("c.mha", (1,)), ("d.mha", (0,))]
    covidx.write_text("3 a.png flu rsna\n")
    with pytest.raises(ValueError, match="line 1: a line must be `patient file class source`"):
        sources.read_covidx(covidx)


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason=f"the official lists are not at {OFFICIAL} (see MEDICI_SHARED)")
def test_the_official_lists_of_chestxray14(script):
    lists, real = script("lists"), script("real")
    splits = real.read_lists(real.SOURCES["chestxray"], OFFICIAL)
    assert {split: len(entries) for split, entries in splits.items()} == {"train": 75312, "val": 11212, "test": 25596}
    positives = (3279, 1069, 4658, 6112, 1748, 1623, 555, 2665, 1815, 925, 1093, 435, 1143, 86)
    assert lists.positives(splits["test"]) == positives
