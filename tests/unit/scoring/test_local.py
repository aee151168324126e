"""Scoring on one's own machine: real programs in real processes, laid out as the platform does it."""

import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from medici_scoring.__main__ import default_output, main
from medici_scoring.bundle import BundleUnusable, read_tasks
from medici_scoring.local import ProgramUnusable, score_bundle, score_directory, score_locally
from medici_scoring.program import locate

SCORER = """
import os, pathlib, sys
from medici_scoring.predictions import PredictionsInvalid
from medici_scoring.program import run_program

def main(folders):
    answer = (folders.reference / "answer").read_text()
    given = (folders.predictions / "given").read_text()
    print("cwd", pathlib.Path.cwd().name, "program", pathlib.Path(os.environ["PROGRAM"]).name)
    if given == "broken":
        raise RuntimeError("the scorer's own error")
    if given not in ("1", "2"):
        raise PredictionsInvalid("1 value is wrong. " + "x" * 3000, "the value is " + given)
    if given == "2":
        return
    (folders.output / "scores.txt").write_text("f1: " + str(float(given == answer)))

run_program(main)
"""


@pytest.fixture
def program(tmp_path):
    return write(tmp_path / "bundle" / "program", {"score.py": SCORER, "metadata": "command: python $program/score.py"})


@pytest.fixture
def reference(tmp_path):
    return write(tmp_path / "bundle" / "answers", {"answer": "1"})


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def zipped(folder, path, wrapping=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, wrapping + file.name)
    return path


def test_scored(tmp_path, program, reference):
    given = write(tmp_path / "res", {"given": "1"})
    ended = score_locally(program, reference, given, tmp_path / "out")
    assert (ended.exit_code, ended.log, ended.problem) == (0, "cwd program program program\n", "")
    assert ended.scores.values == {"f1": 1.0}
    assert (tmp_path / "out" / "scores.txt").read_text() == "f1: 1.0"


def test_zips_and_single_files_are_taken_too(tmp_path, program, reference):
    given = write(tmp_path / "res", {"given": "1"}) / "given"
    ended = score_locally(
        zipped(program, tmp_path / "program.zip", "program/"), zipped(reference, tmp_path / "ref.zip"), given, tmp_path
    )
    assert ended.scores.values == {"f1": 1.0}


def test_invalid_predictions(tmp_path, program, reference):
    out = write(tmp_path / "out", {"scores.txt": "f1: 1"})
    ended = score_locally(program, reference, write(tmp_path / "res", {"given": "7"}), out)
    assert (ended.exit_code, ended.predictions_at_fault, ended.scores) == (65, True, None)
    told = (out / "predictions_invalid.txt").read_text()
    assert told.startswith("1 value is wrong. xxx")
    assert len(told) <= 2001
    assert "the value is 7" in ended.log
    assert not (out / "scores.txt").exists()  # an older result is not taken for this one's


@pytest.mark.parametrize(
    ("given", "problem", "said"),
    [
        ("broken", "The scoring program failed with exit code 1.", "RuntimeError: the scorer's own error"),
        ("2", "The scoring program wrote neither scores.json nor scores.txt.", "cwd"),
    ],
)
def test_failed_programs(tmp_path, program, reference, given, problem, said):
    ended = score_locally(program, reference, write(tmp_path / "res", {"given": given}), tmp_path / "out")
    assert (ended.exit_code, ended.problem, ended.scores) == (1, problem, None)
    assert said in ended.log


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"metadata": 'command: "python $program/p.py $input $output"'}, "program"),
        ({"metadata.yaml": "description: x\ncommand: python3 p.py $input $output\n"}, "program"),
        ({"metadata": "command: python p.py $hidden/.. $output", "Dockerfile": 'CMD ["false"]'}, "program"),
        ({"Dockerfile": 'FROM x\nCMD false\nCMD ["python", "program/p.py"]\n'}, "ROOT"),
        ({"Dockerfile": "FROM x\ncmd python program/p.py\n"}, "ROOT"),
    ],
)
def test_the_ways_to_name_a_command(tmp_path, reference, files, folder):
    program = write(tmp_path / "p", {**files, "p.py": SCORER.replace("python", "py")})
    ended = score_locally(program, reference, write(tmp_path / "res", {"given": "1"}), tmp_path / "out")
    assert ended.scores.values == {"f1": 1.0}
    assert ended.log.startswith("cwd program" if folder == "program" else "cwd medici-scoring-")


