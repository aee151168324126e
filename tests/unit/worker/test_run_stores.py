"""What runs share on the fake engine: base images, datasets, benches, the disk."""

import threading
import time
from dataclasses import replace

import pytest

from medici_worker.containers.archives import ArchiveUnusable
from medici_worker.containers.disk import Disk
from medici_worker.containers.engine import EngineError
from medici_worker.containers.fake_engine import FakeImage
from medici_worker.janitor import make_room
from medici_worker.protocol import BuildPolicy, FailureKind
from medici_worker.run import execute
from medici_worker.worksite import open_worksite
from tests.factories.worker import make_zip
from tests.unit.worker.conftest import LIMITS, SCORE, container


@pytest.mark.parametrize("source", ["²", "9" * 5000])
def test_a_stage_number_that_is_none_is_refused(site, make, source):
    spec = make.container(f"FROM medici/python:latest\nCOPY --from={source} /a /b\nCMD predict\n", limits=LIMITS)
    assert execute(spec, make.host(SCORE), site).failure is FailureKind.IMAGE_REFUSED


@pytest.mark.parametrize("volume", ["/mnt/in", "/mnt/out", "/tmp"])
def test_a_volume_where_there_is_a_place_anyway_runs(site, make, volume):
    spec = make.container(f"FROM medici/python:latest\nVOLUME {volume}\nCMD predict\n", limits=LIMITS)
    assert execute(spec, make.host(SCORE), site).failure is None


def test_a_base_with_a_volume_of_its_own_is_refused(engine, site, make):
    volume = replace(engine.image("medici/python:latest"), volumes=("/data", "/mnt/out"))
    spec = container(make)
    execute(spec, make.host(SCORE), site)
    (tag,) = engine.images("")[0].tags
    engine._images[tag] = replace(engine._images[tag], image=replace(volume, tags=(tag,)))
    report = execute(spec.model_copy(update={"attempt": 2}), make.host(SCORE), site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail == (
        "The image, or its base, declares a volume at '/data', which is not allowed: containers may write to /mnt/out "
        "and /tmp alone."
    )
    assert len([plan for plan in engine.plans if plan.name.endswith("inference")]) == 1


def test_a_scoring_image_with_a_volume_is_the_organizers_to_mend(engine, site, make):
    image = replace(engine.image("medici/python:latest"), volumes=("/data",))
    engine._images["medici/scorer:latest"] = FakeImage(replace(image, image_id="sha256:5"), ("score",))
    report = execute(make.results({"y": "1"}, program_image="medici/scorer"), make.host(SCORE), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert "declares a volume at '/data'" in report.private_detail


@pytest.mark.parametrize("labelled", [True, False])
def test_what_was_built_from_a_submission_is_nobody_elses_base(engine, site, make, labelled):
    execute(container(make), make.host(SCORE), site)
    (secret,) = engine.images("")
    if not labelled:
        engine._images[secret.tags[0]] = replace(engine._images[secret.tags[0]], image=replace(secret, labels={}))
    else:
        engine._images["medici/other:1"] = FakeImage(replace(secret, tags=("medici/other:1",)))
    name = "medici/other:1" if labelled else secret.tags[0]
    policy = BuildPolicy(allowed_bases=("*",), image_map={"x:*": name})
    spec = make.container("FROM x:1\nCMD predict\n", limits=LIMITS, build=policy)
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail == "Line 1 of the Dockerfile: the base image x:1 is not allowed."
    scoring = make.results({"y": "1"}, program_image=name)
    assert execute(scoring, make.host(SCORE), site).failure is FailureKind.SCORING_FAILED


def test_without_room_on_the_disk_nothing_is_built(engine, make, tmp_path):
    full = Disk(tmp_path, reserve_bytes=2**62)
    site = open_worksite(engine, tmp_path / "state", worker="w3", prewarm=False, disk=full)
    spec = container(make)
    report = execute(spec, make.host(SCORE), site)
    assert report.failure is FailureKind.SYSTEM_ERROR
    assert report.private_detail.startswith("The submission was not fetched: ")
    archive = make.archives.by_sha256[spec.submission.sha256]
    with pytest.raises(EngineError, match=r"^The build was not begun: hardly any room is left on the engine's disk\.$"):
        site.builder.image_for(spec.submission.sha256, lambda: archive, spec.build, bytearray().extend)
    site.close()


def test_a_build_that_fills_the_disk_has_itself_to_blame(engine, site, monkeypatch):
    monkeypatch.setattr(Disk, "free_bytes", property(lambda _: 1024))
    failure = site.builder._disk_filled(before_bytes=2 * 1024**3)
    assert failure.kind is FailureKind.BUILD_FAILED


def test_room_is_made_of_built_images(engine, make, tmp_path):
    site = open_worksite(engine, tmp_path / "state", worker="w3", prewarm=False)
    execute(container(make), make.host(SCORE), site)
    make_room(site)
    assert len(engine.images("")) == 1
    site.disk = Disk(tmp_path, reserve_bytes=2**62)
    make_room(site)
    assert engine.images("") == []
    site.close()


def test_datasets_are_cleaned_oldest_first_within_a_budget(engine, site, make, tmp_path):
    archives = {}
    for number in range(3):
        sha256 = f"{number:064x}"
        archives[sha256] = make_zip(tmp_path / f"{number}.zip", {"x": b"1" * 100})
        with site.datasets.volume(sha256, lambda sha256=sha256: archives[sha256]):
            pass
        time.sleep(0.02)
    with site.datasets.volume(f"{1:064x}", pytest.fail):
        assert site.datasets.clean(150) == [f"{0:064x}", f"{2:064x}"]  # 1 is in use
    left = [volume.name for volume in engine.volumes(name_contains="medici-d")]
    assert [name.rpartition("-")[0] if "data" in name else name for name in sorted(left)] == [
        f"medici-data-{1:064x}",
        f"medici-done-{1:064x}",
    ]


def test_spare_benches_are_used_and_removed(engine, make, tmp_path):
    site = open_worksite(engine, tmp_path / "state", worker="w2")
    spec = container(make)
    for attempt in range(1, 5):
        assert execute(spec.model_copy(update={"attempt": attempt}), make.host(SCORE), site).failure is None
    other = container(make, limits=LIMITS.model_copy(update={"output_bytes": 2000}))
    assert execute(other, make.host(SCORE), site).failure is None
    site.close()
    assert engine.containers({}) == []
    assert engine.volumes(labels={"medici.worker": "w2"}) == []


def test_many_runs_at_once_fill_a_dataset_once(engine, site, tmp_path):
    archive = make_zip(tmp_path / "data.zip", {"x": b"1"})
    fetched = []

    def fetch():
        fetched.append(1)
        time.sleep(0.05)
        return archive

    def use() -> None:
        with site.datasets.volume("a" * 64, fetch) as volume:
            assert engine.volume_contents[volume].files == {"x": b"1"}

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [1]


def test_a_filling_that_broke_off_leaves_nothing_that_is_used(engine, site, tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"no zip")
    with pytest.raises(ArchiveUnusable), site.datasets.volume("b" * 64, lambda: tmp_path / "broken.zip"):
        pytest.fail("never filled")
    assert engine.volumes(name_contains="medici-done-" + "b" * 64) == []
    archive = make_zip(tmp_path / "data.zip", {"x": b"1"})
    with site.datasets.volume("b" * 64, lambda: archive) as volume:
        assert engine.volume_contents[volume].files == {"x": b"1"}
