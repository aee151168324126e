from pathlib import Path

import pytest

from medici_bundles.archives import check_zip
from medici_bundles.faults import BundleRejected
from medici_bundles.packing import pack_folder
from medici_bundles.reader import open_bundle
from tests.unit.bundles.challenges import replaced, write_bundle
from tests.unit.bundles.zips import Raw, raw_zip, saved, zip_of


def _zipped(folder: Path, *, wrap: bool) -> Path:
    bundle = write_bundle(folder / "outer" / "bundle")
    pack_folder(bundle.parent if wrap else bundle, folder / "bundle.zip")
    return folder / "bundle.zip"


@pytest.mark.parametrize("form", ["folder", "wrapped folder", "zip", "wrapped zip"])
def test_a_bundle_is_read_in_every_form(form: str, tmp_path: Path) -> None:
    archive = _zipped(tmp_path, wrap=form.startswith("wrapped"))
    folder = tmp_path / "outer" if form.startswith("wrapped") else tmp_path / "outer" / "bundle"

    with open_bundle(archive if form.endswith("zip") else folder) as bundle:
        assert bundle.definition.slug == "chest-x-ray-2026"
        assert bundle.page_text(bundle.definition.pages[0]) == "# Overview ✓"
        assert bundle.page_text("pages/terms.md") == bundle.terms_text == "# Terms"
        assert bundle.image_bytes == b"a picture"
        assert bundle.report.ignored == ()


def test_an_unpacked_zip_is_removed_at_the_end(tmp_path: Path) -> None:
    with open_bundle(_zipped(tmp_path, wrap=False)) as bundle:
        folder = bundle.folder
        assert folder.is_dir()

    assert not folder.exists()


def test_a_folder_is_left_as_it_is(tmp_path: Path) -> None:
    with open_bundle(write_bundle(tmp_path)) as bundle:
        folder = bundle.folder

    assert folder == tmp_path
    assert (folder / "competition.yaml").exists()


def test_data_is_packed_the_same_as_folder_or_zip(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "a")
    (folder / "scoring_program" / "__pycache__").mkdir()
    (folder / "scoring_program" / "__pycache__" / "score.pyc").write_text("compiled")
    other = write_bundle(tmp_path / "b")
    files = {name: (other / "scoring_program" / name).read_bytes() for name in ("metadata", "score.py")}
    for path in (other / "scoring_program").iterdir():
        path.unlink()
    (other / "scoring_program").rmdir()
    zip_of(other, {f"scoring_program/{name}": content for name, content in files.items()}, "scoring_program.zip")

    with open_bundle(folder) as first, open_bundle(other) as second:
        packed = first.pack("scoring_program", tmp_path / "1.zip")
        assert second.pack("scoring_program", tmp_path / "2.zip") == packed
    assert [file.name for file in check_zip(tmp_path / "1.zip").files] == ["metadata", "score.py"]


def test_a_folder_stands_where_a_zip_is_named(tmp_path: Path) -> None:
    definition = replaced(("    input_data: input_data/test", "    input_data: input_data/test.zip"))

    with open_bundle(write_bundle(tmp_path / "bundle", definition)) as bundle:
        bundle.pack("input_data/test.zip", tmp_path / "packed.zip")

    assert [file.name for file in check_zip(tmp_path / "packed.zip").files] == ["3.jpg", "4.jpg"]


def test_a_folders_only_subfolder_is_kept(tmp_path: Path) -> None:
    definition = replaced(("    input_data: input_data/test", "    input_data: nested"))
    folder = write_bundle(tmp_path / "bundle", definition, {"nested/images/1.jpg": "x"})

    with open_bundle(folder) as bundle:
        bundle.pack("nested", tmp_path / "packed.zip")

    assert [file.name for file in check_zip(tmp_path / "packed.zip").files] == ["images/1.jpg"]


