"""Code submissions and ingestion programs on the fake engine: who runs when, what each one sees, who is to blame."""

import threading

import pytest

from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.protocol import FailureKind, FileRole, Stage
from medici_worker.run import execute
from medici_worker.side_by_side import LinePrefix
from tests.unit.worker.conftest import LIMITS, SCORE

OWN = {"metadata": "command: submit $input $output", "model.py": "x"}
SUBMIT = "submit /app/input /app/output"
INGEST = {"metadata": "command: ingest $input $submission_program"}
INGESTED = "ingest /app/input_data /app/ingested_program"
QUICK = {"limits": LIMITS, "scoring_limits": LIMITS}


def submit(inside: Inside) -> int:
    inside.print("submitted\n")
    inside.write("/app/output/y.csv", inside.read("/mnt/in/x.csv"))
    return 0


def ingest(inside: Inside) -> int:
    inside.print("ingested\n")
    inside.write("/app/output/from_ingestion", inside.read("/app/ingested_program/model.py"))
    return 0


@pytest.fixture(autouse=True)
def programs(engine: FakeEngine) -> None:
    engine.programs |= {SUBMIT: submit, INGESTED: ingest}


def plan_of(engine: FakeEngine, step: str):
    (plan,) = [one for one in engine.plans if one.name.endswith(f"-{step}")]
    return plan


def mounts_of(engine: FakeEngine, step: str) -> set[tuple[str, bool]]:
    return {(mount.path, mount.read_only) for mount in plan_of(engine, step).mounts}


def places_of(engine: FakeEngine, step: str) -> set[str]:
    return set(plan_of(engine, step).profile.host["tmpfs"])


def test_data_without_metadata_reach_the_scorer_beside_what_ingestion_writes(engine, site, make):
    """As on Codabench; a program among them does not."""
    handed_in = {"model.py": "x", "answers/given.csv": "1"}
    host = make.host(SCORE)
    report = execute(make.code(handed_in, INGEST, **QUICK), host, site)
    assert report.failure is None
    assert host.outputs == {"answers/given.csv": b"1", "from_ingestion": b"x"}


def test_predictions_alone_are_scored_though_ingestion_can_make_nothing_of_them(engine, site, make):
    host = make.host(SCORE)
    report = execute(make.code({"y.csv": "1"}, INGEST, **QUICK), host, site)
    assert (report.failure, report.scores.scores_txt) == (None, "f1: 0.5\n")
    assert host.outputs == {"y.csv": b"1"}
    assert host.logs[Stage.RUNNING].endswith(
        "The ingestion program failed; the submission holds no program, so its files are scored as they are.\n"
    )


@pytest.mark.parametrize(
    "handed_in", [{"y.csv": "1", "main.py": ""}, {"y.csv": "1", "metadata": ""}], ids=["a program", "metadata"]
)
def test_whoever_could_make_ingestion_fail_is_not_forgiven(engine, site, make, handed_in):
    engine.programs[INGESTED] = lambda _: 1
    report = execute(make.code(handed_in, INGEST, **QUICK), make.host(SCORE), site)
    assert report.failure is FailureKind.RUN_FAILED


def test_a_submission_runs_by_its_own_command(engine, site, make):
    host = make.host(SCORE)
    report = execute(make.code(OWN, **QUICK), host, site)
    assert (report.failure, report.scores.scores_txt) == (None, "f1: 0.5\n")
    assert host.outputs == {"y.csv": b"file,class\n"}
    assert host.logs[Stage.RUNNING] == "submitted\n"
    assert host.stages == [Stage.RUNNING, Stage.SCORING]
    assert mounts_of(engine, "submission") == {
        ("/app/program", True),
        ("/app/input", True),
        ("/app/input_data", True),
        ("/mnt/in", True),
        ("/app/output", False),
        ("/mnt/out", False),
    }
    assert places_of(engine, "submission") == {"/tmp", "/app/shared"}
    assert plan_of(engine, "submission").working_dir == "/app/program"


def test_without_input_data_nothing_is_mounted_for_it(engine, site, make):
    engine.programs[SUBMIT] = lambda inside: inside.write("/mnt/out/y", b"1") or 0
    assert execute(make.code(OWN, input_data=None, **QUICK), make.host(SCORE), site).failure is None
    assert mounts_of(engine, "submission") == {("/app/program", True), ("/app/output", False), ("/mnt/out", False)}


