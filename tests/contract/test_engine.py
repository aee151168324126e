"""What every engine does alike. The fake one is held to what the real one does."""

import time
from dataclasses import replace

import pytest

from medici_worker.containers.archives import tar_end, tar_file, tar_folder
from medici_worker.containers.engine import (
    BuildOrder,
    EngineError,
    Exit,
    Mount,
    StartRefused,
    Volume,
)
from tests.contract.conftest import names_and_contents, one_file
from tests.factories.worker import IMAGE


def test_it_answers(harness):
    harness.engine.ping()


def test_it_describes_itself(harness):
    info = harness.engine.describe()
    assert info.cpus >= 1
    assert info.memory_bytes > 0
    assert info.version
    assert info.product in {"docker", "podman", "fake"}
    assert info.runtime


def test_a_container_reads_its_input_and_writes_its_output(harness):
    data, out = harness.volume("in"), harness.volume("out", 1024**2)
    holder = harness.engine.hold(
        harness.plan(("sleep", "infinity"), Mount(data, "/in", False), Mount(out, "/out", False), name="holder")
    )
    holder.put("/in", one_file("who.txt", b"world"))
    ended = harness.run("hello", Mount(data, "/in"), Mount(out, "/out", read_only=False))
    assert ended == Exit(0, out_of_memory=False)
    assert names_and_contents(holder.get("/out")) == {"out/hello.txt": b"world"}
    assert bytes(harness.log) == b"hello\n"


def test_folders_and_files_of_a_tar_arrive(harness):
    data = harness.volume("in")
    holder = harness.engine.hold(harness.plan(("sleep", "infinity"), Mount(data, "/in", False), name="holder"))
    holder.put("/in", [tar_folder("a"), *tar_file("a/b.txt", b"1"), *tar_file("c.txt", b"2"), tar_end()])
    assert names_and_contents(holder.get("/in")) == {"in/a/b.txt": b"1", "in/c.txt": b"2"}


def test_an_exit_code_comes_back(harness):
    assert harness.run("fail") == Exit(3, out_of_memory=False)


def test_a_read_only_mount_is_read_only(harness):
    data = harness.volume("in")
    assert harness.run("spoil", Mount(data, "/in")).code != 0


def test_a_volume_holds_no_more_than_its_size(harness):
    out = harness.volume("out", 1024**2)
    assert harness.run("fill", Mount(out, "/out", read_only=False)).code != 0


def test_a_container_that_runs_on_is_killed_at_once(harness):
    running = harness.engine.start(harness.plan(harness.command("sleep")), harness.log.extend)
    assert running.wait(0.2) is None
    began = time.monotonic()
    running.kill()
    assert running.wait(10) == Exit(137, out_of_memory=False)
    assert time.monotonic() - began < 2
    running.kill()  # no error
    running.remove()


def test_a_command_that_is_not_there_exits_127(harness):
    running = harness.engine.start(harness.plan(("no-such-command",)), harness.log.extend)
    assert running.wait(10) == Exit(127, out_of_memory=False)
    running.remove()


def test_an_image_without_a_command_is_its_authors_fault(harness):
    tag = f"medici/run-image:{harness.prefix}"
    order = BuildOrder(tag, 60, 512 * 1024**2, 1)
    harness.engine.build(one_file("Dockerfile", f"FROM {IMAGE}\nCMD []\n".encode()), order, harness.log.extend)
    plan = replace(harness.plan(None), image=tag)
    try:
        with pytest.raises(StartRefused):
            harness.engine.start(plan, harness.log.extend)
        assert harness.engine.containers({"medici.worker": harness.prefix}) == []
    finally:
        harness.engine.remove_image(tag)


def test_a_name_can_be_used_once(harness):
    running = harness.engine.start(harness.plan(harness.command("sleep")), harness.log.extend)
    with pytest.raises(EngineError):
        harness.engine.start(harness.plan(harness.command("sleep")), harness.log.extend)
    running.remove()
    assert harness.engine.containers({"medici.worker": harness.prefix}) == []


def test_containers_are_found_by_label_and_removed_by_name(harness):
    harness.engine.start(harness.plan(harness.command("sleep")), harness.log.extend)
    found = harness.engine.containers({"medici.worker": harness.prefix})
    assert [one.name for one in found] == [f"{harness.prefix}-c"]
    harness.engine.remove_container(found[0].name)
    harness.engine.remove_container(found[0].name)  # no error
    assert harness.engine.containers({"medici.worker": harness.prefix}) == []


def test_a_volume_in_use_stays(harness):
    data = harness.volume("in")
    running = harness.engine.start(harness.plan(harness.command("sleep"), Mount(data, "/in")), harness.log.extend)
    assert harness.engine.remove_volume(data) is False
    running.remove()
    assert harness.engine.remove_volume(data) is True
    assert harness.engine.remove_volume(data) is True  # no error
    assert harness.engine.volumes(name_contains=data) == []


def test_labels_of_volumes_come_back(harness):
    data = harness.volume("in")
    assert harness.engine.volumes(name_contains=data) == [Volume(data, {"medici.worker": harness.prefix})]
