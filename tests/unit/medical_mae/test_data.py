"""The stand-in and the real data become the same folders; answers of the test set are reference data alone."""

import hashlib

import numpy as np
import pytest
from PIL import Image


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_bytes_each_time(script, small, tmp_path):
    (tmp_path / "input_data").mkdir()
    (tmp_path / "input_data" / "older.png").write_text("gone after the next run")
    script("synthetic").generate(tmp_path, counts={"train": 40, "val": 16, "test": 24})
    assert tree(tmp_path) == tree(small)


def test_what_lies_where(script, small):
    lists = script("lists")
    files = [path.relative_to(small).as_posix() for path in small.rglob("*") if path.is_file()]
    assert sorted(path for path in files if not path.endswith(".png")) == [
        "data_notice.txt",
        "input_data/testing/images.txt",
        "input_data/validation/images.txt",
        "public_data/classes.txt",
        "public_data/train_list.txt",
        "public_data/val_list.txt",
        "reference_data/testing/answers.txt",
        "reference_data/testing/classes.txt",
        "reference_data/validation/answers.txt",
        "reference_data/validation/classes.txt",
    ]
    for folder, count in (("public_data/images", 56), ("input_data/validation", 16), ("input_data/testing", 24)):
        assert len(list((small / folder).glob("*.png"))) == count
    test = lists.read_list(small / "reference_data" / "testing" / "answers.txt")
    names = {entry.name for entry in test}
    assert {path.name for path in (small / "input_data" / "testing").glob("*.png")} == names
    assert set(lists.read_names(small / "input_data" / "testing" / "images.txt")) == names
    assert not names & {path.name for path in (small / "public_data" / "images").iterdir()}
    assert lists.read_names(small / "public_data" / "classes.txt") == list(lists.NIH)
    assert (small / "data_notice.txt").read_text() == (
        "Synthetic stand-in for ChestX-ray14, drawn by a program (seed 2020); shows no patient; "
        "figures say nothing of the real data.\n"
    )


def test_images_are_grey_and_of_the_size(small):
    for path in small.rglob("*.png"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (64, 64))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 65}, "chestmnist has no size 65"),
        ({"counts": {"train": 0, "val": 1, "test": 1}}, "train must have between 1 and 99999 images"),
    ],
    ids=["size", "count"],
)
def test_a_stand_in_that_cannot_be(script, tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        script("synthetic").generate(tmp_path, **arguments)
    assert not any(tmp_path.iterdir())


@pytest.fixture
def official(script, small, tmp_path):
    """Three lists and one folder of larger images, as ChestX-ray14 is handed out: some have an alpha channel."""
    lists, folder = script("lists"), tmp_path / "images"
    folder.mkdir()
    splits = {
        "train": lists.read_list(small / "public_data" / "train_list.txt"),
        "val": lists.read_list(small / "public_data" / "val_list.txt"),
        "test": lists.read_list(small / "reference_data" / "testing" / "answers.txt"),
    }
    for split, entries in splits.items():
        lists.write_list(tmp_path / f"{split}_official.txt", entries)
        for number, entry in enumerate(entries):
            place = "input_data/testing" if split == "test" else "public_data/images"
            with Image.open(small / place / entry.name) as image:
                larger = image.resize((96, 96))
                (larger.convert("RGBA") if number % 2 else larger).save(folder / entry.name)
    return tmp_path


def test_real_images_are_made_grey_and_shrunk(script, official, small, tmp_path):
    real, out = script("real"), tmp_path / "out"
    real.prepare(real.SOURCES["chestxray"], official / "images", official, out, size=32)
    assert set(tree(out)) == set(tree(small))
    for path in out.rglob("*.png"):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (32, 32))
    for name in ("public_data/train_list.txt", "reference_data/testing/answers.txt"):
        assert (out / name).read_bytes() == (small / name).read_bytes()
    assert (out / "data_notice.txt").read_text().startswith("Real data: ChestX-ray14")