def test_an_ingestion_program_runs_the_submission(engine, site, make):
    host = make.host(SCORE)
    report = execute(make.code({"model.py": "x"}, INGEST, **QUICK), host, site)
    assert report.failure is None
    assert host.outputs == {"from_ingestion": b"x"}
    assert host.logs[Stage.RUNNING] == "ingested\n"
    assert mounts_of(engine, "ingestion") == {
        ("/app/program", True),
        ("/app/ingested_program", True),
        ("/app/input_data", True),
        ("/app/output", False),
    }
    assert places_of(engine, "ingestion") == {"/tmp", "/app/shared"}
    assert [plan.name for plan in engine.plans if plan.name.endswith("submission")] == []


def test_what_the_scoring_program_sees(engine, site, make):
    execute(make.code({"model.py": "x"}, INGEST, **QUICK), make.host(SCORE), site)
    assert mounts_of(engine, "scoring") == {
        ("/app/program", True),
        ("/app/input/ref", True),
        ("/app/input/res", True),
        ("/app/ingested_program", True),
        ("/app/output", False),
    }
    assert places_of(engine, "scoring") == {"/tmp", "/app/shared"}


def test_both_run_at_the_same_time_and_talk(engine, site, make):
    together = threading.Barrier(2, timeout=5)

    def asks(inside: Inside) -> int:
        inside.write("/app/shared/question", b"?")
        inside.print("asked\n")
        together.wait()
        return submit(inside)

    def answers(inside: Inside) -> int:
        together.wait()
        inside.print(inside.read("/app/shared/question").decode())
        return ingest(inside)

    engine.programs |= {SUBMIT: asks, INGESTED: answers}
    host = make.host(SCORE)
    assert execute(make.code(OWN, INGEST, **QUICK), host, site).failure is None
    assert host.outputs == {"y.csv": b"file,class\n", "from_ingestion": b"x"}
    lines = host.logs[Stage.RUNNING].splitlines()
    assert sorted(lines) == ["[ingestion] ?ingested", "[submission] asked", "[submission] submitted"]
    shared = [mount for plan in engine.plans for mount in plan.mounts if mount.path == "/app/shared"]
    assert len(shared) == 2
    assert len({mount.volume for mount in shared}) == 1
    assert (
        plan_of(engine, "submission").profile.host["mem_limit"]
        == plan_of(engine, "ingestion").profile.host["mem_limit"]
    )


def sleeps(inside: Inside) -> int:
    inside.sleep(60)
    return 0


@pytest.mark.parametrize("failing", [SUBMIT, INGESTED])
def test_when_one_fails_the_other_is_killed(engine, site, make, failing):
    engine.programs |= {SUBMIT: sleeps, INGESTED: sleeps}
    engine.programs[failing] = lambda inside: inside.print("broken") or 3
    report = execute(make.code(OWN, INGEST, **QUICK), make.host(SCORE), site)
    assert (report.failure, report.exit_code, report.public_detail) == (FailureKind.RUN_FAILED, 3, "")
    label = "submission" if failing == SUBMIT else "ingestion"
    assert report.private_detail == f"[{label}] broken\n"
    assert report.stage_seconds[Stage.RUNNING] < 4


def test_the_time_limit_holds_for_both(engine, site, make):
    engine.programs |= {SUBMIT: submit, INGESTED: sleeps}
    limits = LIMITS.model_copy(update={"time_s": 0.2})
    report = execute(make.code(OWN, INGEST, limits=limits), make.host(SCORE), site)
    assert (report.failure, report.public_detail) == (FailureKind.TIME_LIMIT, "The limit is 0.2 s.")


def test_memory_of_one_of_two(engine, site, make):
    def hungry(_: Inside) -> int:
        raise MemoryError

    engine.programs |= {SUBMIT: hungry, INGESTED: sleeps}
    report = execute(make.code(OWN, INGEST, **QUICK), make.host(SCORE), site)
    assert report.failure is FailureKind.MEMORY_LIMIT


def test_nothing_written_is_output_missing(engine, site, make):
    engine.programs[INGESTED] = lambda _: 0
    report = execute(make.code({"model.py": "x"}, INGEST, **QUICK), make.host(SCORE), site)
    assert report.failure is FailureKind.OUTPUT_MISSING


