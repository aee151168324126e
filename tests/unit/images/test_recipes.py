import re
from pathlib import Path

import pytest

from medici_worker.images import IMAGE_NAMES, ImageBuildFailed
from medici_worker.images.recipes import RECIPES, Recipe, fingerprint, with_parents


def test_parents_come_first_and_once() -> None:
    names = [recipe.name for recipe in with_parents(["monai", "python"])]
    assert names == ["base", "python", "torch", "monai"]


@pytest.mark.parametrize("name", ["python", "medici/python", "medici/python:latest"])
def test_an_image_goes_by_its_name_or_its_tag(name: str) -> None:
    assert [recipe.tag for recipe in with_parents([name])] == ["medici/base:latest", "medici/python:latest"]


def test_an_unknown_image_is_refused_with_the_choice() -> None:
    with pytest.raises(ImageBuildFailed) as refusal:
        with_parents(["keras"])
    assert str(refusal.value) == (
        "There is no curated image 'keras': choose from python, codalab, torch, monai, monai-compat, "
        "timm, postgres, redis, platform, worker, scoring."
    )


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_each_recipe_has_its_files(recipe: Recipe) -> None:
    files = {
        "debian": ("debian-packages.txt", "image-config.txt"),
        "wheels": ("Dockerfile",),
        "program": ("Dockerfile",),
    }
    assert [name for name in files[recipe.kind] if not (recipe.folder / name).is_file()] == []


def test_packages_come_from_a_list_of_pythons_or_debians() -> None:
    lists = ("requirements.txt", "debian-packages.txt")
    wheels = [recipe for recipe in RECIPES.values() if recipe.kind == "wheels"]
    assert [recipe.name for recipe in wheels if not any((recipe.folder / name).is_file() for name in lists)] == []


WITH_WHEELS = [recipe for recipe in RECIPES.values() if (recipe.folder / "requirements.in").is_file()]


@pytest.mark.parametrize("recipe", WITH_WHEELS, ids=lambda recipe: recipe.name)
def test_every_package_is_pinned_with_hashes_and_no_index(recipe: Recipe) -> None:
    text = (recipe.folder / "requirements.txt").read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text).strip())
    assert [entry for entry in entries if not re.match(r"[a-z0-9-]+==\S+[^\n]*\\\n +--hash=sha256:", entry)] == []


def test_the_fingerprint_follows_files_parent_and_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medici_worker.images.recipes.images_folder", lambda: tmp_path)
    recipe = Recipe("torch", "wheels", parent="python")
    recipe.folder.mkdir()
    (recipe.folder / "Dockerfile").write_text("FROM a")
    first = fingerprint(recipe, parent_fingerprint="p", variant="cpu")
    assert fingerprint(recipe, parent_fingerprint="p", variant="cpu") == first
    others = {
        fingerprint(recipe, parent_fingerprint="q", variant="cpu"),
        fingerprint(recipe, parent_fingerprint="p", variant="cu130"),
    }
    (recipe.folder / "Dockerfile").write_text("FROM b")
    others.add(fingerprint(recipe, parent_fingerprint="p", variant="cpu"))
    assert len(others | {first}) == 4


def test_what_others_only_stand_on_is_no_name_of_its_own() -> None:
    packages = ("python", "codalab", "torch", "monai", "monai-compat", "timm")
    programs = ("platform", "worker", "scoring")
    assert (*packages, "postgres", "redis", *programs) == IMAGE_NAMES


def test_packages_of_ours_are_part_of_what_an_image_is_made_from() -> None:
    carried = {name: [folder.name for folder in recipe.carried] for name, recipe in RECIPES.items() if recipe.carried}
    assert carried == {"python": ["medici_scoring"], "monai": ["medici_training"]}
    assert [set(RECIPES[name].carried) <= set(RECIPES[name].sources) for name in carried] == [True, True]


def test_a_checkout_without_the_training_package_makes_images_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medici_worker.images.recipes.images_folder", lambda: tmp_path / "worker/images")
    assert RECIPES["monai"].carried == []


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES.values() if recipe.kind == "program"], ids=str)
def test_a_program_is_made_anew_when_anything_that_it_copies_changes(recipe: Recipe) -> None:
    copied = re.findall(r"(?m)^COPY (\S+)", (recipe.folder / "Dockerfile").read_text())
    parts = [part.removeprefix("scoring/") if recipe.name == "scoring" else part for part in recipe.parts]
    missed = [name for name in copied if not any(f"{name}/".startswith(f"{part}/") for part in parts)]
    assert missed == ([] if recipe.name == "scoring" else ["worker/images/packages/requirements.txt"])
