"""An ingestion program beside the scoring program, the note beside the predictions, and rescoring; the fake engine."""

import threading

import pytest

from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.protocol import FailureKind, FileRole, Stage
from medici_worker.python2 import SENTENCE
from medici_worker.run import execute
from tests.unit.worker.conftest import LIMITS, SCORE, container, score

INGEST = {"metadata": "command: ingest $input $predictions"}
INGESTED = "ingest /app/input_data /app/input/res"
BESIDE = {"ingestion_only_during_scoring": True, "limits": LIMITS, "scoring_limits": LIMITS}


def plan_of(engine: FakeEngine, step: str):
    (plan,) = [one for one in engine.plans if one.name.endswith(f"-{step}")]
    return plan


def sleeps(inside: Inside) -> int:
    inside.sleep(60)
    return 0


@pytest.fixture
def talking(engine) -> None:
    """A scoring program that waits for what the ingestion program has to say; that one never ends by itself."""
    said = threading.Event()

    def ingest(inside: Inside) -> int:
        inside.write("/app/shared/answer", inside.read("/app/ingested_program/model.py"))
        inside.print("answered\n")
        said.set()
        return sleeps(inside)

    def scores(inside: Inside) -> int:
        assert said.wait(5)
        inside.write("/app/output/scores.txt", b"f1: " + inside.read("/app/shared/answer"))
        return 0

    engine.programs |= {INGESTED: ingest, "score": scores}


@pytest.mark.usefixtures("talking")
def test_the_ingestion_program_runs_beside_the_scoring_program(engine, site, make):
    host = make.host(SCORE)
    report = execute(make.code({"model.py": "0.25"}, INGEST, **BESIDE), host, site)
    assert (report.failure, report.scores.scores_txt) == (None, "f1: 0.25")
    assert host.stages == [Stage.SCORING]
    assert host.outputs is None
    assert host.logs == {Stage.SCORING: "[ingestion] answered\n"}
    assert {(mount.path, mount.read_only) for mount in plan_of(engine, "ingestion").mounts} == {
        ("/app/program", True),
        ("/app/ingested_program", True),
        ("/app/input_data", True),
        ("/app/input/res", True),
        ("/app/shared", False),
    }
    assert set(plan_of(engine, "ingestion").profile.host["tmpfs"]) == {"/tmp", "/app/output"}
    assert "/app/shared" in {mount.path for mount in plan_of(engine, "scoring").mounts}


@pytest.mark.parametrize("beside", [False, True], ids=["before", "beside"])
def test_every_container_of_a_run_finds_the_name_of_its_task(engine, site, make, beside):
    def writes(inside: Inside) -> int:
        inside.write("/app/output/y", b"1")
        return 0

    ingest = {"metadata": "command: ingest"}
    engine.programs |= {"own": writes, "ingest": (lambda _: 0) if beside else writes}  # beside, it has no outputs
    code = make.code({"metadata": "command: own"}, ingest, **{**BESIDE, "ingestion_only_during_scoring": beside})
    assert execute(code, make.host(SCORE), site).failure is None
    named = {step: plan_of(engine, step).environment["MEDICI_TASK"] for step in ("submission", "ingestion", "scoring")}
    assert named == dict.fromkeys(named, "t")


@pytest.mark.usefixtures("talking")
def test_a_submission_with_a_command_runs_before(engine, site, make):
    engine.programs["own"] = lambda inside: inside.write("/app/output/y", b"1") or 0
    host = make.host(SCORE)
    report = execute(make.code({"metadata": "command: own", "model.py": "1"}, INGEST, **BESIDE), host, site)
    assert (report.failure, host.outputs) == (None, {"y": b"1"})
    assert host.stages == [Stage.RUNNING, Stage.SCORING]
    assert plan_of(engine, "submission").profile.host["tmpfs"].keys() == {"/tmp", "/app/shared"}


def test_an_ingestion_program_that_fails_first_is_the_participants_failure(engine, site, make):
    engine.programs |= {INGESTED: lambda inside: inside.print("no model") or 1, "score": sleeps}
    report = execute(make.code({"model.py": "x"}, INGEST, **BESIDE), make.host(SCORE), site)
    assert (report.failure, report.exit_code) == (FailureKind.RUN_FAILED, 1)
    assert (report.public_detail, report.private_detail) == ("", "[ingestion] no model\n")
    assert report.scores is None


def test_an_ingestion_program_over_its_time(engine, site, make):
    engine.programs |= {INGESTED: sleeps, "score": sleeps}
    limits = LIMITS.model_copy(update={"time_s": 0.2})
    spec = make.code({"model.py": "x"}, INGEST, **{**BESIDE, "limits": limits})
    assert execute(spec, make.host(SCORE), site).failure is FailureKind.TIME_LIMIT


def test_one_that_ends_well_leaves_the_scoring_program_alone(engine, site, make):
    engine.programs[INGESTED] = lambda _: 0
    report = execute(make.code({"model.py": "x"}, INGEST, **BESIDE), make.host(SCORE), site)
    assert (report.failure, report.scores.scores_txt) == (None, "f1: 0.5\n")