def test_a_submission_without_a_command_needs_an_ingestion_program(engine, site, make):
    report = execute(make.code({"metadata": "a: b", "model.py": "x"}, **QUICK), make.host(SCORE), site)
    assert report.failure is FailureKind.ARCHIVE_REJECTED
    assert report.public_detail.startswith("Its file 'metadata' names no command, and this task has no ingestion")


@pytest.mark.parametrize(
    ("ingestion", "reason"),
    [
        ({"x": ""}, "The ingestion program: The program has neither a Dockerfile nor a 'metadata' file"),
        ({"Dockerfile": "FROM evil"}, "The ingestion program's image: image_refused. Line 1 of the Dockerfile"),
        ({"Dockerfile": "FROM medici/python"}, "The ingestion program's command could not be started: "),
    ],
)
def test_an_ingestion_program_that_is_none_is_the_organizers_fault(site, make, ingestion, reason):
    report = execute(make.code(OWN, ingestion, **QUICK), make.host(SCORE), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail.startswith(reason)
    assert report.public_detail == ""


def test_an_ingestion_program_may_bring_its_image(engine, site, make):
    engine.programs["look"] = ingest
    host = make.host(SCORE)
    program = {"Dockerfile": "FROM medici/python\nRUN secret\nCMD look\n"}
    assert execute(make.code({"model.py": "x"}, program, **QUICK), host, site).failure is None
    assert "RUN secret" not in str(host.logs)


@pytest.mark.parametrize(
    ("image", "advice"),
    [
        ("none/such", "Load it on the worker, or map its name to an image that is there (`image_map`)."),
        ("python:2.7-slim", "It has Python 2, and the worker has no such image: port the program to Python 3"),
    ],
)
def test_an_image_for_code_that_is_not_there_is_the_organizers_fault(site, make, image, advice):
    report = execute(make.code(OWN, program_image=image, **QUICK), make.host(SCORE), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail.startswith(f"The challenge's image is not to be had. {advice}")


def test_a_container_submission_does_without_the_ingestion_program(engine, site, make):
    ingestion = make.archives.ref(FileRole.INGESTION_PROGRAM, INGEST)
    spec = make.container("FROM medici/python\nCMD predict\n", ingestion_program=ingestion, **QUICK)
    assert execute(spec, make.host(SCORE), site).failure is None
    assert mounts_of(engine, "inference") == {("/mnt/in", True), ("/mnt/out", False)}
    assert [plan.name for plan in engine.plans if plan.name.endswith("ingestion")] == []


def test_what_every_name_stood_for_is_reported(engine, site, make):
    engine.programs["look"] = ingest
    spec = make.code(
        OWN, {"Dockerfile": "FROM python:3.11\nCMD look\n"}, program_image="codalab/codalab-legacy:py37", **QUICK
    )
    build = spec.build.model_copy(update={"image_map": {"python:3*": "medici/python", "codalab/*": "medici/python:1"}})
    engine._images["medici/python:1"] = engine._images["medici/python:latest"]
    report = execute(spec.model_copy(update={"build": build}), make.host(SCORE), site)
    assert report.failure is None
    image = engine.image("medici/python:latest")
    assert report.images == {"medici/python:1": image.image_id, "medici/python:latest": image.image_id}


def test_logs_of_two_are_told_apart_line_by_line():
    passed: list[bytes] = []
    log = LinePrefix(passed.append, "ingestion", limit_bytes=70)
    for piece in (b"one\ntw", b"o\n", b"three"):
        log(piece)
    assert passed == [b"[ingestion] one\n", b"[ingestion] two\n"]
    log.close()
    assert passed[2:] == [b"[ingestion] three\n"]
    log(b"x" * 20 + b"\nnever\n")
    assert passed[3:] == [b"[ingestion] " + b"x" * 20 + b"\n", b"[ingestion] The rest of its log was cut.\n"]


def test_a_line_without_an_end_is_not_kept_in_memory():
    passed: list[bytes] = []
    log = LinePrefix(passed.append, "submission", limit_bytes=10**6)
    log(b"x" * 8000)
    assert passed == []
    log(b"x" * 8000)
    assert passed == [b"[submission] " + b"x" * 16000 + b"\n"]
