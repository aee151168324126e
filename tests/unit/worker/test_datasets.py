"""Data at the engine: half-filled, taken away, in use elsewhere, or only called like ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from medici_worker.containers.engine import ContainerPlan, EngineError, Mount, Volume
from medici_worker.containers.fake_engine import FakeHolder
from medici_worker.containers.profile import keeper
from medici_worker.run import execute
from medici_worker.worksite import open_worksite
from tests.factories.worker import make_zip
from tests.unit.worker.conftest import SCORE, container

MIB = 1024**2


@contextmanager
def held(engine, volume: str) -> Iterator[None]:
    """By a container of somebody who knows nothing of our locks."""
    engine.create_volume(Volume(volume))
    mounts = (Mount(volume, "/data"),)
    holder = engine.hold(ContainerPlan(f"holds-{volume}", "medici/python:latest", keeper(engine_cpus=1), mounts))
    yield
    holder.remove()


def test_a_half_filled_dataset_is_filled_again(engine, site, make, monkeypatch):
    """What it was filled by has died: its container is still there, and holds the volume."""
    spec, host = container(make), make.host(SCORE)
    sha256 = spec.input_data.sha256

    def dies(holder, path, tar):
        engine.volume_contents[holder._plan.mounts[0].volume].files["half"] = b"1"
        raise EngineError("The worker is killed.")

    with monkeypatch.context() as patch:
        patch.setattr(FakeHolder, "put", dies)
        patch.setattr(FakeHolder, "remove", lambda _: None)
        with pytest.raises(EngineError), site.datasets.volume(sha256, lambda: make.archives.by_sha256[sha256]):
            pass
    (dead,) = engine.volumes(name_contains=f"medici-data-{sha256}")
    assert execute(spec, host, site).failure is None
    with site.datasets.volume(sha256, pytest.fail) as name:
        assert name != dead.name
        assert engine.volume_contents[name].files == {"x.csv": b"file,class\n"}
    for one in engine.containers({}):
        engine.remove_container(one.name)
    site.datasets.clean(10**9)
    assert [one.name for one in engine.volumes(name_contains=f"medici-data-{sha256}")] == [name]


def test_a_dataset_without_its_mark_is_filled_again_beside_who_uses_it(engine, site, make, tmp_path):
    """An operator removed all volumes that no container uses, as is done by cron: a mark is one of them."""
    archive, sha256 = make_zip(tmp_path / "data.zip", {"x": b"1"}), "d" * 64
    with site.datasets.volume(sha256, lambda: archive) as first:
        engine.remove_volume(f"medici-done-{sha256}")
        with held(engine, first), site.datasets.volume(sha256, lambda: archive) as second:
            assert first != second
            assert engine.volume_contents[second].files == {"x": b"1"}
    site.datasets.clean(10**9)
    assert [one.name for one in engine.volumes(name_contains="medici-data-")] == [second]


def test_workers_that_share_no_locks_fill_volumes_of_their_own(engine, make, tmp_path):
    """The second one begins and ends while the first one lays its files out: the first to be done counts."""
    archive, sha256 = make_zip(tmp_path / "data.zip", {"x": b"1"}), "c" * 64
    first, second = (
        open_worksite(engine, tmp_path / name, worker=name, prewarm=False).datasets for name in ("first", "second")
    )
    used = []

    lay_out = first._lay_out

    def meanwhile(archive, name, stop):
        lay_out(archive, name, stop)
        with second.volume(sha256, lambda: archive) as volume:
            used.append(volume)

    first._lay_out = meanwhile
    with first.volume(sha256, lambda: archive) as volume:
        assert [volume] == used
        assert engine.volume_contents[volume].files == {"x": b"1"}
    assert [one.name for one in engine.volumes(name_contains="medici-data-")] == used


@pytest.mark.parametrize("is_filling", [True, False])
def test_half_filled_datasets_go_unless_somebody_fills_them(engine, site, is_filling):
    sha256 = "5" * 64
    engine.create_volume(Volume(f"medici-data-{sha256}-{7:012x}", {"medici.filling": "x"}))
    lock = site.datasets._filling_lock(sha256)
    if is_filling:
        assert lock.try_take()
    site.datasets.clean(10 * MIB)
    lock.free()
    assert len(engine.volumes(name_contains=sha256)) == int(is_filling)


def laid_out(site, tmp_path, sha256: str) -> str:
    archive = make_zip(tmp_path / "data.zip", {"x": b"1"})
    with site.datasets.volume(sha256, lambda: archive) as name:
        return name


def test_marks_of_data_that_are_gone_go(engine, site, tmp_path):
    engine.remove_volume(laid_out(site, tmp_path, "5" * 64))
    site.datasets.clean(10 * MIB)
    assert engine.volumes(name_contains="medici-d") == []


def test_volumes_that_merely_have_our_words_in_their_names_stay(engine, site, tmp_path):
    ours = laid_out(site, tmp_path, "5" * 64)
    others = ["backup-medici-data-x", f"copy-of-{ours}", f"{ours}-copy", "medici-data-mine"]
    for name in others:
        engine.create_volume(Volume(name))
    site.datasets.clean(0)
    assert sorted(one.name for one in engine.volumes(name_contains="medici-d")) == sorted(others)


def test_data_that_a_worker_without_our_locks_uses_keep_their_mark(engine, site, tmp_path):
    """A half-filled volume beside them, in a dead worker's hands, is in nobody's way."""
    used, free = laid_out(site, tmp_path, "5" * 64), laid_out(site, tmp_path, "6" * 64)
    dead = f"medici-data-{'6' * 64}-{7:012x}"
    with held(engine, used), held(engine, dead):
        assert site.datasets.clean(0) == ["6" * 64]
    left = {one.name for one in engine.volumes(name_contains="medici-d")}
    assert left == {used, f"medici-done-{'5' * 64}", dead}
    assert free not in left
    with site.datasets.volume("5" * 64, pytest.fail) as name:
        assert name == used


def test_what_an_engine_removed_half_does_not_pass_for_whole(engine, site, tmp_path, monkeypatch):
    sha256, remove = "5" * 64, engine.remove_volume
    laid_out(site, tmp_path, sha256)

    def dies(name):
        if name.startswith("medici-data-"):
            raise EngineError("It died.")
        return remove(name)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "remove_volume", dies)
        with pytest.raises(EngineError):
            site.datasets.remove(sha256)
    assert site.datasets._whole(sha256) is None


def test_a_mark_that_cannot_be_replaced_ends_in_an_error(engine, site, tmp_path):
    sha256 = "5" * 64
    engine.remove_volume(laid_out(site, tmp_path, sha256))
    with (
        held(engine, f"medici-done-{sha256}"),
        pytest.raises(EngineError, match="could not be replaced"),
    ):
        laid_out(site, tmp_path, sha256)


def test_data_that_are_gone_each_time_are_not_laid_out_for_ever(engine, site, tmp_path, monkeypatch):
    fill, filled = site.datasets._fill, []

    def pruned(sha256, *more):
        fill(sha256, *more)
        filled.append(sha256)
        for volume in engine.volumes(name_contains=sha256):
            engine.remove_volume(volume.name)

    monkeypatch.setattr(site.datasets, "_fill", pruned)
    with pytest.raises(EngineError, match="were laid out 3 times"):
        laid_out(site, tmp_path, "5" * 64)
    assert len(filled) == 3
