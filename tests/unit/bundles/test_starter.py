"""The starter works as it is written: sound, and solved by its own example."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from medici_bundles.archives import check_zip
from medici_bundles.checker import check_bundle
from medici_bundles.json_schema import schema_text
from medici_bundles.kit import build_kit
from medici_bundles.packing import pack_folder
from medici_bundles.reader import open_bundle
from medici_bundles.starter import StarterRefused, write_starter
from medici_bundles.submissions import recognise

TODAY = date(2026, 11, 21)


def test_it_is_sound_and_nothing_is_to_be_noted(tmp_path: Path) -> None:
    names = write_starter(tmp_path / "spots", "Bright spots", today=TODAY)
    report = check_bundle(tmp_path / "spots")
    assert (report.faults, report.ignored, report.notes) == ((), (), ())
    assert (report.title, report.slug) == ("Bright spots", "bright-spots")
    below = [path for path in (tmp_path / "spots").rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path / "spots").as_posix() for path in below) == names


def test_the_first_phase_opens_today_and_the_next_follows(tmp_path: Path) -> None:
    write_starter(tmp_path, "Spots", today=TODAY)
    with open_bundle(tmp_path) as bundle:
        practice, final = bundle.definition.phases
    assert (practice.start, practice.end) == (datetime(2026, 11, 21, tzinfo=UTC), final.start)
    assert (final.start, final.end) == (datetime(2026, 12, 21, tzinfo=UTC), datetime(2027, 2, 19, tzinfo=UTC))


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("no", "no"),
        ("Spots: a 'new' #1 {slug} \"x\"", "spots-a-new-1-slug-x"),
        ("明るい点", "challenge"),
        ("2026", "2026"),
        ("spots " * 33, "spots-" * 9 + "spots"),
    ],
)
def test_any_title(tmp_path: Path, title: str, slug: str) -> None:
    write_starter(tmp_path, title, today=TODAY)
    report = check_bundle(tmp_path)
    assert (report.faults, report.title, report.slug) == ((), title.strip(), slug)
    assert (tmp_path / "README.md").read_text().startswith(f"# {title.strip()}\n")
    assert f"\nmedici join {slug}\n" in (tmp_path / "README.md").read_text()


def test_the_title_is_made_of_the_folders_name(tmp_path: Path) -> None:
    write_starter(tmp_path / "lung_nodules-2026", today=TODAY)
    assert check_bundle(tmp_path / "lung_nodules-2026").title == "Lung nodules 2026"


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StarterRefused, match="is not an empty folder; name a new one"):
        write_starter(tmp_path, today=TODAY)
    with pytest.raises(StarterRefused, match="is not an empty folder"):
        write_starter(tmp_path / "mine.txt", today=TODAY)
    with pytest.raises(StarterRefused, match="A title has 1 to 200 characters, not 201"):
        write_starter(tmp_path / "new", "x" * 201, today=TODAY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        names = write_starter(tmp_path / name, "Spots", today=TODAY)
    assert [(tmp_path / "one" / name).read_bytes() for name in names] == [
        (tmp_path / "two" / name).read_bytes() for name in names
    ]


def test_editors_find_the_schema_beside_it(tmp_path: Path) -> None:
    write_starter(tmp_path, today=TODAY)
    hint = (tmp_path / "competition.yaml").read_text().splitlines()[0]
    assert hint == "# yaml-language-server: $schema=competition.schema.json"
    assert (tmp_path / "competition.schema.json").read_text() == schema_text()


def test_the_kit_keeps_the_hidden_data_back(tmp_path: Path) -> None:
    write_starter(tmp_path / "spots", today=TODAY)
    names = build_kit(tmp_path / "spots", tmp_path / "kit.zip")
    assert {"public_data/answers.csv", "submission/Dockerfile", "scoring_program/score.py"} <= set(names)
    assert [name for name in names if "test/" in name] == []


def test_the_example_is_a_container(tmp_path: Path) -> None:
    write_starter(tmp_path / "spots", today=TODAY)
    pack_folder(tmp_path / "spots" / "submission", tmp_path / "submission.zip")
    assert recognise(check_zip(tmp_path / "submission.zip")).kind == "container"


@pytest.mark.parametrize(("part", "f1", "accuracy"), [("practice", 0.9, 0.9167), ("test", 0.9302, 0.925)])
def test_the_example_finds_most_spots(tmp_path: Path, part: str, f1: float, accuracy: float) -> None:
    scores = json.loads(_scored(tmp_path, part, _predicted(tmp_path, part)).read_text())
    assert {key: round(value, 4) for key, value in scores.items()} == {"f1": f1, "accuracy": accuracy}
    assert "pictures.</p>" in (tmp_path / "out" / "detailed_results.html").read_text()


@pytest.mark.parametrize(
    ("predictions", "sentence"),
    [
        ("file,class\n001.pgm,spot\n", "predictions.csv must name every picture once, and nothing else."),
        ("name,kind\n001.pgm,spot\n", "predictions.csv must be a CSV file with the columns file and class."),
        ("file,class\n001.pgm\n", "predictions.csv must be a CSV file with the columns file and class."),
        (None, "There is no predictions.csv."),
        ("all nothing", "The classes are spot and empty."),
    ],
)
def test_wrong_predictions_are_told_to_the_participant(tmp_path: Path, predictions: str | None, sentence: str) -> None:
    predicted = _predicted(tmp_path, "test")
    if predictions == "all nothing":
        predicted.write_text(predicted.read_text().replace("spot", "nothing"))
    elif predictions is None:
        predicted.unlink()
    else:
        predicted.write_text(predictions)
    told = _scored(tmp_path, "test", predicted, status=65).with_name("predictions_invalid.txt")
    assert told.read_text() == f"{sentence}\n"
    assert [path.name for path in told.parent.iterdir()] == ["predictions_invalid.txt"]


def _predicted(folder: Path, part: str) -> Path:
    """By the example's own program, with folders of this test for those of its container."""
    write_starter(folder / "spots", today=TODAY)
    program = (folder / "spots/submission/predict.py").read_text()
    pictures, results = folder / "spots/input_data" / part, folder / "in/res"
    results.mkdir(parents=True)
    program = program.replace('"/mnt/in"', repr(str(pictures))).replace('"/mnt/out"', repr(str(results)))
    _run("-c", program)
    return results / "predictions.csv"


def _scored(folder: Path, part: str, predicted: Path, *, status: int = 0) -> Path:
    source = predicted.parents[1]
    (source / "ref").symlink_to(folder / "spots/reference_data" / part)
    output = folder / "out"
    output.mkdir()
    _run(str(folder / "spots/scoring_program/score.py"), str(source), str(output), status=status)
    return output / "scores.json"


def _run(*words: str, status: int = 0) -> None:
    ended = subprocess.run([sys.executable, "-I", *words], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (status, "")
