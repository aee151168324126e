"""Code submissions and ingestion programs in real containers: what works, and what they can't reach."""

import json
from collections.abc import Callable

import pytest

from medici_worker.protocol import FailureKind, Report, Stage
from medici_worker.python2 import SENTENCE
from medici_worker.run import execute
from tests.factories.worker import RecordingHost, RunMaker, python_program
from tests.integration.worker.conftest import SMALL

pytestmark = pytest.mark.slow

OWN = "command: python3 $program/main.py $input $output\n"
INGEST = "command: python3 $ingestion_program/ingest.py $input $output $submission_program $shared\n"
INGESTION = """
import os, sys
data, out, submission, shared = sys.argv[1:]
sys.path.insert(0, submission)
from model import Model
model = Model()
rows = open(os.path.join(data, "x.csv")).read()
open(os.path.join(out, "y.csv"), "w").write(model.predict(rows))
"""
MODEL = "class Model:\n    def predict(self, rows):\n        print('predicting')\n        return rows.upper()\n"
REACH = """
import json, os, socket
def network():
    try:
        socket.create_connection(("1.1.1.1", 53), 2)
    except OSError:
        return False
    return True
found = {
    "reference": [path for path in ("/app/input/ref", "/app/reference_data", "/app/input/res") if os.path.exists(path)],
    "uid": os.getuid(),
    "network": network(),
    "writable": [
        path for path in ("/app/program", "/app/ingested_program", "/app/input_data", "/app", "/mnt/in", "/")
        if os.access(path, os.W_OK)
    ],
    "shared_mib": os.statvfs("/app/shared").f_blocks * os.statvfs("/app/shared").f_frsize // 1024**2,
    "truth": [
        os.path.join(folder, name) for top in ("/app", "/mnt", "/tmp") for folder, _, names in os.walk(top)
        for name in names if name == "truth.txt"
    ],
}
json.dump(found, open("/app/output/found.json", "w"))
"""
OUT_OF_REACH = {"reference": [], "uid": 65534, "network": False, "writable": [], "shared_mib": 4, "truth": []}

Runs = Callable[..., tuple[Report, RecordingHost]]


@pytest.fixture
def code(site, make: RunMaker) -> Runs:
    def run(files: dict, ingestion: dict | None = None, *, scorer: dict | None = None, **spec):
        host = make.host(scorer or python_program())
        values = {"limits": SMALL, "scoring_limits": SMALL, **spec}
        return execute(make.code(files, ingestion, **values), host, site), host

    return run


def test_code_runs_by_its_own_command(code):
    main = (
        "import shutil, sys\nfrom beside import NAME\nshutil.copy(sys.argv[1] + '/x.csv', sys.argv[2] + '/' + NAME)\n"
        "open('/mnt/out/also', 'w').write(open('/mnt/in/x.csv').read())\nopen('/app/shared/x', 'w').write('1')\n"
        "print('done')\n"
    )
    report, host = code({"metadata": OWN, "main.py": main, "beside.py": "NAME = 'y.csv'"})
    assert report.failure is None, (report, host.logs)
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert host.outputs == {"also": b"file,class\n", "y.csv": b"file,class\n"}
    assert host.logs[Stage.RUNNING] == "done\n"
    assert report.image_digest == report.scoring_image_digest


def test_an_ingestion_program_imports_the_submission(code):
    report, host = code({"model.py": MODEL}, {"metadata": INGEST, "ingest.py": INGESTION})
    assert report.failure is None, (report, host.logs)
    assert host.outputs == {"y.csv": b"FILE,CLASS\n"}
    assert host.logs[Stage.RUNNING] == "predicting\n"


def test_an_ingestion_program_with_its_own_image(code):
    dockerfile = 'FROM medici/python:latest\nCOPY . /code\nCMD ["python", "/code/look.py"]\n'
    look = "open('/app/output/y', 'w').write(open('/app/ingested_program/model.py').read())\n"
    report, host = code({"model.py": "x"}, {"Dockerfile": dockerfile, "look.py": look})
    assert report.failure is None, (report, host.logs)
    assert host.outputs == {"y": b"x"}


def test_both_talk_through_the_shared_folder(code):
    wait = "import os, time\ndef wait(path):\n    while not os.path.exists(path): time.sleep(0.01)\n"
    main = wait + "wait('/app/shared/go')\nopen('/app/output/own', 'w').write(open('/app/shared/go').read())\n"
    ask = (
        wait + "open('/app/shared/draft', 'w').write('42')\nos.rename('/app/shared/draft', '/app/shared/go')\n"
        "wait('/app/output/own')\nprint('answered')\n"
    )
    report, host = code({"metadata": OWN, "main.py": main}, {"metadata": INGEST, "ingest.py": ask})
    assert report.failure is None, (report, host.logs)
    assert host.outputs == {"own": b"42"}
    assert host.logs[Stage.RUNNING] == "[ingestion] answered\n"


