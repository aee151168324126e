"""`medici try`: the worker's own story, on folders and zips of this machine."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.local import Event, Kept, LocalTask, pack, try_submission
from medici_worker.protocol import FailureKind, SubmissionKind
from tests.factories.worker import IMAGE, make_zip, python_program, python_submission
from tests.integration.worker.conftest import SMALL


def folder(path: Path, files: dict) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


@pytest.fixture
def task(tmp_path) -> LocalTask:
    return LocalTask(
        reference_data=folder(tmp_path / "reference", {"truth.txt": "f1: 0.5\n"}),
        scoring_program=make_zip(tmp_path / "program.zip", python_program()),
        input_data=folder(tmp_path / "input", {"x.csv": "file,class\n"}),
        limits=SMALL,
        scoring_limits=SMALL,
        program_image=IMAGE,
    )


def told(events: list[Event]) -> list[str]:
    return [str(event.stage) if event.kind == "stage" else event.kind for event in events if event.kind != "log"]


@pytest.mark.slow
def test_a_folder_is_built_run_and_scored(task, tmp_path):
    dockerfile, files = python_submission("import shutil\nshutil.copy('/mnt/in/x.csv', '/mnt/out/y.csv')\n")
    submission = folder(tmp_path / "submission", {"Dockerfile": dockerfile, **files})
    events: list[Event] = []
    engine = DockerEngine()
    report = try_submission(
        submission,
        SubmissionKind.CONTAINER,
        task,
        engine=engine,
        on_event=events.append,
        kept=Kept(outputs=tmp_path / "outputs.zip"),
    )
    assert report.failure is None
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert told(events) == ["preparing", "running", "scoring", "report"]
    assert (tmp_path / "outputs.zip").exists()
    assert [one for one in engine.containers({"medici.worker": ""}) if one.name.startswith("medici-try")] == []
    engine.remove_image(report.image_digest)
    engine.close()


SAYS_ITS_TASK = "import os\nopen('/mnt/out/task', 'w').write(os.environ['MEDICI_TASK'])\n"
WRITES_CASES = (
    "import os\n"
    "table = 'case,task\\n' + open('/app/input/res/task').read() + ',' + os.environ['MEDICI_TASK']\n"
    "open('/app/output/cases.csv', 'w').write(table)\n"
    "open('/app/output/scores.txt', 'w').write('f1: 1')\n"
)


@pytest.mark.slow
def test_containers_find_the_name_of_their_task_and_cases_are_kept(task, tmp_path):
    dockerfile, files = python_submission(SAYS_ITS_TASK)
    submission = folder(tmp_path / "submission", {"Dockerfile": dockerfile, **files})
    scorer = make_zip(tmp_path / "scorer.zip", python_program(WRITES_CASES))
    engine = DockerEngine()
    report = try_submission(
        submission,
        SubmissionKind.CONTAINER,
        replace(task, name="blood and retina", scoring_program=scorer),
        engine=engine,
        on_event=lambda _: None,
        kept=Kept(cases=tmp_path / "cases.csv"),
    )
    assert report.failure is None
    assert (tmp_path / "cases.csv").read_text() == "case,task\nblood and retina,blood and retina"
    engine.remove_image(report.image_digest)
    engine.close()


INGEST = (
    "import shutil, sys\nsys.path.append(sys.argv[1])\nimport model\nmodel.predict('/app/input_data', '/app/output')\n"
)
MODEL = "import shutil\ndef predict(source, target):\n    shutil.copy(source + '/x.csv', target + '/y.csv')\n"


@pytest.mark.slow
@pytest.mark.parametrize("beside_scoring", [False, True])
def test_code_runs_under_an_ingestion_program_and_leaves_no_volume_of_its_own(task, tmp_path, beside_scoring):
    program = {"metadata": "command: python3 $program/run.py $submission_program", "run.py": INGEST}
    submission = folder(tmp_path / "submission", {"model.py": MODEL})
    task = replace(
        task,
        ingestion_program=folder(tmp_path / "ingestion", program),
        ingestion_only_during_scoring=beside_scoring,
    )
    events: list[Event] = []
    engine = DockerEngine()
    before = {volume.name for volume in engine.volumes(name_contains="medici-")}
    outputs = tmp_path / "outputs.zip"
    report = try_submission(
        submission, SubmissionKind.CODE, task, engine=engine, on_event=events.append, kept=Kept(outputs=outputs)
    )
    assert (report.failure, report.scores.scores_txt) == (None, "f1: 0.5\n")
    running = [] if beside_scoring else ["running"]
    assert told(events) == ["preparing", *running, "scoring", "report"]
    assert outputs.exists() is not beside_scoring
    made = {volume.name for volume in engine.volumes(name_contains="medici-")} - before
    sha256 = hashlib.sha256(pack(submission, tmp_path / "packed.zip").read_bytes()).hexdigest()
    assert [name for name in made if sha256 in name] == []
    engine.close()


def score(inside: Inside) -> int:
    inside.write("/app/output/scores.txt", inside.read("/app/input/ref/truth.txt"))
    return 0


def test_predictions_are_scored_without_an_engine(task, tmp_path):
    predictions = folder(tmp_path / "predictions", {"y.csv": "1"})
    engine = FakeEngine({"python /app/program/score.py /app/input /app/output": score})
    report = try_submission(predictions, SubmissionKind.RESULTS, task, engine=engine, on_event=lambda _: None)
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert engine.containers({}) == []


def test_a_refused_dockerfile_says_why(task, tmp_path):
    submission = folder(tmp_path / "submission", {"Dockerfile": "FROM evil\n"})
    report = try_submission(submission, SubmissionKind.CONTAINER, task, engine=FakeEngine(), on_event=lambda _: None)
    assert report.failure is FailureKind.IMAGE_REFUSED