def test_where_names_tell_the_class_the_test_images_get_numbers(script, tmp_path):
    real, lists = script("real"), script("lists")
    (tmp_path / "images").mkdir()
    named = {"train": "tr", "val": "va", "test": "te"}
    for split, short in named.items():
        rows = [(f"{short}-{name}-{number}.png", name) for name in ("COVID-19", "normal") for number in range(9)]
        (tmp_path / f"{split}.txt").write_text("".join(f"1 {file} {name} rsna\n" for file, name in rows))
        for number, (file, _) in enumerate(rows):
            Image.new("L", (8, 8), number).save(tmp_path / "images" / file)
    real.prepare(real.SOURCES["covidx"], tmp_path / "images", tmp_path, tmp_path / "out", size=0)
    seen = tmp_path / "out" / "input_data" / "testing"
    names = [f"test_{number:05d}.png" for number in range(1, 19)]
    assert lists.read_names(seen / "images.txt") == names
    answers = {
        entry.name: entry.labels for entry in lists.read_list(tmp_path / "out/reference_data/testing/answers.txt", 4)
    }
    drawn = [Image.open(seen / name).getpixel((0, 0)) for name in names]
    is_covid = [answers[name][real.COVIDX.index("COVID-19")] == 1 for name in names]
    assert is_covid == [value < 9 for value in drawn]
    assert sorted(drawn) == list(range(18))
    assert is_covid != sorted(is_covid, reverse=True)


def test_nothing_is_written_unless_all_is_there(script, official, tmp_path):
    real, out = script("real"), tmp_path / "out"
    source = real.SOURCES["chestxray"]
    (official / "images" / "00000001_000.png").unlink()
    with pytest.raises(ValueError, match=r"lacks 1 of 80 images that the lists name: 00000001_000\.png"):
        real.prepare(source, official / "images", official, out, size=32)
    (official / "val_official.txt").write_text((official / "train_official.txt").read_text())
    with pytest.raises(ValueError, match=r"40 images are in more than one list or come twice: 00000001_000\.png"):
        real.prepare(source, official / "images", official, out, size=32)
    assert not out.exists()


def test_an_unreadable_image_is_named(script, official, tmp_path):
    real = script("real")
    (official / "images" / "00000002_000.png").write_text("no image")
    with pytest.raises(ValueError, match=r"holds 1 files that are no readable images: 00000002_000\.png"):
        real.prepare(real.SOURCES["chestxray"], official / "images", official, tmp_path / "out", size=32)
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_cut_short_is_named(script, official, tmp_path):
    real, image = script("real"), official / "images" / "00000002_000.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"00000002_000\.png is no readable image"):
        real.prepare(real.SOURCES["chestxray"], official / "images", official, tmp_path / "out", size=32)


def test_organizers_say_what_other_images_are(script, official, monkeypatch, capsys, tmp_path):
    real, out = script("real"), tmp_path / "out"
    words = [str(official / "images"), "--lists", str(official), "--size", "32", "--output", str(out)]
    monkeypatch.setattr("sys.argv", ["real.py", *words, "--notice", "Real data: those of our hospital."])
    assert real.main() == 0
    assert (out / "data_notice.txt").read_text() == "Real data: those of our hospital.\n"
    monkeypatch.setattr("sys.argv", ["real.py", *words, "--only", "0"])
    with pytest.raises(SystemExit):
        real.main()
    assert "--size must be 0 or more, --only 1 or more" in capsys.readouterr().err


def test_names_lose_their_folders(script):
    real = script("real")
    assert real.bare_name("train/patient1/study1/view1_frontal.jpg") == "train_patient1_study1_view1_frontal.png"
    assert real.bare_name("00000001_000.png") == "00000001_000.png"


def test_how_the_network_sees_an_image(script, tmp_path):
    images = script("images")
    Image.new("L", (40, 20), 128).save(tmp_path / "flat.png")
    Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 100).save(tmp_path / "deep.png")
    seen = images.seen_whole(images.read_grey(tmp_path / "flat.png"), 8)
    assert seen.shape == (8, 8)
    assert seen == pytest.approx((128 / 255 - 0.5056) / 0.252, abs=1e-6)
    deep = np.asarray(images.read_grey(tmp_path / "deep.png"))
    assert (deep.min(), deep.max()) == (0, 255)
    assert images.on_channels(seen, 3).shape == (3, 8, 8)
    with pytest.raises(ValueError, match="is not there"):
        images.read_grey(tmp_path / "absent.png")


def test_the_middle_of_an_image(script):
    """A crop of one half shows the middle half of each side."""
    images = script("images")
    pixels = np.zeros((8, 8), np.uint8)
    pixels[2:6, 2:6] = 200
    seen = images.seen_whole(Image.fromarray(pixels), 4, 0.5)
    assert seen == pytest.approx(np.full((4, 4), (200 / 255 - 0.5056) / 0.252), abs=1e-6)
