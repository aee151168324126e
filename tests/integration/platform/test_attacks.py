"""Attempts to stop the platform, to game a board, and to carry the test set out: each was possible once."""

import inspect
import socket
import time
from urllib.parse import urlsplit

import pytest
from fastapi.routing import APIRoute

from medici_platform import app as composition
from medici_platform import pages
from medici_platform.accounts.rules import Role
from medici_platform.bodies import streams
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    FakeWorker,
    import_bundle,
    join,
    running_platform,
    submit,
)

TWO_TASKS = COMPETITION.replace(
    "phases:\n",
    "  - index: 1\n    name: Hard\n    scoring_program: scoring_program\n    reference_data: reference_data\nphases:\n",
).replace("    tasks: [0]\n    max_submissions: 10", "    tasks: [0, 1]\n    max_submissions: 10")


ACCOUNT = {"username": "abc", "password": "correct horse"}
NAMED = b'Content-Disposition: form-data; name="file"; filename="a\0b.zip"'


@pytest.fixture
def worker(platform):
    return FakeWorker(platform, platform.worker())


def challenge(platform, competition=COMPETITION):
    organizer = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, organizer, {**BUNDLE_FILES, "competition.yaml": competition}).raise_for_status()
    return organizer


def participant(platform, name="alice"):
    token = platform.user(name)
    join(platform, token)
    return token


def read(platform, token, path):
    with platform.client(token) as client:
        return client.get(path)


def test_failing_the_hard_task_gives_no_rank(platform, worker):
    challenge(platform, TWO_TASKS)
    for name, hard in (("honest", "f1: 0.1"), ("gamer", None)):
        submit(platform, participant(platform, name)).raise_for_status()
        easy_run, hard_run = [hint.run_id for hint in platform.hints.hints[-2:]]
        worker.score(easy_run, "f1: 0.9")
        if hard:
            worker.score(hard_run, hard)
        else:
            token = worker.claim(hard_run).json()["token"]
            worker.call(hard_run, token, "report", {"failure": "predictions_invalid"}).raise_for_status()
    entries = read(platform, None, "/api/v1/challenges/tiny/leaderboard").json()["entries"]
    assert [(entry["rank"], entry["participant"]) for entry in entries] == [(1, "honest"), (None, "gamer")]


def test_a_hidden_phase_tells_no_number_without_a_column(platform, worker):
    organizer = challenge(platform)
    alice = participant(platform)
    number = submit(platform, alice).json()["id"]
    worker.score(platform.hints.hints[-1].run_id, "f1: 0.5\ncase_001_correct: 1")
    for path in (f"/api/v1/submissions/{number}", f"/api/v1/submissions/{number}/runs", f"/submissions/{number}"):
        assert "case_001" not in read(platform, alice, path).text
    assert "case_001" in read(platform, organizer, f"/api/v1/submissions/{number}").text


def test_a_hidden_column_is_not_even_named(platform, worker):
    challenge(platform, COMPETITION.replace("precision: 1}", "precision: 1, hidden: true}"))
    alice = participant(platform)
    number = submit(platform, alice).json()["id"]
    worker.score(platform.hints.hints[-1].run_id, "f1: 0.5")
    (run,) = read(platform, alice, f"/api/v1/submissions/{number}/runs").json()
    assert run["message"] == ""


def test_times_of_a_hidden_run_are_whole_seconds(platform, worker):
    organizer = challenge(platform)
    alice = participant(platform)
    number = submit(platform, alice).json()["id"]
    run_id = platform.hints.hints[-1].run_id
    token = worker.claim(run_id).json()["token"]
    report = {"failure": "run_failed", "stage_seconds": {"running": 1.23456}}
    worker.call(run_id, token, "report", report).raise_for_status()
    seen = [read(platform, who, f"/api/v1/submissions/{number}/runs").json()[0] for who in (alice, organizer)]
    assert [run["stage_seconds"] for run in seen] == [{"running": 1.0}, {"running": 1.23456}]


