from medici_platform.accounts.rules import Role
from medici_platform.clock import Clock
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    submit,
)


def set_up(platform: RunningPlatform) -> tuple[str, str, FakeWorker]:
    organizer = platform.user("olga", Role.ORGANIZER)
    answer = import_bundle(platform, organizer)
    assert answer.status_code == 201, answer.text
    alice = platform.user("alice")
    join(platform, alice)
    return organizer, alice, FakeWorker(platform, platform.worker())


def test_from_an_upload_to_the_board(platform):
    _, alice, worker = set_up(platform)
    answer = submit(platform, alice)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "queued"
    run_id = platform.hints.hints[-1].run_id
    worker.score(run_id, "f1: 0.5\nseconds:2")
    with platform.client(alice) as client:
        submission = client.get(f"/api/v1/submissions/{answer.json()['id']}").json()
        board = client.get("/api/v1/challenges/tiny/leaderboard").json()
    assert submission["state"] == "finished"
    assert submission["scores"] == {"f1": 0.5, "seconds": 2.0}
    assert [(entry["rank"], entry["participant"], entry["scores"]["f1"]) for entry in board["entries"]] == [
        (1, "alice", 0.5)
    ]


def test_ties_share_a_rank_and_an_entry_without_a_number_comes_last(platform):
    _, alice, worker = set_up(platform)
    scores = {"alice": "f1: 0.1", "bob": "f1: 0.9", "carol": "f1: 0.9", "dave": "f1: nan\nseconds: 1"}
    for name, text in scores.items():
        token = alice if name == "alice" else platform.user(name)
        join(platform, token)
        assert submit(platform, token).status_code == 201
        worker.score(platform.hints.hints[-1].run_id, text)
    with platform.client() as client:
        board = client.get("/api/v1/challenges/tiny/leaderboard").json()
    assert [(entry["rank"], entry["participant"]) for entry in board["entries"]] == [
        (1, "bob"),
        (1, "carol"),
        (3, "alice"),
        (None, "dave"),
    ]


def test_a_lost_worker_costs_the_run_nothing(platform):
    _, alice, worker = set_up(platform)
    submission = submit(platform, alice).json()
    run_id = platform.hints.hints[-1].run_id
    lost = worker.claim(run_id).json()["token"]
    platform.clock.advance(seconds=61)
    assert Clock(platform.context).tick()
    assert platform.hints.hints[-1].run_id == run_id
    worker.score(run_id, "f1: 0.7")
    late = worker.call(run_id, lost, "report", {"scores": {"scores_txt": "f1: 0.1"}})
    assert late.status_code == 410
    with platform.client(alice) as client:
        assert client.get(f"/api/v1/submissions/{submission['id']}").json()["scores"] == {"f1": 0.7}
        runs = client.get(f"/api/v1/submissions/{submission['id']}/runs").json()
    assert [attempt["outcome"] for attempt in runs[0]["attempts"]] == ["lease_lost", "finished"]


def test_a_hidden_column_is_the_organizers_alone(platform):
    files = dict(BUNDLE_FILES)
    files["competition.yaml"] = COMPETITION.replace("precision: 1}", "precision: 1, hidden: true}")
    organizer = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, organizer, files).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    number = submit(platform, alice).json()["id"]
    FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 9\nextra: 1")
    paths = (
        f"/api/v1/submissions/{number}",
        f"/api/v1/submissions/{number}/runs",
        "/api/v1/challenges/tiny/submissions",
    )
    seen = {}
    for name, token in (("alice", alice), ("olga", organizer)):
        with platform.client(token) as client:
            seen[name] = [client.get(path).text.count('seconds":9') for path in paths]
            seen[name].append(client.get("/api/v1/challenges/tiny/leaderboard").text.count("seconds"))
    assert seen == {"alice": [0, 0, 0, 0], "olga": [1, 1, 1, 2]}


def test_a_number_that_fits_no_column_is_no_server_error(platform):
    with platform.client(platform.user("alice")) as client:
        for path in ("/api/v1/submissions/99999999999999999999", "/api/v1/submissions/4294967296/runs"):
            assert client.get(path).status_code == 422