def test_a_scoring_program_that_fails_first_is_the_organizers_failure(engine, site, make):
    engine.programs |= {INGESTED: sleeps, "score": lambda inside: inside.print("oh\n") or 1}
    report = execute(make.code({"model.py": "x"}, INGEST, **BESIDE), make.host(SCORE), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail == "The scoring program ended with exit code 1.\n\nThe end of its log:\noh\n"


def notes(inside: Inside) -> int:
    """Scores with the note beside the predictions."""
    inside.write("/app/output/scores.txt", inside.read("/app/input/res/metadata"))
    return 0


def test_the_scoring_program_reads_how_the_prediction_step_ended(engine, site, make):
    engine.programs["score"] = notes
    host = make.host(SCORE)
    report = execute(container(make), host, site)
    code, elapsed = report.scores.scores_txt.splitlines()
    assert code == "exitCode: 0"
    assert 0 <= float(elapsed.removeprefix("elapsedTime: ")) < 5
    assert host.outputs == {"y.csv": b"file,class\n"}


@pytest.mark.parametrize("name", ["metadata", "metadata/about"])
def test_a_submissions_own_file_of_that_name_stays(engine, site, make, name):
    def writes(inside: Inside) -> int:
        inside.write(f"/mnt/out/{name}", b"mine")
        return 0

    def reads(inside: Inside) -> int:
        inside.write("/app/output/scores.txt", inside.read(f"/app/input/res/{name}"))
        return 0

    engine.programs |= {"predict": writes, "score": reads}
    assert execute(container(make), make.host(SCORE), site).scores.scores_txt == "mine"
    assert execute(make.results({name: "mine"}), make.host(SCORE), site).scores.scores_txt == "mine"


def test_results_are_noted_too(engine, site, make):
    engine.programs["score"] = notes
    report = execute(make.results({"y": "1"}), make.host(SCORE), site)
    assert report.scores.scores_txt == "exitCode: 0\nelapsedTime: 0.000\n"


def test_a_place_for_outputs_without_room_for_the_note_is_copied(engine, site, make):
    def fills(inside: Inside) -> int:
        inside.write("/mnt/out/y", b"1" * 1000)
        return 0

    def full(inside: Inside) -> int:
        volume = next(mount.volume for mount in inside.plan.mounts if mount.path == "/app/input/res")
        assert volume.endswith("-res")
        return notes(inside)

    engine.programs |= {"predict": fills, "score": full}
    create = engine.create_volume

    def tight(volume) -> None:
        create(volume)
        if volume.name.endswith("-out"):
            engine.volume_contents[volume.name].plan = type(volume)(volume.name, volume.labels, 1000)

    engine.create_volume = tight
    assert execute(container(make), make.host(SCORE), site).scores.scores_txt.startswith("exitCode: 0\n")


def test_kept_outputs_are_scored_again_without_the_participants_code(engine, site, make):
    engine.programs["score"] = notes
    first, spec = make.host(SCORE), container(make)
    noted = execute(spec, first, site).scores.scores_txt
    engine.programs["score"] = lambda inside: notes(inside) + len(inside.list("/app/input/res")) - 2
    kept = first.kept_outputs()
    again = make.host(SCORE)
    spec = spec.model_copy(update={"outputs": kept, "attempt": 2})
    report = execute(spec, again, site)
    assert (report.failure, report.scores.scores_txt) == (None, noted)
    assert again.fetched == [FileRole.OUTPUTS]
    assert (again.stages, again.outputs) == ([Stage.SCORING], None)


@pytest.mark.usefixtures("talking")
def test_a_rescore_runs_the_ingestion_program_that_belongs_to_scoring(engine, site, make):
    outputs = make.archives.ref(FileRole.OUTPUTS, {"y": "1"})
    spec = make.code({"metadata": "command: own", "model.py": "0.75"}, INGEST, outputs=outputs, **BESIDE)
    report = execute(spec, make.host(SCORE), site)
    assert (report.failure, report.scores.scores_txt) == (None, "f1: 0.75")


def test_a_scoring_program_of_python_2_is_called_that(engine, site, make):
    line = "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?\n"
    engine.programs["score"] = lambda inside: inside.print(line) or 1
    report = execute(container(make), make.host(SCORE), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail == (
        f"{SENTENCE} The scoring program ended with exit code 1.\n\nThe end of its log:\n{line}"
    )


def test_participants_code_of_python_2_is_not_the_scoring_programs(engine, site, make):
    engine.programs |= {
        INGESTED: lambda inside: inside.print("NameError: name 'xrange' is not defined\n") or sleeps(inside),
        "score": lambda inside: inside.sleep(0.2) or 1,
    }
    report = execute(make.code({"model.py": "x"}, INGEST, **BESIDE), make.host(SCORE), site)
    assert report.private_detail == "The scoring program ended with exit code 1."


@pytest.mark.parametrize(
    ("code", "reason"),
    [(126, "its command can't be executed; name the interpreter"), (127, "its command was not found")],
)
def test_a_scoring_command_that_can_not_be_run_is_explained(engine, site, make, code, reason):
    engine.programs["score"] = lambda _: code
    report = execute(container(make), make.host(SCORE), site)
    assert report.private_detail.startswith(f"The scoring program ended with exit code {code}: {reason}")


def test_scores_as_ever_beside_the_note(engine, site, make):
    engine.programs["score"] = score
    assert execute(container(make), make.host(SCORE), site).scores.scores_txt == "f1: 0.5\n"
