"""The six submission rules on a real platform, and what participants choose."""

import pytest

from tests.integration.platform.boards import F1, contest
from tests.integration.platform.page_client import PageClient


def put(place, number, name="alice"):
    return place.call("POST", f"/submissions/{number}/leaderboard", name)


def withdraw(place, number, name="alice"):
    return place.call("DELETE", f"/submissions/{number}/leaderboard", name)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Force_Best", [(1, "alice", 2), (2, "bob", 4)]),
        ("Force_Last", [(1, "bob", 4), (2, "alice", 3)]),
        ("Force_Latest_Multiple", [(1, "alice", 2), (2, "bob", 4), (3, "alice", 3), (4, "alice", 1)]),
        ("Add", [(1, "alice", 2), (2, "bob", 4)]),
    ],
)
def test_without_a_choice(platform, rule, expected):
    place = contest(platform, rule=rule)
    for name, score in (("alice", 0.1), ("alice", 0.9), ("alice", 0.2), ("bob", 0.5)):
        place.submit(name, f"f1: {score}")
    assert place.ranks() == expected


def test_add_takes_one_choice_for_good(platform):
    place = contest(platform, rule="Add")
    first, best = place.submit("alice", "f1: 0.1"), place.submit("alice", "f1: 0.9")
    assert put(place, first).json() == {"submission": first, "on_board": True, "stands": True}
    assert place.ranks() == [(1, "alice", first)]
    assert put(place, first).status_code == 200
    refused = put(place, best)
    assert (refused.status_code, refused.json()) == (
        409,
        {
            "code": "choice_refused",
            "message": "On the board 'Results' a choice is final, and you have made yours.",
        },
    )
    assert withdraw(place, first).json()["message"] == (
        "On the board 'Results' a choice is final: nothing can be withdrawn."
    )
    place.submit("alice", "f1: 1")
    assert place.ranks() == [(1, "alice", first)]


def test_add_and_delete_holds_one_that_may_be_changed_and_withdrawn(platform):
    place = contest(platform, rule="Add_And_Delete")
    first, best = place.submit("alice", "f1: 0.1"), place.submit("alice", "f1: 0.9")
    assert withdraw(place, first).json()["message"] == f"Submission {first} is not on the board."
    put(place, first).raise_for_status()
    assert place.ranks() == [(1, "alice", first)]
    put(place, best).raise_for_status()
    assert place.ranks() == [(1, "alice", best)]
    assert withdraw(place, best).json() == {"submission": best, "on_board": False, "stands": False}
    assert place.ranks() == []
    place.submit("alice", "f1: 1")
    assert place.ranks() == []
    put(place, best).raise_for_status()
    assert place.ranks() == [(1, "alice", best)]


def test_add_and_delete_multiple_holds_any_number(platform):
    place = contest(platform, rule="Add_And_Delete_Multiple")
    numbers = [place.submit("alice", f"f1: {score}") for score in (0.1, 0.9, 0.5)]
    put(place, numbers[0]).raise_for_status()
    assert place.ranks() == [(1, "alice", numbers[1]), (2, "alice", numbers[0])]  # what stood goes on standing
    put(place, numbers[2]).raise_for_status()
    withdraw(place, numbers[1]).raise_for_status()
    assert place.ranks() == [(1, "alice", numbers[2]), (2, "alice", numbers[0])]


def test_a_choice_holds_for_every_board_whose_rule_lets_choose(platform):
    boards = [
        {"title": "Best", "key": "best", "index": 0, "submission_rule": "Force_Best", "columns": [F1]},
        {"title": "Free", "key": "free", "index": 1, "submission_rule": "Add_And_Delete", "columns": [F1]},
    ]
    place = contest(platform, boards=boards)
    first, best = place.submit("alice", "f1: 0.1"), place.submit("alice", "f1: 0.9")
    put(place, first).raise_for_status()
    assert (place.ranks(board="best"), place.ranks(board="free")) == ([(1, "alice", best)], [(1, "alice", first)])


def test_who_may_choose_and_what(platform):
    place = contest(platform, rule="Add_And_Delete")
    scored = place.submit("alice", "f1: 0.5")
    failed = place.submit("alice", None)
    assert put(place, scored, "bob").status_code == 404
    assert put(place, failed).json()["message"] == (
        f"Submission {failed} is failed: only a scored one can stand on the board."
    )
    assert withdraw(place, scored, "olga").status_code == 200


def test_a_forced_board_says_so(platform):
    place = contest(platform)
    number = place.submit("alice", "f1: 0.5")
    sentence = "The board 'Results' keeps the best submission by itself."
    assert [put(place, number).json()["message"], withdraw(place, number).json()["message"]] == [sentence] * 2
    assert "leaderboard" not in buttons(platform, number)


def test_the_page_offers_what_the_rule_lets(platform):
    place = contest(platform, rule="Add_And_Delete")
    first, best = place.submit("alice", "f1: 0.1"), place.submit("alice", "f1: 0.9")
    assert "leaderboard/withdraw" not in buttons(platform, first)
    assert "leaderboard/withdraw" in buttons(platform, best)
    client = PageClient(platform, "alice")
    assert client.post(f"/submissions/{first}/leaderboard").status_code == 303
    assert place.ranks() == [(1, "alice", first)]
    assert client.post(f"/submissions/{first}/leaderboard/withdraw").status_code == 303
    assert place.ranks() == []
    assert "withdrawn" in client.get(f"/submissions/{first}").text


def buttons(platform, number):
    page = PageClient(platform, "alice").get(f"/submissions/{number}").text
    return " ".join(line for line in page.splitlines() if "<form" in line)
