"""A phase with several tasks: a run each, their numbers on the board, one of them run again."""

import csv
import io

from tests.integration.platform.boards import F1, SECONDS, contest
from tests.integration.platform.page_client import PageClient

THREE = ("f1: 0.9\nseconds: 1", "f1: 0.6\nseconds: 2", "f1: 0.3\nseconds: 3")


def test_every_tasks_numbers_stand_on_the_board(platform):
    place = contest(platform, tasks=3)
    number = place.submit("alice", *THREE)
    board = place.board()
    assert board["tasks"] == [{"index": index, "name": f"Task {'ABC'[index]}"} for index in range(3)]
    (entry,) = board["entries"]
    assert entry["scores"] == {"f1": 0.6, "seconds": 2.0}
    assert entry["task_scores"] == {
        "0": {"f1": 0.9, "seconds": 1.0},
        "1": {"f1": 0.6, "seconds": 2.0},
        "2": {"f1": 0.3, "seconds": 3.0},
    }
    text = PageClient(platform).get("/challenges/tiny/leaderboard.csv").text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row.pop("scored_at")
    assert row == {
        "rank": "1",
        "participant": "alice",
        "f1": "0.6",
        "seconds": "2.0",
        "Task A: f1": "0.9",
        "Task A: seconds": "1.0",
        "Task B: f1": "0.6",
        "Task B: seconds": "2.0",
        "Task C: f1": "0.3",
        "Task C: seconds": "3.0",
        "submissions": "1",
        "submission": str(number),
    }


def test_one_task_needs_no_columns_of_its_own(platform):
    place = contest(platform)
    place.submit("alice", "f1: 1")
    board = place.board()
    assert (board["tasks"], board["entries"][0]["task_scores"]) == ([], {})


def test_headings_stand_above_tasks_and_groups(platform):
    grouped = [
        {**F1, "group": "Quality"},
        SECONDS,
        {**F1, "key": "auc", "title": "AUC", "index": 2, "group": "Quality"},
    ]
    place = contest(platform, tasks=2, columns=grouped)
    place.submit("alice", "f1: 1\nseconds: 1\nauc: 1", "f1: 1\nseconds: 1\nauc: 1")
    page = PageClient(platform).get("/challenges/tiny/leaderboard").text
    head = page[page.index("<thead>") : page.index("</thead>")]
    assert head.count("<tr>") == 3
    assert head.count('scope="colgroup"') == 3 + 6
    assert head.count('scope="col"') == 4 + 9
    assert page.count("<colgroup") == 1 + 3


def test_a_failed_task_leaves_the_others_scores_and_comes_last(platform):
    place = contest(platform, tasks=3)
    place.submit("bob", "f1: 0.1", "f1: 0.1", "f1: 0.1")
    number = place.submit("alice", THREE[0], None, THREE[2])
    submission = place.call("GET", f"/submissions/{number}", "alice").json()
    assert (submission["state"], submission["scores"], submission["failure"]) == ("finished", {}, "scoring_failed")
    assert (submission["costs_quota"], submission["message"]) == (
        True,
        "Task 'Task B': The scoring program failed; the organizers have been told, and can run this task again.",
    )
    states = [(run["task_index"], run["state"]) for run in place.call("GET", f"/submissions/{number}/runs").json()]
    assert states == [(0, "finished"), (1, "failed"), (2, "finished")]
    assert [(each["rank"], each["participant"]) for each in place.board()["entries"]] == [(1, "bob"), (None, "alice")]
    assert place.board()["entries"][1]["task_scores"] == {
        "0": {"f1": 0.9, "seconds": 1.0},
        "2": {"f1": 0.3, "seconds": 3.0},
    }
    page = PageClient(platform, "alice").get(f"/submissions/{number}").text
    assert "Task &#39;Task B&#39;: The scoring program failed" in page


def test_one_task_is_run_again(platform):
    place = contest(platform, tasks=3)
    number = place.submit("alice", THREE[0], None, THREE[2])
    before = len(platform.hints.hints)
    assert place.call("POST", f"/submissions/{number}/rerun", "alice", params={"task": 1}).status_code == 403
    answer = place.call("POST", f"/submissions/{number}/rerun", params={"task": 1})
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    (hint,) = platform.hints.hints[before:]
    place.end(hint.run_id, THREE[1])
    submission = place.call("GET", f"/submissions/{number}", "alice").json()
    assert (submission["state"], submission["scores"], submission["failure"], submission["message"]) == (
        "finished",
        {"f1": 0.6, "seconds": 2.0},
        None,
        "",
    )
    assert place.ranks() == [(1, "alice", number)]
    assert sorted(place.board()["entries"][0]["task_scores"]) == ["0", "1", "2"]


def test_a_task_that_is_not_there(platform):
    place = contest(platform, tasks=2)
    number = place.submit("alice", "f1: 1", "f1: 1")
    answer = place.call("POST", f"/submissions/{number}/rescore", params={"task": 7})
    assert (answer.status_code, answer.json()["message"]) == (
        404,
        f"Submission {number} has no run of a task 7: it has 0, 1.",
    )


def test_the_page_has_a_button_for_each_task(platform):
    place = contest(platform, tasks=2)
    number = place.submit("alice", "f1: 1", "f1: 1")
    client = PageClient(platform, "olga")
    assert client.get(f"/submissions/{number}").text.count('name="task"') == 4
    assert PageClient(platform, "alice").get(f"/submissions/{number}").text.count('name="task"') == 0
    assert client.post(f"/submissions/{number}/rescore", {"task": "x"}).status_code == 422
    assert client.post(f"/submissions/{number}/rescore", {"task": "1"}).status_code == 303
    runs = place.call("GET", f"/submissions/{number}/runs").json()
    assert [run["state"] for run in runs] == ["finished", "queued"]