def test_the_first_that_fails_ends_both(code):
    main = "import time\ntime.sleep(60)\n"
    report, _ = code({"metadata": OWN, "main.py": main}, {"metadata": INGEST, "ingest.py": "raise SystemExit(3)"})
    assert (report.failure, report.exit_code) == (FailureKind.RUN_FAILED, 3)
    assert report.stage_seconds[Stage.RUNNING] < 10


BESIDE_SCORING = (
    "import os, sys, time\nsys.path.insert(0, '/app/ingested_program')\nfrom model import Model\n"
    "while not os.path.exists('/app/shared/asked'): time.sleep(0.01)\n"
    "answer = Model().predict(open('/app/shared/asked').read())\n"
    "open('/app/shared/draft', 'w').write(answer)\nos.rename('/app/shared/draft', '/app/shared/answered')\n"
    "time.sleep(60)\n"
)
ASKING_SCORER = (
    "import os, sys, time\nopen('/app/shared/d', 'w').write('f1: 0.125')\n"
    "os.rename('/app/shared/d', '/app/shared/asked')\n"
    "while not os.path.exists('/app/shared/answered'): time.sleep(0.01)\n"
    "open(sys.argv[2] + '/scores.txt', 'w').write(open('/app/shared/answered').read().lower())\n"
)


def test_an_ingestion_program_during_scoring(code):
    report, host = code(
        {"model.py": MODEL},
        {"metadata": INGEST, "ingest.py": BESIDE_SCORING},
        scorer=python_program(ASKING_SCORER),
        ingestion_only_during_scoring=True,
    )
    assert report.failure is None, (report, host.logs)
    assert report.scores.scores_txt == "f1: 0.125"
    assert host.stages == [Stage.SCORING]
    assert report.stage_seconds[Stage.SCORING] < 20


def test_an_ingestion_program_during_scoring_reaches_no_answers_and_gives_no_scores(code):
    tell = "import shutil\nshutil.copy('/app/output/found.json', '/app/shared/draft')\n"
    forge = "open('/app/output/scores.txt', 'w').write('f1: 1.0')\n"
    show = "import os\nos.rename('/app/shared/draft', '/app/shared/found')\n"
    scorer = (
        "import os, shutil, sys, time\nwhile not os.path.exists('/app/shared/found'): time.sleep(0.01)\n"
        "assert not os.path.exists('/app/output/scores.txt')\n"
        "shutil.copy('/app/shared/found', '/app/output/scores.json')\n"
    )
    report, host = code(
        {"model.py": "x"},
        {"metadata": INGEST, "ingest.py": REACH + tell + forge + show},
        scorer=python_program(scorer),
        ingestion_only_during_scoring=True,
    )
    assert report.failure is None, (report, host.logs)
    assert json.loads(report.scores.scores_json) == {**OUT_OF_REACH, "reference": ["/app/input/res"]}


def test_code_reaches_no_answers(code):
    report, host = code({"metadata": "command: python3 main.py $hidden", "main.py": REACH})
    assert report.failure is None, (report, host.logs)
    assert json.loads(host.outputs["found.json"]) == OUT_OF_REACH


def test_an_ingestion_program_reaches_no_answers(code):
    report, host = code({"model.py": "x"}, {"metadata": INGEST, "ingest.py": REACH})
    assert report.failure is None, (report, host.logs)
    assert json.loads(host.outputs["found.json"]) == OUT_OF_REACH


def test_two_containers_that_reach_for_answers_and_memory(code):
    fill = "f = open('/app/shared/big', 'wb')\ntry:\n    f.write(b'0' * 64 * 1024**2)\nexcept OSError: print('full')\n"
    report, host = code({"metadata": OWN, "main.py": REACH}, {"metadata": INGEST, "ingest.py": fill})
    assert report.failure is None, (report, host.logs)
    assert json.loads(host.outputs["found.json"]) == OUT_OF_REACH
    assert host.logs[Stage.RUNNING] == "[ingestion] full\n"


def test_too_much_memory_beside_an_ingestion_program(code):
    main = "x = bytearray(400 * 1024**2)\nfor i in range(0, len(x), 4096): x[i] = 1\n"
    report, _ = code(
        {"metadata": OWN, "main.py": main}, {"metadata": INGEST, "ingest.py": "import time\ntime.sleep(60)"}
    )
    assert (report.failure, report.public_detail) == (FailureKind.MEMORY_LIMIT, "The limit is 128 MiB.")


