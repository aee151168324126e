"""The bundle and its variants are what the platform reads."""

import csv
import shutil

import pytest

from medici_bundles.reader import open_bundle


def test_the_bundle_passes_its_checks(complete, script):
    with open_bundle(complete) as opened:
        definition = opened.definition
        assert opened.report.ignored == ()
        assert (definition.slug, definition.registration_auto_approve) == ("chest-x-ray", True)
        assert all(opened.page_text(page) for page in definition.pages)
        assert opened.terms_text.startswith("# Terms")
    (board,) = definition.leaderboards
    assert [column.key for column in board.columns if not column.hidden] == ["mauc", "classes"]
    assert [column.key for column in board.columns if column.hidden] == [f"auc_{name}" for name in script("lists").NIH]
    assert board.columns[board.primary_index].key == "mauc"
    training, final = definition.phases
    assert (training.name, training.hidden, training.logs) == ("Training", False, "full")
    assert (final.name, final.hidden, final.logs, final.end) == ("Final", True, "none", None)
    assert final.detailed_results
    assert [task.name for task in definition.tasks] == ["Validation", "Test"]


def test_published_figures_stand_beside_the_board(complete):
    with (complete / "reference_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert {row["data"] for row in rows} == {"published, real data"}
    figures = {row["method"]: float(row["mauc"]) for row in rows}
    assert figures["ViT-Small/16, X-rays (0.3M), MAE"] == 0.823
    assert figures["ViT-Base/16, X-rays (0.5M), MAE"] == 0.830
    assert max(figures.values()) == 0.830


@pytest.mark.parametrize(
    ("name", "slug", "columns", "figures"),
    [
        ("chexpert", "chexpert", ["mauc", "classes"], ["0.892", "0.893"]),
        ("covidx", "covidx", ["accuracy"], ["0.952", "0.953"]),
    ],
)
def test_variants(script, small, tmp_path, name, slug, columns, figures):
    target = tmp_path / name
    script("make").make(name, target)
    shutil.copytree(small, target, dirs_exist_ok=True)
    with open_bundle(target) as opened:
        definition = opened.definition
        assert definition.slug == slug
        assert opened.report.ignored == ()
        assert all("Hernia" not in opened.page_text(page) for page in definition.pages)
    assert [column.key for column in definition.leaderboards[0].columns] == columns
    with (target / "reference_results.csv").open(newline="") as file:
        assert [row[columns[0]] for row in csv.DictReader(file)] == figures
    with pytest.raises(FileExistsError):
        script("make").make(name, target)
