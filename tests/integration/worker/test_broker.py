"""The embedded broker: a folder. Nothing is read by halves, and nobody else can read it."""

import stat
import threading
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection

from medici_worker.protocol.broker import RUN_JOB, broker_settings, queue_name


@pytest.fixture
def settings(tmp_path) -> dict:
    return broker_settings(f"folder://{tmp_path / 'broker'}")


def hint(settings: dict, run_id: int, queue: str = "default") -> None:
    app = Celery("platform", set_as_current=False)
    app.conf.update(settings)
    app.send_task(RUN_JOB, args=[1, run_id], queue=queue, retry=False)
    app.close()


def connection(settings: dict) -> Connection:
    return Connection(
        settings["broker_url"],
        transport=settings["broker_transport"],
        transport_options=settings["broker_transport_options"],
    )


def taken(settings: dict, queue: str = "default") -> list[int]:
    """Run ids, in the order in which they are handed out."""
    found = []
    with connection(settings) as opened:
        channel = opened.channel()
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            found.append(message.decode()[0][1])
    return found


def messages(settings: dict) -> Path:
    return Path(settings["broker_transport_options"]["data_folder_in"])


def test_hints_come_in_order(settings):
    for run_id in (3, 1, 2):
        hint(settings, run_id)
    assert taken(settings) == [3, 1, 2]
    assert list(messages(settings).iterdir()) == []


def test_runs_with_gpus_travel_apart(settings):
    hint(settings, 1, queue_name("default", gpus=1))
    hint(settings, 2, queue_name("default", gpus=0))
    assert taken(settings, "default") == [2]
    assert taken(settings, "default.gpu") == [1]


def test_a_torn_message_stops_nothing(settings):
    hint(settings, 1)
    (messages(settings) / "00000000000000000001_x.default.msg").write_bytes(b'{"body": "')
    assert taken(settings) == [1]
    assert list(messages(settings).glob("*.msg")) == []


def test_a_message_is_taken_once(settings):
    for run_id in range(20):
        hint(settings, run_id)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.extend(taken(settings))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(20))


def test_the_folder_is_nobody_elses(settings):
    folder = messages(settings).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(messages(settings).stat().st_mode) == 0o700


def test_a_message_holds_a_run_id_and_nothing_of_it(settings):
    hint(settings, 17)
    (path,) = messages(settings).iterdir()
    assert set(path.name.partition(".")[2].split(".")) == {"default", "msg"}
    assert len(path.read_bytes()) < 2000