def test_a_damaged_data_zip_is_named_with_its_line(tmp_path: Path) -> None:
    definition = replaced(("    input_data: input_data/test", "    input_data: damaged.zip"))
    folder = write_bundle(tmp_path / "bundle", definition)
    saved(folder, raw_zip([Raw(b"1.jpg", crc=1)]), "damaged.zip")

    with open_bundle(folder) as bundle, pytest.raises(BundleRejected) as rejection:
        bundle.pack("damaged.zip", tmp_path / "packed.zip")

    assert str(rejection.value) == (
        "competition.yaml:18: tasks[1].input_data names damaged.zip, which cannot be used: Entry '1.jpg' is damaged: "
        "its checksum is wrong; upload the zip again."
    )


def test_a_zip_that_is_none_is_a_fault_of_the_definition(tmp_path: Path) -> None:
    definition = replaced(("    input_data: input_data/test", "    input_data: wrong.zip"))
    folder = write_bundle(tmp_path, definition, {"wrong.zip": "no zip"})

    with pytest.raises(BundleRejected) as rejection:
        open_bundle(folder)

    assert str(rejection.value) == (
        "competition.yaml:18: tasks[1].input_data names wrong.zip, which cannot be used: "
        "The file is not a zip archive; upload a zip."
    )


def test_a_page_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "pages" / "overview.md").write_bytes(b"caf\xe9")

    with open_bundle(folder) as bundle, pytest.raises(BundleRejected) as rejection:
        bundle.page_text("pages/overview.md")

    assert str(rejection.value) == "pages/overview.md: is not UTF-8 text; save it as UTF-8"


def test_a_challenge_without_picture_and_terms(tmp_path: Path) -> None:
    definition = replaced(("image: logo.png\n", ""), ("terms: pages/terms.md\n", ""))

    with open_bundle(write_bundle(tmp_path, definition)) as bundle:
        assert (bundle.image_bytes, bundle.terms_text) == (None, "")
        assert bundle.report.notes[:2] == (
            "image: not given, which Codabench would require",
            "terms: not given, which Codabench would require",
        )


def test_notes_tell_what_could_surprise(tmp_path: Path) -> None:
    definition = replaced(
        ("image: logo.png", "image: logo.png\nqueue: gpus\ndocker_image: python:2.7-slim"),
        ("    key: main", f"    key: {'k' * 37}"),
        ("    start: 2026-07-01 00:00:00", "    start: 2026-06-01\n    end: 2026-12-31"),
    )

    with open_bundle(write_bundle(tmp_path, definition)) as bundle:
        assert bundle.report.notes == (
            "queue (line 4): gpus is used if a queue of that name exists here",
            (
                "docker_image (line 5): python:2.7-slim runs Python 2; programs run under Python 3 here, and one that "
                "needs Python 2 will fail"
            ),
            "leaderboards[0].key (line 39): has more than 36 characters, the most that Codabench takes",
            "phases 'Training' and 'Final' overlap: participants choose the phase of a submission",
            "phases[1].end (line 32): 2026-12-31 ends as that day begins (00:00 UTC)",
        )


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"a.txt": ""}, "competition.yaml: is missing at the bundle's root"),
        (
            {"challenge.yaml": ""},
            "competition.yaml: is missing; rename challenge.yaml if that is the challenge's definition",
        ),
        (
            {"a/b/competition.yaml": "", "README.md": ""},
            "competition.yaml: is missing; it was found at a/b/competition.yaml, and belongs at the bundle's root",
        ),
    ],
)
def test_a_missing_definition_is_looked_for(files: dict[str, str], fault: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    with pytest.raises(BundleRejected) as rejection:
        open_bundle(tmp_path)

    assert str(rejection.value) == fault


def test_what_is_no_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no bundle")

    with pytest.raises(BundleRejected, match=r"^absent: does not exist; name a bundle's folder or zip$"):
        open_bundle(tmp_path / "absent")
    with pytest.raises(BundleRejected, match=r"^notes\.txt: The file is not a zip archive; upload a zip\.$"):
        open_bundle(tmp_path / "notes.txt")
