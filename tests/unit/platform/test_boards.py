from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_platform.leaderboards.rules import Candidate, Rule, sort_value, standing, why_not_put, why_not_withdraw

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CHOOSING = ["Add", "Add_And_Delete", "Add_And_Delete_Multiple"]
RULES = ["Force_Best", "Force_Last", "Force_Latest_Multiple", *CHOOSING]


def candidate(number, value, on_board=None):
    return Candidate(number, value, NOW, on_board)


def numbers(candidates, rule, **options):
    return [each.submission_id for each in standing(candidates, rule, **options)]


def test_rounding_noise_makes_no_order():
    assert sort_value(0.1 + 0.2, descending=True) == sort_value(0.3, descending=True)


def test_smaller_is_better_in_an_ascending_column():
    assert sort_value(1.5, descending=False) > sort_value(2.5, descending=False)


def test_no_score_is_no_value():
    assert sort_value(None, descending=True) is None
    assert sort_value(0.0, descending=True) == 0.0


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Force_Best", [2]),
        ("Force_Last", [4]),
        ("Force_Latest_Multiple", [1, 2, 3, 4]),
        ("Add", [2]),
        ("Add_And_Delete", [2]),
        ("Add_And_Delete_Multiple", [2]),
    ],
)
def test_which_submissions_stand_until_there_is_a_choice(rule, expected):
    assert numbers([candidate(1, 0.1), candidate(2, 0.9), candidate(3, 0.9), candidate(4, None)], rule) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Force_Best", [2]),
        ("Force_Last", [3]),
        ("Force_Latest_Multiple", [1, 2, 3]),
        ("Add", [1]),
        ("Add_And_Delete", [1]),
        ("Add_And_Delete_Multiple", [1, 3]),
    ],
)
def test_what_was_put_by_hand_stands_where_the_rule_lets_choose(rule, expected):
    assert numbers([candidate(1, 0.1, True), candidate(2, 0.9, False), candidate(3, 0.5, True)], rule) == expected


@pytest.mark.parametrize("rule", CHOOSING)
def test_what_is_withdrawn_leaves_no_entry_and_later_submissions_do_not_take_its_place(rule):
    assert numbers([candidate(1, 0.1, False), candidate(2, 0.9)], rule) == []


@pytest.mark.parametrize(
    ("rule", "expected"), [("Force_Best", [2]), ("Force_Latest_Multiple", [1, 2]), ("Add_And_Delete", [2])]
)
def test_where_ranks_order_the_board_the_latest_stands_for_the_best(rule, expected):
    assert numbers([candidate(1, None), candidate(2, None)], rule, by_value=False) == expected


@pytest.mark.parametrize("rule", RULES)
def test_nobody_without_a_submission(rule):
    assert numbers([], rule) == []


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1))
def test_the_best_is_never_beaten_by_another(values):
    (chosen,) = standing([candidate(number, value) for number, value in enumerate(values)], "Force_Best")
    scored = [value for value in values if value is not None]
    assert chosen.sort_value == (max(scored) if scored else None)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.sampled_from([None, True, False])), max_size=6),
    st.sampled_from(RULES),
)
def test_only_boards_of_several_hold_several_entries_of_one(facts, rule):
    candidates = [candidate(number, value, on_board) for number, (value, on_board) in enumerate(facts)]
    found = standing(candidates, rule)
    assert len(found) <= (len(facts) if "Multiple" in rule else 1)
    assert [each for each in candidates if each in found] == found


@pytest.mark.parametrize(
    ("rule", "put", "withdraw"),
    [
        ("Force_Best",) + ("The board 'Results' keeps the best submission by itself.",) * 2,
        ("Force_Last",) + ("The board 'Results' keeps the latest submission by itself.",) * 2,
        ("Force_Latest_Multiple",) + ("The board 'Results' shows every scored submission by itself.",) * 2,
        (
            "Add",
            "On the board 'Results' a choice is final, and you have made yours.",
            "On the board 'Results' a choice is final: nothing can be withdrawn.",
        ),
        ("Add_And_Delete", None, None),
        ("Add_And_Delete_Multiple", None, None),
    ],
)
def test_what_a_rule_refuses(rule, put, withdraw):
    boards = [Rule("Results", rule)]
    assert (why_not_put(boards, has_chosen=True), why_not_withdraw(boards)) == (put, withdraw)


def test_the_strictest_rule_of_several_boards_decides():
    boards = [Rule("Best", "Force_Best"), Rule("Free", "Add_And_Delete"), Rule("Final", "Add")]
    assert why_not_put(boards, has_chosen=False) is None
    assert why_not_put(boards, has_chosen=True) == "On the board 'Final' a choice is final, and you have made yours."
    assert why_not_put(boards[:2], has_chosen=True) is None
