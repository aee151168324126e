"""The story of a run on the fake engine: every way that it can end."""

import threading
import time
from importlib.metadata import version

import pytest

from medici_worker.attempt import Attempt
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.host import HandedBack, HostUnreachable, LeaseLost
from medici_worker.protocol import FailureKind, FileRole, GpuUsed, Machine, Stage
from medici_worker.run import execute
from medici_worker.worksite import open_worksite
from tests.unit.worker.conftest import LIMITS, SCORE, container


def test_a_container_submission_is_built_run_and_scored(engine, site, make):
    host = make.host(SCORE)
    report = execute(container(make), host, site)
    assert report.failure is None
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert report.exit_code == 0
    assert host.reports == [report]
    assert host.stages == [Stage.RUNNING, Stage.SCORING]
    assert host.outputs == {"y.csv": b"file,class\n"}
    assert host.logs[Stage.RUNNING] == "predicting\n"
    assert host.logs[Stage.SCORING] == "the answer is secret\n"
    assert host.fetched == [
        FileRole.SUBMISSION,
        FileRole.INPUT_DATA,
        FileRole.SCORING_PROGRAM,
        FileRole.REFERENCE_DATA,
    ]


def test_the_second_time_nothing_is_built_or_fetched(engine, site, make):
    spec = container(make)
    execute(spec, make.host(SCORE), site)
    host = make.host(SCORE)
    report = execute(spec.model_copy(update={"attempt": 2}), host, site)
    assert report.failure is None
    assert host.fetched == []
    assert len(engine.builds) == 1


def test_a_result_submission_is_scored_as_it_is(engine, site, make):
    host = make.host(SCORE)
    report = execute(make.results({"y.csv": "1"}), host, site)
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert host.stages == [Stage.SCORING]
    assert [plan.name for plan in engine.plans if "scoring" in plan.name] == ["medici-w1-1-1-scoring"]


def test_the_two_containers_see_what_they_may(engine, site, make):
    execute(container(make), make.host(SCORE), site)
    (inference,) = [plan for plan in engine.plans if plan.name == "medici-w1-1-1-inference"]
    (scoring,) = [plan for plan in engine.plans if plan.name == "medici-w1-1-1-scoring"]
    assert {(mount.path, mount.read_only) for mount in inference.mounts} == {("/mnt/in", True), ("/mnt/out", False)}
    assert {(mount.path, mount.read_only) for mount in scoring.mounts} == {
        ("/app/program", True),
        ("/app/input/ref", True),
        ("/app/input/res", True),
        ("/app/output", False),
    }
    until = int(inference.labels["medici.until"])
    assert time.time() + 500 < until < time.time() + 700  # its time limit, and what a kill may take
    assert inference.labels.items() >= {"medici.worker": "w1", "medici.run": "1", "medici.attempt": "1"}.items()
    places = {"PROGRAM": "/app/program", "IN": "/app/input", "OUT": "/app/output"}
    assert scoring.environment == {**places, "MEDICI_TASK": "t"}
    assert inference.environment == {"MEDICI_TASK": "t"}
    assert scoring.working_dir == "/app/program"


def test_the_report_says_on_what_it_ran(engine, make, tmp_path):
    models = {"GPU-a": "NVIDIA H100 PCIe", "GPU-b": "another"}
    site = open_worksite(engine, tmp_path / "state", worker="w1", prewarm=False, runtime="runsc", gpu_models=models)
    spec = container(make, limits=LIMITS.model_copy(update={"cpus": 64.0, "gpus": 1}))
    report = execute(spec, make.host(SCORE), site, gpus=("GPU-a",))
    site.close()
    assert report.machine == Machine(
        worker_version=version("medici-worker"),
        engine="fake",
        engine_version="0",
        runtime="runsc",
        architecture="amd64",
        gpus=(GpuUsed(id="GPU-a", model="NVIDIA H100 PCIe"),),
    )
    assert report.limits == spec.limits.model_copy(update={"cpus": 8})
    assert report.scoring_limits == spec.scoring_limits
    assert report.base_images == (engine.image("medici/python:latest").digest,)


def test_what_a_machine_says_of_itself_is_cut_and_never_refused():
    machine = Machine.model_validate({"kernel": "\0" + "6" * 500})
    assert machine.kernel == "\N{REPLACEMENT CHARACTER}" + "6" * 119


