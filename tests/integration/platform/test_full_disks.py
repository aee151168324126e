"""Full disks and engines that are away: such a worker takes no run. A full storage takes no upload."""

from types import SimpleNamespace

import pytest

from medici_platform.accounts.rules import Role
from medici_platform.cli import workers
from tests.factories.platform import RESULTS_ZIP, FakeWorker, import_bundle, join, running_platform, submit
from tests.integration.platform.page_client import PageClient


@pytest.fixture
def people(platform):
    olga = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, olga).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    return olga, alice


def waiting(platform, token, number):
    with platform.client(token) as client:
        (run,) = client.get(f"/api/v1/submissions/{number}/runs").json()
    return run["waiting"]


def test_a_run_says_that_it_waits_for_room_on_a_disk(platform, people):
    olga, alice = people
    worker = FakeWorker(platform, platform.worker("gpu-1"))
    worker.hello(is_low_on_disk=True, engine={"product": "docker", "version": "20.10"}).raise_for_status()
    number = submit(platform, alice).json()["id"]
    assert waiting(platform, alice, number) == (
        "Waiting: the machines that run submissions have no disk space left at the moment; the run starts by itself "
        "when there is room."
    )
    assert waiting(platform, olga, number) == (
        "Waiting: the worker gpu-1 has no disk space left: free some room there, and the run starts by itself."
    )
    FakeWorker(platform, platform.worker("gpu-2")).hello().raise_for_status()
    assert waiting(platform, alice, number) == "Next in the queue."


def test_administrators_see_which_disk_is_full(platform):
    worker = FakeWorker(platform, platform.worker("gpu-1"))
    worker.hello(is_low_on_disk=True, engine={"product": "docker", "version": "20.10"}).raise_for_status()
    with platform.client(platform.user("root", Role.ADMIN)) as client:
        (listed,) = client.get("/api/v1/workers").json()
    assert listed["is_low_on_disk"] is True
    assert listed["engine"] == {"product": "docker", "version": "20.10"}
    page = PageClient(platform, "root").get("/admin/workers").text
    assert "disk full" in page
    assert "docker 20.10" in page


def test_a_run_says_that_it_waits_for_a_container_engine(platform, people):
    olga, alice = people
    worker = FakeWorker(platform, platform.worker("gpu-1"))
    number = submit(platform, alice).json()["id"]

    worker.hello(is_engine_away=True).raise_for_status()
    assert waiting(platform, alice, number) == (
        "Waiting: the container engine of the machines that run submissions does not answer at the moment; the run "
        "starts by itself when it does."
    )
    assert waiting(platform, olga, number) == (
        "Waiting: the container engine does not answer on gpu-1: start it there, and the run starts by itself."
    )
    full = FakeWorker(platform, platform.worker("gpu-2"))
    full.hello(is_low_on_disk=True).raise_for_status()
    assert waiting(platform, olga, number) == (
        "Waiting: the worker gpu-2 has no disk space left: free some room there, and the run starts by itself."
    )
    full.hello(is_engine_away=True).raise_for_status()
    assert waiting(platform, olga, number) == (
        "Waiting: the container engine does not answer on gpu-1, gpu-2: start it there, and the run starts by itself."
    )
    full.hello().raise_for_status()
    assert waiting(platform, alice, number) == "Next in the queue."


def test_administrators_see_whose_engine_is_away(platform, monkeypatch, capsys):
    root = platform.user("root", Role.ADMIN)
    worker = FakeWorker(platform, platform.worker("gpu-1"))

    def seen():
        with platform.client(root) as client:
            monkeypatch.setattr(
                workers, "Client", lambda: SimpleNamespace(get=lambda path: client.get(f"/api/v1{path}").json())
            )
            workers.list_workers()
        return PageClient(platform, "root").get("/admin/workers").text, capsys.readouterr().out

    worker.hello(is_engine_away=True).raise_for_status()
    page, listed = seen()
    assert '<span class="chip chip-ended">engine away</span>' in page
    assert "Start the engine on its machine" in page
    assert "engine away" in listed
    worker.hello().raise_for_status()
    page, listed = seen()
    assert '<span class="chip chip-open">connected</span>' in page
    assert "Start the engine" not in page
    assert "engine away" not in listed


def test_with_room_again_the_runs_that_wait_are_offered_again(platform, people):
    worker = FakeWorker(platform, platform.worker("gpu-1"))
    worker.hello(is_low_on_disk=True).raise_for_status()
    submit(platform, people[1]).raise_for_status()
    (hint,) = platform.hints.hints
    worker.hello(is_low_on_disk=True).raise_for_status()
    assert platform.hints.hints == [hint]
    worker.hello().raise_for_status()
    assert platform.hints.hints == [hint, hint]
    worker.hello().raise_for_status()
    assert platform.hints.hints == [hint, hint]
    assert worker.claim(hint.run_id).status_code == 200


def test_a_full_storage_refuses_new_work_and_ends_what_runs(tmp_path):
    with running_platform(tmp_path / "data") as platform:
        olga, alice = platform.user("olga", Role.ORGANIZER), platform.user("alice")
        import_bundle(platform, olga).raise_for_status()
        join(platform, alice)
        worker = FakeWorker(platform, platform.worker())
        submit(platform, alice).raise_for_status()
        run_id = platform.hints.hints[-1].run_id
        platform.context.storage._reserve_bytes = 2**62
        refused = submit(platform, alice, RESULTS_ZIP)
        assert (refused.status_code, refused.json()) == (
            507,
            {
                "code": "storage_full",
                "message": "The platform's storage is nearly full, so that nothing new is taken now. Nothing of yours "
                "is lost: try again later, or tell whoever runs this platform.",
            },
        )
        assert import_bundle(platform, olga).status_code == 507
        with platform.client(alice) as client:
            assert client.get("/readyz").json() == {"ready": True, "storage": "nearly full"}
            assert client.get("/api/v1/challenges/tiny").status_code == 200
        worker.score(run_id, "f1: 0.5")
        assert list((platform.context.settings.storage / "incoming").iterdir()) == []
        platform.context.storage._reserve_bytes = 1
        assert submit(platform, alice).status_code == 201
