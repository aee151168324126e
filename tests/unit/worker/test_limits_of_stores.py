"""Too large is refused before it is unpacked, old goes within its budget, overdue goes at once."""

import os
import time

from medici_worker.containers.bench import BenchSize
from medici_worker.containers.engine import ContainerPlan, Volume
from medici_worker.containers.profile import keeper
from medici_worker.janitor import images_over, keep_within_budget, make_room, remove_overdue
from medici_worker.protocol import BuildPolicy, FailureKind
from medici_worker.run import execute
from tests.unit.worker.conftest import LIMITS, SCORE, container

MIB = 1024**2


def test_predictions_over_the_limit_are_refused_before_they_are_unpacked(engine, site, make):
    spec = make.results({"y.csv": "1" * 2 * MIB}, limits=LIMITS)
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.OUTPUT_LIMIT
    assert report.public_detail == (
        "The archive holds 2 MiB in 1 files and folders; the limit is 0 MiB and 10000 files."
    )
    assert [plan.command for plan in engine.plans] == [("sleep", "infinity")]  # nobody's program ran


def test_more_predictions_than_files_are_allowed(site, make):
    limits = LIMITS.model_copy(update={"output_bytes": MIB, "output_files": 2})
    report = execute(make.results(dict.fromkeys("abc", "1"), limits=limits), make.host(SCORE), site)
    assert report.failure is FailureKind.OUTPUT_LIMIT
    assert report.public_detail == "The archive holds 1 MiB in 3 files and folders; the limit is 1 MiB and 2 files."


def test_a_context_over_the_limit_is_never_sent(engine, site, make):
    policy = BuildPolicy(context_bytes=MIB)
    spec = make.container("FROM medici/python:latest\n", {"weights": "0" * 2 * MIB}, build=policy)
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.BUILD_FAILED
    assert report.public_detail == "The archive's files have 3 MiB in all; the limit is 1 MiB."
    assert engine.builds == []


def test_code_over_the_limit_is_never_laid_out(engine, site, make):
    policy = BuildPolicy(context_bytes=MIB)
    spec = make.code({"metadata": "command: predict", "weights": "0" * 2 * MIB}, build=policy, limits=LIMITS)
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.ARCHIVE_REJECTED
    assert report.public_detail == "The archive's files have 3 MiB in all; the limit is 1 MiB."
    assert engine.volumes(name_contains=spec.submission.sha256) == []


def test_an_image_that_grows_too_large(engine, site, make):
    policy = BuildPolicy(image_bytes=100 * MIB)
    spec = make.container(f"FROM medici/python:latest\nRUN fill {101 * MIB}\n", build=policy)
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.BUILD_FAILED
    assert report.public_detail == "It added more to its base images than the limit of 100 MiB."
    assert engine.images("") == []


def filled(make, number: int, megabytes: int):
    return make.container(f"FROM medici/python:latest\nRUN fill {megabytes * MIB}\nCMD predict\n# {number}\n")


def test_images_go_by_bytes_and_by_last_use(engine, site, make):
    specs = [filled(make, number, 10) for number in range(3)]
    ids = [execute(spec, make.host(SCORE), site).image_digest for spec in specs]
    for age, image_id in enumerate(ids):
        site.uses.note(image_id)
        moment = time.time() - 100 + age
        os.utime(site.uses._path(image_id), (moment, moment))
    execute(specs[0].model_copy(update={"attempt": 2}), make.host(SCORE), site)  # the oldest is used again
    keep_within_budget(site, data_budget_bytes=MIB, image_budget=50, image_budget_bytes=25 * MIB)
    assert {one.image_id for one in engine.images("")} == {ids[0], ids[2]}
    assert site.uses.last_used(ids[1]) is None
    site.uses.hold(ids[0])
    assert [engine.image(name).image_id for name in images_over(engine, "w1", 0, uses=site.uses)] == [ids[2]]
    site.uses.let_go([ids[0]])
    assert len(images_over(engine, "w1", 0, uses=site.uses)) == 2


def test_an_image_that_a_run_needs_stays(engine, site, make):
    def while_it_runs(inside):
        make_room(site)
        keep_within_budget(site, data_budget_bytes=0, image_budget=0, image_budget_bytes=0)
        inside.write("/mnt/out/y", b"1")
        return len(engine.images("")) - 1

    engine.programs["predict"] = while_it_runs
    assert execute(container(make), make.host(SCORE), site).exit_code == 0
    keep_within_budget(site, data_budget_bytes=0, image_budget=0, image_budget_bytes=0)
    assert engine.images("") == []


def held(engine, name: str, **labels: str):
    engine.create_volume(Volume(f"{name}-volume", labels))
    engine.hold(ContainerPlan(name, "medici/python:latest", keeper(engine_cpus=1), labels=labels))


def test_what_is_overdue_goes_whosever_it_is(engine):
    now = time.time()
    held(engine, "over", **{"medici.worker": "dead", "medici.until": str(int(now) - 1)})
    held(engine, "running", **{"medici.worker": "alive", "medici.until": str(int(now) + 60)})
    held(engine, "odd", **{"medici.until": "soon"})
    held(engine, "others")
    assert remove_overdue(engine, now=now) == 1
    assert sorted(one.name for one in engine.containers({})) == ["odd", "others", "running"]
    assert [one.name for one in engine.volumes(name_contains="over")] == []


def test_a_bench_is_made_anew_before_it_is_overdue(engine, site):
    size = BenchSize.of(LIMITS, LIMITS)
    long = site.benches.take(size, for_s=10 * 24 * 3600)
    assert long.until > time.time() + 9 * 24 * 3600
    site.benches.give_back(long)
