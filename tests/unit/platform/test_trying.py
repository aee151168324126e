"""`medici try`: which tasks run, what is handed in, and how several tasks are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medici_bundles.reader import Bundle, open_bundle
from medici_platform.cli.output import CommandFailed
from medici_platform.cli.trying import choose_phase, choose_tasks, means, prepare, tell
from medici_worker.protocol import SubmissionKind
from tests.e2e.bundles.codabench import write_bundle

IMAGE = f"registry.example.org/team/model@sha256:{'a' * 64}"


@pytest.fixture
def bundle(tmp_path) -> Iterator[Bundle]:
    with open_bundle(write_bundle(tmp_path / "bundle"), is_kit=True) as opened:
        yield opened


@pytest.mark.parametrize(("name", "indexes"), [(None, [0, 1, 2]), ("1", [1]), ("clinic c", [2]), ("Clinic A", [0])])
def test_tasks_by_index_or_name(bundle, name, indexes):
    phase = choose_phase(bundle, None)
    assert [task.index for task in choose_tasks(bundle, phase, name)] == indexes


def test_a_task_that_there_is_not(bundle):
    with pytest.raises(CommandFailed) as refused:
        choose_tasks(bundle, choose_phase(bundle, None), "7")
    assert refused.value.message == (
        "The phase 'Development' has no task '7': it has 0 (Clinic A), 1 (Clinic B), 2 (Clinic C)."
    )


def test_an_ingestion_program_that_a_kit_lacks_is_missing(tmp_path):
    folder = write_bundle(tmp_path / "bundle")
    for file in (folder / "ingestion_program").iterdir():
        file.unlink()
    (folder / "ingestion_program").rmdir()
    with open_bundle(folder, is_kit=True) as opened, pytest.raises(CommandFailed) as refused:
        choose_phase(opened, None)
    assert refused.value.message.startswith("The bundle does not hold ingestion_program, which the phase")


def folder_of(tmp_path: Path, files: dict[str, str]) -> Path:
    folder = tmp_path / "mine" / "wrapped"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"model.py": "x"}, SubmissionKind.CODE),
        ({"predictions.csv": "x"}, SubmissionKind.CODE),
        ({"Dockerfile": "FROM medici/python"}, SubmissionKind.CONTAINER),
    ],
)
def test_under_an_ingestion_program_every_other_zip_is_code(bundle, tmp_path, files, kind):
    found = prepare(folder_of(tmp_path, files), None, bundle, choose_phase(bundle, None), tmp_path)
    assert (found.kind, found.image_reference) == (kind, None)


@pytest.mark.parametrize(
    ("file", "image", "code"),
    [
        (None, None, "no_file"),
        ("mine", IMAGE, "no_file"),
        ("nowhere", None, "no_file"),
        (None, "python:3", "image_without_digest"),
        (None, IMAGE, "image_not_allowed"),
    ],
)
def test_what_can_not_be_tried(bundle, tmp_path, file, image, code):
    phase = choose_phase(bundle, None)
    with pytest.raises(CommandFailed) as refused:
        prepare(tmp_path / file if file else None, image, bundle, phase, tmp_path)
    assert refused.value.code == code


def test_an_image_by_reference(bundle, tmp_path):
    phase = choose_phase(bundle, None).model_copy(update={"allowed_images": ("registry.example.org/team/*",)})
    found = prepare(None, IMAGE, bundle, phase, tmp_path)
    assert (found.kind, found.image_reference) == (SubmissionKind.IMAGE, IMAGE)


def answer(task: str, scores: dict[str, float], failure: str | None = None) -> dict:
    return {"task": task, "scores": scores, "failure": failure, "message": "It failed.", "detail": "Why."}


def test_scores_of_several_tasks_are_a_table_with_means(capsys):
    tell([answer("A", {"f1": 0.5, "auc": 1}), answer("B", {"f1": 0.25})])
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["A", "0.5", "1"],
        ["B", "0.25", "–"],
        ["Mean", "0.375", "–"],
    ]


def test_a_failed_task_leaves_the_others_and_has_no_mean(capsys):
    ended = [answer("A", {"f1": 0.5}), answer("B", {}, "run_failed")]
    assert means(ended) == {}
    tell(ended)
    printed = capsys.readouterr()
    rows = [line.split("│")[1:-1] for line in printed.out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["A", "", "0.5"],
        ["B", "run_failed", "–"],
        ["Mean", "", "–"],
    ]
    assert printed.err == "run_failed in the task 'B': It failed.\nWhy.\n"
