"""The same path on PostgreSQL and Redis, with workers that were enrolled like those of other machines."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.programs import COPYING, answering, phase, running
from tests.e2e.stack import stack
from tests.services import empty_redis, postgres_database

pytestmark = pytest.mark.slow

SLOW = "import time; time.sleep(1.5)\nopen('/mnt/out/answer.txt', 'w').write('{}')\n"


@pytest.fixture(scope="module")
def served(docker_engine, postgres_server, redis_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("services")
    empty_redis(redis_server.url)
    with (
        postgres_database(postgres_server) as database_url,
        stack(
            folder,
            worker=False,
            MEDICI_DATABASE_URL=database_url,
            MEDICI_BROKER_URL=redis_server.url,
        ) as running_stack,
    ):
        running_stack.import_challenge(folder / "bundle")
        assert running_stack.medici("join", "tiny", user="alice").code == 0
        yield running_stack


def test_a_submission_waits_for_a_worker_and_says_so(served):
    number = served.hand_in(answering(0.3))
    (run,) = served.runs(number)
    assert run["state"] == "queued"
    assert run["waiting"] == "Waiting: no worker is connected at the moment; the run starts as soon as one is."
    served.start_worker("one")
    assert served.await_end(number)["scores"] == {"f1": 0.3, "seconds": 2.0}


def test_the_whole_path(served):
    answer = served.submit(COPYING)
    assert (answer["state"], answer["kind"], answer["scores"]) == ("finished", "container", {"f1": 0.5, "seconds": 2.0})
    board = served.medici("leaderboard", "tiny", json=True).json
    assert [(entry["rank"], entry["participant"], entry["scores"]) for entry in board["entries"]] == [
        (1, "alice", {"f1": 0.5, "seconds": 2.0})
    ]


def test_two_workers_share_the_work_and_each_run_is_done_once(served):
    served.start_worker("two")
    numbers = [served.hand_in(running(SLOW.format(value / 10))) for value in range(6)]
    ended = [served.await_end(number) for number in numbers]
    assert [each["scores"] for each in ended] == [{"f1": value / 10, "seconds": 2.0} for value in range(6)]
    attempts = [attempt for number in numbers for run in served.runs(number) for attempt in run["attempts"]]
    assert [(each["attempt"], each["outcome"]) for each in attempts] == [(1, "finished")] * 6
    assert {each["worker"] for each in attempts} == {"one", "two"}


def test_of_thirty_uploads_at_once_exactly_the_quota_gets_in(served):
    check_quota_race(served)


def check_quota_race(platform):
    """Thirty uploads at once against a quota of five. Also for SQLite, in test_platform_quota."""
    phases = [phase(0, "Final", max_submissions=5, max_submissions_per_day=5)]
    slug = platform.import_challenge(platform.folder / "race", slug="race", title="Race", phases=phases)
    assert platform.medici("join", slug, user="alice").code == 0
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda value: platform.post_files(answering(value / 100), slug=slug), range(30)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 25
    refused = {(each.json()["code"], each.json()["message"]) for each in answers if each.status_code == 409}
    assert refused == {("submission_limit_reached", "You have used all 5 submissions of the phase 'Final'.")}
    ended = [platform.await_end(answer.json()["id"]) for answer in answers if answer.status_code == 201]
    assert [each["state"] for each in ended] == ["finished"] * 5
    assert platform.get(f"/challenges/{slug}/quota")["left"] == 0