@pytest.mark.parametrize("key", ["\\ud800", "a\\u0000b", "\\u001b[2J", "k" * 150])
def test_a_key_that_is_no_name_does_not_stop_the_run(platform, worker, key):
    challenge(platform)
    alice = participant(platform)
    number = submit(platform, alice).json()["id"]
    run_id = platform.hints.hints[-1].run_id
    token = worker.claim(run_id).json()["token"]
    worker.call(run_id, token, "stage", {"stage": "scoring"})
    report = {"scores": {"scores_json": f'{{"f1": 0.5, "{key}": 1}}'}}
    worker.call(run_id, token, "report", report).raise_for_status()
    assert read(platform, alice, f"/api/v1/submissions/{number}").json()["scores"] == {"f1": 0.5}


def test_a_sender_who_takes_his_time_holds_up_nobody(platform):
    challenge(platform)
    alice = participant(platform)
    number = submit(platform, alice).json()["id"]
    address = urlsplit(platform.url)
    slow = [f"/submissions/{number}/cancel", "/api/v1/tokens", f"/api/v1/submissions/{number}/cancel"]
    held = []
    for path in slow:
        connection = socket.create_connection((address.hostname, address.port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice}\r\nContent-Length: 100\r\n\r\nx"
        connection.sendall(head.encode())
        held.append(connection)
    time.sleep(0.2)
    began = time.monotonic()
    participant(platform, "bob")
    assert time.monotonic() - began < 5
    for connection in held:
        connection.close()


def test_a_body_is_bounded(platform):
    with platform.client() as client:
        answer = client.post("/api/v1/tokens", content=b"x" * (1024**2 + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert client.post("/sign-in", content=b"x" * (1024**2 + 1)).status_code == 413


def test_only_streaming_endpoints_are_left_out_of_that():
    routes = [route for router in (*composition.ROUTERS, *pages.ROUTERS) for route in router.routes]
    values = {"slug": "tiny", "run_id": 1}
    streaming = {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute) and inspect.iscoroutinefunction(route.endpoint)
        for method in route.methods
    }
    assert {(method, path) for method, path in streaming if not streams(method, path.format(**values))} == set()
    assert len(streaming) == 6


def test_a_form_of_very_many_parts_is_refused(platform):
    challenge(platform)
    alice = participant(platform)
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    with platform.client(alice) as client:
        answer = client.post(
            "/api/v1/challenges/tiny/submissions",
            content=part * 5_000 + b"--b--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_form")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def either(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with running_platform(tmp_path / "either", database_url=url) as running:
        yield running


def test_hostile_names_are_refused_on_either_database(either):
    challenge(either)
    alice = participant(either)
    worker = either.worker()
    with either.client(alice) as client:
        statuses = {
            client.get("/api/v1/challenges/a%00b").status_code,
            client.get("/challenges/a%00b").status_code,
            client.post("/api/v1/tokens", json={"username": "a\0b", "password": "x"}).status_code,
            client.post(
                "/api/v1/users", json={"username": "abc", "password": "p" * 12, "email": "a\0@b.c"}
            ).status_code,
            client.get("/submissions/" + "0" * 20 + "9" * 30).status_code,
            client.get("/submissions/" + "9" * 5000).status_code,
        }
        assert max(statuses) < 500
        named = client.post(
            "/api/v1/challenges/tiny/submissions",
            content=b"--b\r\n" + NAMED + b"\r\n\r\nnot a zip\r\n--b--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        assert named.status_code == 422
    fake = FakeWorker(either, worker)
    assert fake.hello(gpus=("a\0b",)).status_code == 200
    assert fake.claim(10**30).status_code == 422
    submit(either, alice).raise_for_status()
    run_id = either.hints.hints[-1].run_id
    token = fake.claim(run_id).json()["token"]
    for report in ({"exit_code": 10**30}, {"image_digest": "x" * 5000}):
        assert fake.call(run_id, token, "report", report).status_code == 422
    assert fake.call(run_id, token, "report", {"failure": "run_failed", "public_detail": "a\0b"}).status_code == 204
