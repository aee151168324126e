"""The participants' kit never holds what is kept from them, however a bundle is laid out."""

import zipfile
from pathlib import Path

import pytest

from medici_bundles.archives import check_zip
from medici_bundles.faults import BundleRejected
from medici_bundles.kit import build_kit, choose_files
from medici_bundles.packing import extract_zip
from medici_bundles.reader import open_bundle
from tests.unit.bundles.challenges import FILES, replaced, write_bundle
from tests.unit.bundles.zips import zip_of

SECRETS = [text for name, text in FILES.items() if name.startswith(("reference_data/", "input_data/test/"))]
USUAL = [
    "README.md",
    "competition.yaml",
    "input_data/validation/1.jpg",
    "logo.png",
    "pages/overview.md",
    "pages/terms.md",
    "public_data/training-data/0.jpg",
    "public_data/training_solution.csv",
    "scoring_program/metadata",
    "scoring_program/score.py",
]


def _kit(folder: Path, bundle: Path) -> list[str]:
    """The names in the kit, after a look into every file of it."""
    names = build_kit(bundle, folder / "kit.zip")
    extract_zip(folder / "kit.zip", folder / "kit")
    for path in (folder / "kit").rglob("*"):
        assert not path.is_file() or not any(secret.encode() in path.read_bytes() for secret in SECRETS), path
    assert [file.name for file in check_zip(folder / "kit.zip").files] == sorted(names)
    return names


def test_the_kit_of_a_usual_bundle(tmp_path: Path) -> None:
    extra = {
        "LICENSE": "free",
        "training/light/Dockerfile": "FROM medici/python:latest",
        "training/light/__pycache__/train.pyc": "compiled",
        "submission/run.py": "print()",
        "submission/model_output/best.pth": "weights",
        "data/synthetic.py": "print('made')",
        "data/sets.json": "{}",
        "data/made.csv": "9.jpg,Hand",
        "notes_of_the_organizer.txt": "call them",
        "submission_directory/input/res/a.csv": "tried",
    }

    names = _kit(tmp_path, write_bundle(tmp_path / "bundle", files=extra))

    assert names == sorted(
        [*USUAL, "LICENSE", "training/light/Dockerfile", "submission/run.py", "data/sets.json", "data/synthetic.py"]
    )