def test_what_is_left_in_shared_never_reaches_the_scoring_program(code):
    scorer = (
        "import os\nassert os.access('/app/shared', os.W_OK)\n"
        "open('/app/output/scores.txt', 'w').write('left: %d' % len(os.listdir('/app/shared')))\n"
    )
    main = "open('/app/shared/x', 'w').write('1')\nopen('/app/output/y', 'w').write('1')\n"
    report, host = code(
        {"metadata": OWN, "main.py": main}, {"metadata": INGEST, "ingest.py": ""}, scorer=python_program(scorer)
    )
    assert (report.failure, report.scores and report.scores.scores_txt) == (None, "left: 0"), host.logs


def test_the_note_of_how_the_prediction_step_ended(code):
    scorer = "import shutil\nshutil.copy('/app/input/res/metadata', '/app/output/scores.txt')\n"
    main = "import time\ntime.sleep(0.5)\nopen('/app/output/y', 'w').write('1')\n"
    report, host = code({"metadata": OWN, "main.py": main}, scorer=python_program(scorer))
    code_line, elapsed = report.scores.scores_txt.splitlines()
    assert code_line == "exitCode: 0"
    assert 0.5 <= float(elapsed.removeprefix("elapsedTime: ")) < 10
    assert host.outputs == {"y": b"1"}


def test_outputs_that_fill_their_place_are_noted_all_the_same(code):
    """Small files take whole pages: the place is full although their bytes are within the limit."""
    limits = SMALL.model_copy(update={"output_bytes": 100_000, "output_files": 1000})
    main = (
        "try:\n    for number in range(900): open(f'/app/output/{number}', 'w').write('1')\nexcept OSError: pass\n"
        "import os\nassert os.statvfs('/app/output').f_bfree == 0\n"
    )
    scorer = "import shutil\nshutil.copy('/app/input/res/metadata', '/app/output/scores.txt')\n"
    report, host = code({"metadata": OWN, "main.py": main}, scorer=python_program(scorer), limits=limits)
    assert report.failure is None, (report, host.logs)
    assert report.scores.scores_txt.startswith("exitCode: 0\n")


def test_a_scoring_program_of_python_2(code):
    report, _ = code(
        {"metadata": OWN, "main.py": "open('/app/output/y', 'w')"}, scorer=python_program("print 'f1', 1.0\n")
    )
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail.startswith(SENTENCE)
    assert report.public_detail == ""


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("python2 $program/score.py", SENTENCE),
        ("$program/score.py", "The scoring program ended with exit code 126: its command can't be executed"),
        ("no-such", "The scoring program ended with exit code 127: its command was not found in the image"),
    ],
)
def test_scoring_commands_that_can_not_be_run(code, command, reason):
    scorer = {"metadata": f"command: {command} $input $output", "score.py": ""}
    report, _ = code({"metadata": OWN, "main.py": "open('/app/output/y', 'w')"}, scorer=scorer)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail.startswith(reason), report.private_detail


def test_kept_outputs_are_scored_again(code, make, site):
    main = "open('/app/output/y', 'w').write('1')\n"
    files = {"metadata": OWN, "main.py": main}
    scorer = "import shutil\nshutil.copy('/app/input/res/metadata', '/app/output/scores.txt')\n"
    first, host = code(files, scorer=python_program(scorer))
    again, second = code(files, scorer=python_program(scorer), outputs=host.kept_outputs())
    assert again.scores == first.scores
    assert second.stages == [Stage.SCORING]


@pytest.mark.parametrize(
    "written", [{"metadata/x": "1"}, {"metadata": "mine"}, {"y": "1"}], ids=["folder", "file", "none"]
)
def test_predictions_may_hold_what_the_note_is_called(site, make, written):
    """Else their participant could break the platform at will, which costs no quota."""
    scorer = (
        "import os\nnote = '/app/input/res/metadata'\n"
        "print(os.path.isdir(note), open(note).read()[:8] if os.path.isfile(note) else '')\n"
        "open('/app/output/scores.txt', 'w').write('f1: 0.5\\n')\n"
    )
    host = make.host(python_program(scorer))
    report = execute(make.results(written, limits=SMALL, scoring_limits=SMALL), host, site)
    assert report.failure is None, (report, host.logs)
    said = {"metadata/x": "True \n", "metadata": "False mine\n", "y": "False exitCode\n"}
    assert host.logs[Stage.SCORING] == said[next(iter(written))]