def test_a_program_that_cannot_start(tmp_path, reference):
    given = write(tmp_path / "res", {"given": "1"})
    with pytest.raises(ProgramUnusable, match="holds no metadata with a `command:`"):
        score_locally(write(tmp_path / "empty", {"x": ""}), reference, given, tmp_path / "out")
    program = write(tmp_path / "absent", {"metadata": "command: no-such-program here"})
    with pytest.raises(ProgramUnusable, match="`no-such-program here` cannot start"):
        score_locally(program, reference, given, tmp_path / "out")
    with pytest.raises(ProgramUnusable, match=r"The reference data .*nowhere is not there"):
        score_locally(program, tmp_path / "nowhere", given, tmp_path / "out")
    of_two_disks = tmp_path / "part.zip"
    of_two_disks.write_bytes(struct.pack("<4sLQL", b"PK\x06\x07", 1, 0, 2) + b"PK\x05\x06" + bytes(18))
    with pytest.raises(ProgramUnusable, match=r"part\.zip is a zip that cannot be read \(.* multiple disks "):
        score_locally(program, of_two_disks, given, tmp_path / "out")


def test_a_slow_program_is_stopped(tmp_path, reference):
    program = write(tmp_path / "slow", {"score.py": "import time; time.sleep(60)"})
    given = write(tmp_path / "res", {"given": "1"})
    ended = score_locally(program, reference, given, tmp_path / "out", timeout_s=0.2)
    assert (ended.exit_code, ended.problem) == (124, "The scoring program failed with exit code 124.")


def test_links_among_predictions_are_left_behind(tmp_path, program, reference):
    given = write(tmp_path / "res", {})
    (given / "given").symlink_to(reference / "answer")
    ended = score_locally(program, reference, given, tmp_path / "out")
    assert "FileNotFoundError" in ended.log


@pytest.fixture
def bundle(program, reference):
    write(program.parent / "other", {"answer": "2"})
    tasks = "".join(
        f"- {{index: {i}, name: {n}, scoring_program: program, reference_data: {r}}}\n"
        for i, (n, r) in enumerate((("First", "hidden"), ("Second", "answers.zip"), ("Third", "other")))
    )
    return write(program.parent, {"competition.yaml": f"version: 2\ntasks:\n{tasks}"})


def test_a_bundles_first_task_that_fits(tmp_path, bundle):
    given = write(tmp_path / "res", {"given": "1"})
    ended = score_bundle(bundle, given, tmp_path / "out")
    assert (ended.task, ended.scores.values) == ("Second", {"f1": 1.0})
    ended = score_bundle(bundle, given, tmp_path / "out", task="third")
    assert (ended.task, ended.scores.values) == ("Third", {"f1": 0.0})


SAYS_ITS_TASK = """
import os, pathlib
output = pathlib.Path(os.environ["OUT"])
(output / "scores.txt").write_text(f"f1: {float((pathlib.Path(os.environ['IN']) / 'ref' / 'answer').read_text())}")
(output / "cases.csv").write_text("case\\n" + os.environ.get("MEDICI_TASK", "none"))
"""


def test_a_program_finds_the_name_of_its_task_and_leaves_its_cases_beside_the_scores(tmp_path, bundle):
    write(bundle / "program", {"score.py": SAYS_ITS_TASK})
    given = write(tmp_path / "res", {"given": "1"})
    score_bundle(bundle, given, tmp_path / "out", task="Third")
    assert (tmp_path / "out" / "cases.csv").read_text() == "case\nThird"