def test_the_kit_is_deterministic(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")

    build_kit(bundle, tmp_path / "1.zip")
    build_kit(bundle, tmp_path / "2.zip")

    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_copies_of_secret_files_stay_out_wherever_they_lie(tmp_path: Path) -> None:
    extra = {
        "training/answers.csv": FILES["reference_data/test/solution.csv"],
        "submission/try/3.jpg": FILES["input_data/test/3.jpg"],
        "pages/validation.csv": FILES["reference_data/validation/solution.csv"],
        "public_data/hidden_answers.csv": FILES["reference_data/test/solution.csv"],
        "data/check.py": FILES["reference_data/test/solution.csv"],
    }
    bundle = write_bundle(tmp_path / "bundle", files=extra)

    assert _kit(tmp_path, bundle) == USUAL
    with open_bundle(bundle) as opened:
        assert sorted(choose_files(opened).left_out) == sorted(extra)


def test_the_kit_tells_no_canary(tmp_path: Path) -> None:
    mark = "canary-7f3a9c51d2"
    definition = replaced(("    name: Test", f"    name: Test\n    canaries: [{mark}]"))
    extra = {"training/plant.py": f"MARK = '{mark}'", "submission/far.txt": "x" * 3_000_000 + mark}
    bundle = write_bundle(tmp_path / "bundle", definition, extra)

    assert _kit(tmp_path, bundle) == USUAL
    with open_bundle(bundle) as opened, zipfile.ZipFile(tmp_path / "kit.zip") as kit:
        assert sorted(choose_files(opened).left_out) == sorted(extra)
        said = kit.read("competition.yaml").decode()
    (tmp_path / "bundle/competition.yaml").write_text(said)
    with open_bundle(bundle) as opened:
        assert [task.canaries for task in opened.definition.tasks] == [(), ()]
        assert [phase.name for phase in opened.definition.phases] == ["Training", "Final"]
    assert mark not in said


def test_zips_with_copies_of_secret_files_stay_out(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", replaced(("    public_data: public_data", "    public_data: more.zip")))
    zip_of(bundle, {"x/solution.csv": FILES["reference_data/test/solution.csv"].encode(), "y": b"1"}, "more.zip")
    (bundle / "training").mkdir()
    zip_of(bundle / "training", {"fine.csv": b"0.jpg,Hand"}, "fine.zip")
    (bundle / "training" / "strange.zip").write_text("no zip at all")

    names = _kit(tmp_path, bundle)

    assert "more.zip" not in names
    assert [name for name in names if name.startswith("training/")] == ["training/fine.zip"]


def test_secrets_in_zips_are_known_by_their_contents(tmp_path: Path) -> None:
    answers = FILES["reference_data/test/solution.csv"]
    definition = replaced(("    reference_data: reference_data/test", "    reference_data: hidden.zip"))
    bundle = write_bundle(tmp_path / "bundle", definition, {"training/answers.csv": answers})
    zip_of(bundle, {"wrapped/solution.csv": answers.encode()}, "hidden.zip")

    names = _kit(tmp_path, bundle)

    assert [name for name in names if name.startswith(("hidden", "training", "reference"))] == []


def test_a_secret_folder_stays_out_though_other_keys_name_a_folder_around_it(tmp_path: Path) -> None:
    """The training folder gets in whole, the solutions and pages that lie among the answers do not."""
    definition = replaced(
        ("    reference_data: reference_data/test", "    reference_data: training/answers"),
        ("    input_data: input_data/test", "    input_data: pages/images"),
        (
            "    scoring_program: scoring_program\n    reference_data: reference_data/validation",
            "    scoring_program: training\n    reference_data: reference_data/validation",
        ),
    )
    extra = {
        "training/metadata": "command: ./score",
        "training/answers/solution.csv": FILES["reference_data/test/solution.csv"],
        "training/answers/notes.md": "how they were found",
        "pages/images/3.jpg": FILES["input_data/test/3.jpg"],
    }

    names = _kit(tmp_path, write_bundle(tmp_path / "bundle", definition, extra))

    assert [name for name in names if name.startswith(("training", "pages"))] == [
        "pages/overview.md",
        "pages/terms.md",
        "training/metadata",
    ]


@pytest.mark.parametrize("key", ["public_data", "starting_kit"])
@pytest.mark.parametrize("ref", ["reference_data", "reference_data/test", "input_data", "input_data/test.zip"])
def test_keys_that_name_a_secret_folder_give_no_kit_at_all(key: str, ref: str, tmp_path: Path) -> None:
    definition = replaced(
        ("    public_data: public_data", f"    {key}: {ref}"),
        ("    accepts: [container]", "    accepts: [container]\n    hidden: true"),
    )

    with pytest.raises(BundleRejected, match="would hand out the hidden"):
        build_kit(write_bundle(tmp_path / "bundle", definition), tmp_path / "kit.zip")

    assert not (tmp_path / "kit.zip").exists()


def test_a_link_into_a_secret_place_stays_out(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    (bundle / "training").symlink_to("reference_data")
    (bundle / "submission").mkdir()
    (bundle / "submission" / "answers.csv").symlink_to("../reference_data/test/solution.csv")

    assert _kit(tmp_path, bundle) == USUAL


def test_a_task_of_an_open_and_a_hidden_phase_is_hidden(tmp_path: Path) -> None:
    definition = replaced(("    tasks: [1]", "    tasks: [0, 1]"))

    names = _kit(tmp_path, write_bundle(tmp_path / "bundle", definition))

    assert "input_data/validation/1.jpg" not in names


def test_a_task_that_no_phase_uses_is_hidden(tmp_path: Path) -> None:
    definition = replaced(
        ("    tasks: [0]", "    tasks: [1]"), ("    tasks: [1]\n    accepts", "    tasks: [1]\n    accepts")
    )

    names = _kit(tmp_path, write_bundle(tmp_path / "bundle", definition))

    assert [name for name in names if name.startswith("input_data")] == []


def test_programs_are_withheld_on_request(tmp_path: Path) -> None:
    definition = replaced(("image: logo.png", "image: logo.png\nmake_programs_available: false"))

    names = _kit(tmp_path, write_bundle(tmp_path / "bundle", definition))

    assert [name for name in names if name.startswith("scoring_program")] == []


def test_public_images_that_are_also_in_the_hidden_set_are_kept(tmp_path: Path) -> None:
    """Real collections hold doubles: training data may not lose a file that its table of answers names."""
    extra = {"public_data/training-data/3.jpg": FILES["input_data/test/3.jpg"]}

    names = build_kit(write_bundle(tmp_path / "bundle", files=extra), tmp_path / "kit.zip")

    assert "public_data/training-data/3.jpg" in names


def test_input_data_that_is_hidden_by_default_stays_out_though_it_is_named_as_public(tmp_path: Path) -> None:
    """Codabench has no `hidden`: such bundles are read, with a note, and the kit keeps to the safe side."""
    bundle = write_bundle(
        tmp_path / "bundle", replaced(("    public_data: public_data", "    public_data: input_data/test"))
    )

    names = _kit(tmp_path, bundle)

    assert [name for name in names if name.startswith("input_data")] == ["input_data/validation/1.jpg"]
    with open_bundle(bundle) as opened:
        assert opened.report.notes[-1] == (
            "phase 'Training' names input_data/test for participants, which is input data of a phase that is hidden by "
            "default, so the starting kit leaves it out; write `hidden: false` if it is public"
        )


def test_answers_of_an_open_phase_that_are_public_anyway_let_it_be_tried_at_home(tmp_path: Path) -> None:
    answers = {name: text for name, text in FILES.items() if name.startswith("reference_data/validation/")}
    public = {name.replace("reference_data/validation/", "public_data/"): text for name, text in answers.items()}
    bundle = write_bundle(tmp_path / "bundle", files=public)

    build_kit(bundle, tmp_path / "kit.zip")

    with open_bundle(tmp_path / "kit.zip", is_kit=True) as kit:
        held = {task.index: kit.holds(task.reference_data or "") for task in kit.definition.tasks}
    assert answers
    assert held == {0: True, 1: False}
    with pytest.raises(BundleRejected, match="which the bundle does not hold"):
        open_bundle(tmp_path / "kit.zip")
