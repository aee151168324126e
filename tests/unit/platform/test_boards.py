from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_platform.leaderboards.rules import Candidate, pick, sort_value

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def candidate(number, value):
    return Candidate(number, value, NOW)


def test_rounding_noise_makes_no_order():
    assert sort_value(0.1 + 0.2, descending=True) == sort_value(0.3, descending=True)


def test_smaller_is_better_in_an_ascending_column():
    assert sort_value(1.5, descending=False) > sort_value(2.5, descending=False)


def test_no_score_is_no_value():
    assert sort_value(None, descending=True) is None
    assert sort_value(0.0, descending=True) == 0.0


@pytest.mark.parametrize(
    ("rule", "expected"), [("Force_Best", 2), ("Add", 2), ("Force_Last", 4), ("Force_Latest_Multiple", 4)]
)
def test_which_submission_stands_on_the_board(rule, expected):
    candidates = [candidate(1, 0.1), candidate(2, 0.9), candidate(3, 0.9), candidate(4, None)]
    assert pick(candidates, rule).submission_id == expected


def test_nobody_without_a_submission():
    assert pick([], "Force_Best") is None


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1))
def test_the_best_is_never_beaten_by_another(values):
    chosen = pick([candidate(number, value) for number, value in enumerate(values)], "Force_Best")
    scored = [value for value in values if value is not None]
    assert chosen.sort_value == (max(scored) if scored else None)