def test_leased_gpus_reach_the_container(engine, site, make):
    spec = container(make, limits=LIMITS.model_copy(update={"gpus": 1}))
    execute(spec, make.host(SCORE), site, gpus=("GPU-a", "GPU-b"))
    (inference,) = [plan for plan in engine.plans if plan.name.endswith("inference")]
    (scoring,) = [plan for plan in engine.plans if plan.name.endswith("scoring")]
    assert inference.profile.host["device_requests"][0]["DeviceIDs"] == ["GPU-a"]
    assert "device_requests" not in scoring.profile.host


def oom(inside: Inside) -> int:
    raise MemoryError


def slow(inside: Inside) -> int:
    inside.write("/mnt/out/y", b"1")
    inside.sleep(60)
    return 0


def exit_1(inside: Inside) -> int:
    inside.write("/mnt/out/y", b"1")
    inside.print("a secret image name\n")
    return 1


def flood(inside: Inside) -> int:
    inside.write("/mnt/out/y", b"1" * 1001)
    return 0


def link(inside: Inside) -> int:
    inside.link("/mnt/out/y", "/app/input/ref/truth.txt")
    return 0


ENDS = {
    "memory": (oom, FailureKind.MEMORY_LIMIT, "The limit is 100 MiB."),
    "time": (slow, FailureKind.TIME_LIMIT, "The limit is 0.2 s."),
    "exit": (exit_1, FailureKind.RUN_FAILED, ""),
    "output": (flood, FailureKind.OUTPUT_LIMIT, "The limit is 0 MiB and 10000 files."),
    "missing": (lambda _: 0, FailureKind.OUTPUT_MISSING, ""),
    "link": (link, FailureKind.OUTPUT_MISSING, "It wrote files, but none that this phase takes as an output."),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_container_that_does_not_end_well(engine, site, make, end):
    program, kind, detail = ENDS[end]
    engine.programs["predict"] = program
    host = make.host(SCORE)
    limits = LIMITS.model_copy(update={"time_s": 0.2})
    report = execute(container(make, limits=limits), host, site)
    assert (report.failure, report.public_detail, report.scores) == (kind, detail, None)
    assert host.outputs is None
    assert Stage.SCORING not in host.stages


def scorer(code: int, files: dict[str, bytes]):
    def program(inside: Inside) -> int:
        inside.print("the truth is 42\n")
        for name, content in files.items():
            inside.write(f"/app/output/{name}", content)
        return code

    return program


def test_exit_65_says_that_the_predictions_are_at_fault(engine, site, make):
    engine.programs["score"] = scorer(65, {"predictions_invalid.txt": b"Row 3 is missing.\n", "scores.txt": b"f1: 1"})
    report = execute(container(make), make.host(SCORE), site)
    assert report.failure is FailureKind.PREDICTIONS_INVALID
    assert report.public_detail == "Row 3 is missing."
    assert report.scores is None


def test_a_long_explanation_is_cut(engine, site, make):
    engine.programs["score"] = scorer(65, {"predictions_invalid.txt": b"x" * 900})
    limits = LIMITS.model_copy(update={"output_bytes": 10_000})
    engine.programs["score"] = scorer(65, {"predictions_invalid.txt": b"x" * 5000})
    report = execute(container(make, scoring_limits=limits), make.host(SCORE), site)
    assert report.public_detail == "x" * 1999 + "…"


SCORING_ENDS = {
    "exit 1": (scorer(1, {"scores.txt": b"f1: 1"}), "The scoring program ended with exit code 1."),
    "no scores": (scorer(0, {}), "The scoring program wrote neither scores.json nor scores.txt to /app/output."),
    "memory": (oom, "The scoring program used more memory than its own limit."),
    "time": (lambda inside: inside.sleep(60) or 0, "The scoring program ran over its own time limit."),
}


@pytest.mark.parametrize("end", SCORING_ENDS)
def test_a_scorer_that_fails_is_the_organizers_fault(engine, site, make, end):
    engine.programs["score"], sentence = SCORING_ENDS[end]
    limits = LIMITS.model_copy(update={"time_s": 0.2})
    report = execute(container(make, scoring_limits=limits), make.host(SCORE), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.public_detail == ""
    assert report.private_detail.startswith(sentence)
    assert report.scores is None


def test_detailed_results_come_along(engine, site, make):
    engine.programs["score"] = scorer(0, {"scores.json": b'{"f1": 1}', "b.html": b"b", "scores.html": b"s"})
    report = execute(container(make), make.host(SCORE), site)
    assert report.scores.scores_json == '{"f1": 1}'
    assert report.scores.detailed_html == "s"


def test_a_program_that_is_none_is_the_organizers_fault(site, make):
    report = execute(container(make), make.host({"score.py": ""}), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert "neither a Dockerfile nor a 'metadata' file" in report.private_detail


def test_a_program_whose_dockerfile_is_refused_is_the_organizers_fault(site, make):
    report = execute(container(make), make.host({"Dockerfile": "FROM evil"}), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert report.private_detail.startswith("The scoring program's image: image_refused. Line 1 of the Dockerfile")


def test_a_program_with_a_dockerfile_is_built(engine, site, make):
    report = execute(container(make), make.host({"Dockerfile": "FROM medici/python\nCMD score\n"}), site)
    assert report.failure is None
    (plan,) = [plan for plan in engine.plans if plan.name.endswith("scoring")]
    assert (plan.command, plan.working_dir) == (None, "/app")


def test_a_base_image_that_is_not_allowed(site, make):
    report = execute(make.container("FROM evil/image\n"), make.host(SCORE), site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail == (
        "Line 1 of the Dockerfile: the base image 'evil/image' is not allowed; "
        "allowed are medici/*, python:3.*, projectmonai/monai:*."
    )


def test_a_base_image_that_does_not_exist(site, make):
    report = execute(make.container("FROM python:3.99\nCMD predict\n"), make.host(SCORE), site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail.startswith("Line 1 of the Dockerfile: the base image python:3.99 does not exist")


def test_a_build_that_fails(site, make):
    host = make.host(SCORE)
    report = execute(make.container("FROM medici/python\nRUN false\n"), host, site)
    assert report.failure is FailureKind.BUILD_FAILED
    assert report.public_detail == "Step 2 of the Dockerfile failed."
    assert host.logs[Stage.PREPARING].startswith("Step 1/2 : FROM medici/python\n")


def test_a_zip_without_a_dockerfile(site, make):
    spec = make.results({"x": "1"}).model_copy(update={"kind": "container"})
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.ARCHIVE_REJECTED


def test_what_the_platform_breaks_is_a_system_error(site, make, monkeypatch):
    host = make.host(SCORE)

    def broken(*_: object) -> None:
        raise HostUnreachable("The platform did not answer.")

    monkeypatch.setattr(host, "fetch", broken)
    report = execute(container(make), host, site)
    assert (report.failure, report.private_detail) == (FailureKind.SYSTEM_ERROR, "The platform did not answer.")
    assert (report.public_detail, report.may_pass) == ("", True)


def test_without_a_holder_image_it_is_a_system_error(make, tmp_path):
    site = open_worksite(FakeEngine(images=()), tmp_path / "state", prewarm=False)
    report = execute(container(make), make.host(SCORE), site)
    assert report.failure is FailureKind.SYSTEM_ERROR
    assert report.private_detail == "No such image: medici/python:latest"
    site.close()


def test_a_lost_lease_stops_the_container_and_reports_nothing(engine, site, make):
    engine.programs["predict"] = slow
    host = make.host(SCORE)
    threading.Timer(0.2, host.lost.set).start()
    began = time.monotonic()
    with pytest.raises(LeaseLost):
        execute(container(make, limits=LIMITS.model_copy(update={"time_s": 60})), host, site, heartbeat_s=0.05)
    assert time.monotonic() - began < 2
    assert host.reports == []
    assert host.released == 0


def test_a_run_that_is_handed_back_is_released(engine, site, make):
    engine.programs["predict"] = slow
    host, attempt = make.host(SCORE), Attempt()
    threading.Timer(0.2, attempt.end, args=(HandedBack("The worker is shutting down."),)).start()
    with pytest.raises(HandedBack):
        execute(container(make, limits=LIMITS.model_copy(update={"time_s": 60})), host, site, attempt=attempt)
    assert host.reports == []
    assert host.released == 1


@pytest.mark.parametrize("where", ["medici_worker.containers.builds.check", "medici_worker.run.scratch_folder"])
def test_a_bug_of_ours_still_ends_the_run(site, make, monkeypatch, where):
    def broken(*_, **__):
        raise ValueError("invalid literal")

    monkeypatch.setattr(where, broken)
    host = make.host(SCORE)
    report = execute(container(make), host, site)
    assert (report.failure, report.private_detail) == (FailureKind.SYSTEM_ERROR, "ValueError: invalid literal")
    assert host.reports == [report]
