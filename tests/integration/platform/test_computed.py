"""Computed columns from the report to the board."""

from tests.integration.platform.boards import F1, SECONDS, contest

MEAN = {"title": "Mean", "key": "mean", "index": 2, "computation": "avg", "computation_indexes": [0, 1]}
RANK = {
    "title": "Average rank",
    "key": "rank",
    "index": 2,
    "sorting": "asc",
    "computation": "avg_rank",
    "computation_indexes": [0, 1],
}


def test_each_run_has_its_own_and_the_computation_wins(platform):
    place = contest(platform, columns=[F1, SECONDS, {**MEAN, "computation_weights": [3, 1]}])
    number = place.submit("alice", "f1: 1\nseconds: 5\nmean: 99")
    assert place.board()["entries"][0]["scores"] == {"f1": 1.0, "seconds": 5.0, "mean": 2.0}
    run = place.call("GET", f"/submissions/{number}/runs").json()[0]
    assert run["scores"] == {"f1": 1.0, "seconds": 5.0, "mean": 2.0}
    assert run["private_detail"] == "mean: is computed by the board; the scoring program's own number is not used"


def test_a_missing_part_leaves_it_unscored_and_named(platform):
    place = contest(platform, columns=[F1, SECONDS, MEAN])
    number = place.submit("alice", "f1: 1")
    run = place.call("GET", f"/submissions/{number}/runs").json()[0]
    assert (run["scores"], run["message"]) == ({"f1": 1.0}, "Not scored: seconds, mean.")
    assert run["private_detail"] == "seconds: is missing\nmean: is computed from seconds, which has no number"


def test_a_board_ordered_by_average_rank_follows_every_entry(platform):
    boards = [
        {
            "title": "Results",
            "key": "main",
            "submission_rule": "Force_Best",
            "primary_index": 2,
            "columns": [F1, SECONDS, RANK],
        }
    ]
    place = contest(platform, boards=boards)
    place.submit("alice", "f1: 0.9\nseconds: 3")
    place.submit("bob", "f1: 0.8\nseconds: 2")
    place.submit("carol", "f1: 0.9")
    assert shown(place) == [(1, "alice", 1.5), (1, "bob", 1.5), (None, "carol", None)]
    place.submit("dave", "f1: 0.95\nseconds: 2")
    assert shown(place) == [(1, "dave", 1.0), (2, "alice", 2.0), (2, "bob", 2.0), (None, "carol", None)]
    run = place.call("GET", "/submissions/1/runs", "alice").json()[0]
    assert (run["scores"], run["message"]) == ({"f1": 0.9, "seconds": 3.0}, "")


def test_the_best_of_one_participant_is_the_latest_where_ranks_order(platform):
    boards = [
        {
            "title": "Results",
            "key": "main",
            "submission_rule": "Force_Best",
            "primary_index": 2,
            "columns": [F1, SECONDS, RANK],
        }
    ]
    place = contest(platform, boards=boards)
    place.submit("alice", "f1: 0.9\nseconds: 3")
    second = place.submit("alice", "f1: 0.1\nseconds: 9")
    assert place.ranks() == [(1, "alice", second)]


def shown(place):
    return [(each["rank"], each["participant"], each["scores"].get("rank")) for each in place.board()["entries"]]
