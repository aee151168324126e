import pytest

from medici_worker.places import (
    INGESTION_IN_SCORING_WORDS,
    INGESTION_WORDS,
    SCORING_WORDS,
    SUBMISSION_WORDS,
    filled_in,
)
from medici_worker.programs import Programs, ProgramUnusable, command_of, look_at, read_program
from medici_worker.python2 import SENTENCE, advice
from tests.factories.worker import make_zip


@pytest.mark.parametrize(
    ("metadata", "command"),
    [
        ("command: python $program/score.py $input $output", "python $program/score.py $input $output"),
        ("description: x\ncommand: python a.py\n", "python a.py"),
        ("command: python a.py\ndescription: x\n", "python a.py"),
        ("command: python a.py\r\ndescription: x\r\n", "python a.py"),
        ("\ufeffcommand: python a.py", "python a.py"),
        ("command: 'python a.py'", "python a.py"),
        ('command: "python \\"a b.py\\"" # scores', 'python "a b.py"'),
        ("command: 'python ''a b.py'''", "python 'a b.py'"),
        ("command: python 'a b.py' \"c\"", "python 'a b.py' \"c\""),
        ("'command': python a.py", "python a.py"),
        ("command:python a.py", "python a.py"),
        ("command:\tpython a.py", "python a.py"),
        ("command: python a.py  # scores $input", "python a.py"),
        ("command: python a.py --colour=#fff", "python a.py --colour=#fff"),
        ("command: python a.py\n  $input\n  $output\ndescription: x", "python a.py $input $output"),
        ("command: >-\n  python a.py\n  $input\n", "python a.py $input"),
        ("command: sh -c 'a && b | c'", "sh -c 'a && b | c'"),
        ("# command: python old.py\ncommand: python new.py", "python new.py"),
        ("description: x", None),
        ("command:", None),
        ("command: # none yet", None),
    ],
)
def test_the_command_of_metadata(metadata, command):
    assert command_of(metadata) == command


WORDS = (
    "$input $output $program/a.py $ingestion_program $hidden $shared $submission_program $tmp $predictions "
    "$programs $input_dir"
)


@pytest.mark.parametrize(
    ("places", "input_", "predictions"),
    [
        (SCORING_WORDS, "/app/input", "/app/input/res"),
        (SUBMISSION_WORDS, "/app/input", "/app/output"),
        (INGESTION_WORDS, "/app/input_data", "/app/output"),
        (INGESTION_IN_SCORING_WORDS, "/app/input_data", "/app/input/res"),
    ],
)
def test_the_words_of_codalab_are_filled_in(places, input_, predictions):
    assert [filled_in(word, places) for word in WORDS.split()] == [
        input_,
        "/app/output",
        "/app/program/a.py",
        "/app/program",
        "/app/input/ref",
        "/app/shared",
        "/app/ingested_program",
        "/tmp",
        predictions,
        "$programs",
        "$input_dir",
    ]


def test_a_command_is_split_before_it_is_filled_in(tmp_path):
    line = "command: python3 $program/x.py --data=$input/ref:$predictions 'a b' | tee"
    program = read_program(make_zip(tmp_path / "p.zip", {"metadata": line}))
    assert (program.has_dockerfile, program.working_dir) == (False, "/app/program")
    assert program.command(SCORING_WORDS) == (
        "python3",
        "/app/program/x.py",
        "--data=/app/input/ref:/app/input/res",
        "a b",
        "|",
        "tee",
    )


@pytest.mark.parametrize("name", ["metadata", "metadata.yaml", "metadata.yml"])
def test_metadata_has_several_names(tmp_path, name):
    assert look_at(make_zip(tmp_path / "p.zip", {name: "command: x"})).words == ("x",)


def test_metadata_without_a_command_does_not_hide_another(tmp_path):
    files = {"metadata": "exitCode: 0", "metadata.yaml": "command: x"}
    assert look_at(make_zip(tmp_path / "p.zip", files)).words == ("x",)


def test_a_program_with_a_dockerfile_alone_runs_its_image(tmp_path):
    program = read_program(make_zip(tmp_path / "p.zip", {"Dockerfile": "FROM a"}))
    assert (program.has_dockerfile, program.command(SCORING_WORDS), program.working_dir) == (True, None, "/app")


def test_metadata_overrides_the_image(tmp_path):
    program = read_program(make_zip(tmp_path / "p.zip", {"Dockerfile": "FROM a", "metadata": "command: x"}))
    assert (program.has_dockerfile, program.words, program.working_dir) == (True, ("x",), "/app/program")


@pytest.mark.parametrize("files", [{"score.py": ""}, {"metadata": "nothing: here"}, {"metadata": "command: 'open"}])
def test_a_program_that_does_not_say_how_to_run_it(tmp_path, files):
    with pytest.raises(ProgramUnusable):
        read_program(make_zip(tmp_path / "p.zip", files))


def test_a_submission_may_do_without_a_command(tmp_path):
    program = look_at(make_zip(tmp_path / "p.zip", {"model.py": ""}))
    assert (program.has_dockerfile, program.words) == (False, None)


PYTHON_2 = {
    "print": "    print 'f1', f1\n    ^\nSyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?",
    "except": "SyntaxError: multiple exception types must be parenthesized",
    "module": "ModuleNotFoundError: No module named 'ConfigParser'\n",
    "urllib2": "ImportError: No module named urllib2",
    "pickle": "ModuleNotFoundError: No module named 'cPickle'",
    "xrange": "NameError: name 'xrange' is not defined. Did you mean: 'range'?",
    "dict": "AttributeError: 'dict' object has no attribute 'iteritems'",
    "interpreter": "[FATAL tini (7)] exec python2 failed: No such file or directory",
}


@pytest.mark.parametrize("sign", PYTHON_2)
def test_a_program_of_python_2_is_recognised(sign):
    assert advice(f"Traceback (most recent call last):\n{PYTHON_2[sign]}") == SENTENCE


@pytest.mark.parametrize(
    "log",
    ["", "ModuleNotFoundError: No module named 'torch'", "NameError: name 'y_true' is not defined", "no such file x2"],
)
def test_other_faults_are_not_blamed_on_python_2(log):
    assert advice(log) == ""


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
