import pytest

from medici_worker.programs import Program, Programs, ProgramUnusable, command_of, read_program
from tests.factories.worker import make_zip


@pytest.mark.parametrize(
    ("metadata", "command"),
    [
        ("command: python $program/score.py $input $output", "python $program/score.py $input $output"),
        ("description: x\ncommand: python a.py\n", "python a.py"),
        ("command: 'python a.py'", "python a.py"),
        ("command:python a.py", "python a.py"),
        ("description: x", None),
        ("command:", None),
    ],
)
def test_the_command_of_metadata(metadata, command):
    assert command_of(metadata) == command


def test_the_words_of_codalab_are_filled_in(tmp_path):
    line = "command: python3 $program/x.py $input $output $hidden $predictions --t $tmp 'a b'"
    archive = make_zip(tmp_path / "p.zip", {"metadata": line})
    assert read_program(archive) == Program(
        archive,
        has_dockerfile=False,
        command=(
            "python3",
            "/app/program/x.py",
            "/app/input",
            "/app/output",
            "/app/input/ref",
            "/app/input/res",
            "--t",
            "/tmp",
            "a b",
        ),
    )


def test_a_program_with_a_dockerfile_alone_runs_its_image(tmp_path):
    program = read_program(make_zip(tmp_path / "p.zip", {"Dockerfile": "FROM a"}))
    assert (program.has_dockerfile, program.command, program.working_dir) == (True, None, "/app")


def test_metadata_overrides_the_image(tmp_path):
    program = read_program(make_zip(tmp_path / "p.zip", {"Dockerfile": "FROM a", "metadata": "command: x"}))
    assert (program.has_dockerfile, program.command, program.working_dir) == (True, ("x",), "/app/program")


@pytest.mark.parametrize("files", [{"score.py": ""}, {"metadata": "nothing: here"}, {"metadata": "command: 'open"}])
def test_a_program_that_does_not_say_how_to_run_it(tmp_path, files):
    with pytest.raises(ProgramUnusable):
        read_program(make_zip(tmp_path / "p.zip", files))


def test_a_program_is_fetched_once(tmp_path):
    fetched = []

    def fetch(path):
        fetched.append(path)
        make_zip(path, {"metadata": "command: x"})

    first = Programs(tmp_path / "programs")
    first.get("0" * 64, fetch)
    first.get("0" * 64, fetch)
    Programs(tmp_path / "programs").get("0" * 64, fetch)
    assert len(fetched) == 1
