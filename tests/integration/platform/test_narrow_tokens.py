"""What an organizer's narrow token opens of others' submissions: what everybody may know, and nothing more."""

import pytest

from medici_platform.accounts import queries
from medici_platform.accounts.rules import Role, Scope
from medici_platform.accounts.service import issue_token
from tests.factories.platform import FakeWorker, import_bundle, join, submit


def narrow_token(platform, name, scope):
    with platform.context.database.write() as session:
        user = queries.user_by_name(session, name)
        return issue_token(session, user, name="narrow", now=platform.clock.now(), scope=scope)


@pytest.fixture
def failed(platform):
    """Alice's submission to a hidden phase, whose error text told of the test data; organizer and owner are known."""
    full = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, full).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    number = submit(platform, alice).json()["id"]
    run = platform.hints.hints[-1].run_id
    worker = FakeWorker(platform, platform.worker())
    token = worker.claim(run).json()["token"]
    worker.call(run, token, "stage", {"stage": "running"}).raise_for_status()
    worker.call(
        run, token, "logs", {"stage": "running", "position": 0, "text": "case 17 is a hand\n"}
    ).raise_for_status()
    report = {"failure": "run_failed", "private_detail": "case 17 is a hand"}
    worker.call(run, token, "report", report).raise_for_status()
    return full, number, run


@pytest.mark.parametrize("scope", [Scope.READ, Scope.SUBMIT])
def test_it_opens_neither_their_files_nor_the_logs_of_a_hidden_phase(platform, failed, scope):
    full, number, run = failed
    paths = [f"/api/v1/submissions/{number}/logs", f"/api/v1/submissions/{number}/file", f"/api/v1/runs/{run}/outputs"]
    with platform.client(full) as client:
        assert "case 17" in client.get(paths[0]).text
        assert "case 17" in client.get(f"/api/v1/submissions/{number}/runs").text
    with platform.client(narrow_token(platform, "olga", scope)) as client:
        assert [client.get(path).json()["code"] for path in paths] == ["token_scope"] * 3
        runs = client.get(f"/api/v1/submissions/{number}/runs")
        assert (runs.status_code, runs.json()[0]["failure"]) == (200, "run_failed")
        assert "case 17" not in runs.text
    with platform.client(narrow_token(platform, "alice", scope)) as client:
        assert [client.get(path).status_code for path in paths[:2]] == [200, 200]


def test_white_space_gives_no_further_tries_to_sign_in(platform):
    platform.user("bob")
    with platform.client() as client:
        names = ["bob", " bob", "bob\t", "BOB "] * 4
        tried = [
            client.post("/api/v1/tokens", json={"username": name, "password": "wrong"}).status_code for name in names
        ]
    assert tried == [401] * 10 + [429] * 6