def test_tasks_of_the_same_name_are_tried_in_order(tmp_path, bundle):
    text = (bundle / "competition.yaml").read_text()
    write(bundle, {"competition.yaml": text.replace("Second", "Third")})
    ended = score_bundle(bundle, write(tmp_path / "res", {"given": "1"}), tmp_path / "out", task="Third")
    assert (ended.task, ended.scores.values) == ("Third", {"f1": 1.0})


def test_hidden_answers_are_said_to_be_absent(tmp_path, bundle):
    given = write(tmp_path / "res", {"given": "1"})
    with pytest.raises(BundleUnusable, match=r"^The answers of the task `First` \(.*hidden\) are not in this bundle\."):
        score_bundle(bundle, given, tmp_path / "out", task="First")
    with pytest.raises(BundleUnusable, match="no task `Fourth`; it has `First`, `Second`, `Third`"):
        score_bundle(bundle, given, tmp_path / "out", task="Fourth")


def test_the_older_format_names_programs_in_phases(tmp_path):
    phases = "phases:\n  1: {label: Only, scoring_program: p.zip, reference_data: r.zip}\n"
    (task,) = read_tasks(write(tmp_path, {"competition.yaml": phases}))
    assert (task.name, task.program, task.reference) == ("Only", tmp_path / "p", tmp_path / "r")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no competition.yaml"),
        ({"competition.yaml": "a: ["}, "is not valid YAML"),
        ({"competition.yaml": "- a"}, "must hold a map of keys"),
        ({"competition.yaml": "title: x"}, "names no task"),
    ],
)
def test_unusable_bundles(tmp_path, files, sentence):
    with pytest.raises(BundleUnusable, match=sentence):
        read_tasks(write(tmp_path, files))


def test_command_line(tmp_path, bundle, capfd):
    given = write(tmp_path / "x" / "input" / "res", {"given": "1"})
    assert main([str(bundle), str(given)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines == [
        "cwd program program program",
        "Task: Second",
        "f1: 1.0000",
        f"Written to {tmp_path / 'x' / 'output'}",
    ]
    write(given, {"given": "7"})
    assert main([str(bundle), str(given), "--output", str(tmp_path / "out")]) == 65
    write(given, {"given": "broken"})
    assert main([str(bundle), str(given), "--output", str(tmp_path / "out")]) == 1
    capfd.readouterr()
    assert main([str(bundle)]) == 2
    expected = "Name the folder with the predictions after the bundle (see --help).\n"
    assert capfd.readouterr().err == expected


def test_without_arguments_the_current_directory_is_scored(tmp_path, program, reference):
    program.rename(tmp_path / "program")
    write(tmp_path / "input" / "ref", {"answer": "1"})
    write(tmp_path / "input" / "res", {"given": "1"})
    ended = subprocess.run(
        [sys.executable, "-m", "medici_scoring"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[1:] == ["f1: 1.0000", f"Written to {tmp_path / 'output'}"]
    assert (tmp_path / "output" / "scores.txt").is_file()
    with pytest.raises(ProgramUnusable, match=r"holds no folder input/ref"):
        score_directory(tmp_path / "program")


def test_default_output(tmp_path):
    (tmp_path / "input" / "res").mkdir(parents=True)
    assert default_output(tmp_path / "input" / "res") == tmp_path / "output"
    assert default_output(tmp_path) == tmp_path / "output"
    assert default_output(tmp_path / "results.zip") == tmp_path / "output"


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["/i", "/o"], {"IN": "/x", "OUT": "/y"}, ("/i/ref", "/i/res", "/o")),
        ([], {"IN": "/x", "OUT": "/y"}, ("/x/ref", "/x/res", "/y")),
        ([], {}, ("input/ref", "input/res", "output")),
    ],
)
def test_where_a_program_finds_its_files(arguments, environment, expected):
    folders = locate(arguments, environment)
    assert (folders.reference, folders.predictions, folders.output) == tuple(map(Path, expected))


def test_nothing_but_python_is_needed_by_a_scoring_program():
    code = (
        "import sys; import medici_scoring.program, medici_scoring.classification, medici_scoring.scores; "
        "print(sorted({'numpy', 'sklearn', 'pydantic', 'yaml'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert ended.stdout == "[]\n"
