"""What docker-compose asks a worker's container."""

from pathlib import Path

from medici_worker.health import fault
from medici_worker.locks import FileLock
from medici_worker.settings import WorkerSettings
from tests.factories.platform import running_platform
from tests.services import free_port


def test_a_worker_is_well_while_it_lives_and_reaches_its_platform(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "worker.lock")
    with running_platform(tmp_path / "data") as platform:
        settings = WorkerSettings(url=platform.url, state_dir=tmp_path)
        assert fault(settings) == f"No worker is at work on {tmp_path}."
        assert lock.try_take()
        assert fault(settings) is None
    lock.free()


def test_a_platform_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    lock = FileLock(tmp_path / "worker.lock")
    assert lock.try_take()
    assert fault(WorkerSettings(url=url, state_dir=tmp_path)) == (
        f"The platform at {url} does not answer: <urlopen error [Errno 111] Connection refused>."
    )
    lock.free()
