"""Columns that are computed from others, and from the ranks of all entries."""

from dataclasses import dataclass, field
from math import fsum, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_platform.leaderboards.rank_columns import Entry, dense_ranks, with_ranks
from medici_platform.runs.computing import compute, plan, weighted


@dataclass
class Column:
    key: str
    index: int
    computation: str | None = None
    computation_indexes: list[int] = field(default_factory=list)
    computation_weights: list[float] = field(default_factory=list)
    descending: bool = True
    over_tasks: bool = False


A, B = Column("a", 0), Column("b", 1)


@pytest.mark.parametrize(
    ("computation", "weights", "expected"),
    [
        ("avg", [], 0.2),
        ("sum", [], 0.4),
        ("min", [], 0.1),
        ("max", [], 0.3),
        ("avg", [1, 3], 0.25),
        ("sum", [2, 1], 0.5),
        ("max", [1, 100], 0.3),
    ],
)
def test_one_run(computation, weights, expected):
    column = Column("c", 2, computation, [0, 1], weights)
    found = compute([plan([A, B, column])], {"a": 0.1, "b": 0.3, "other": 7})
    assert found.values == {"a": 0.1, "b": 0.3, "other": 7, "c": pytest.approx(expected, rel=1e-15)}
    assert found.unscored == {}


def test_in_the_order_of_dependency_whatever_the_order_of_columns():
    columns = [Column("top", 0, "max", [1, 3]), Column("mean", 1, "avg", [2, 3]), Column("a", 2), Column("b", 3)]
    assert compute([plan(columns)], {"a": 1, "b": 2}).values == {"a": 1, "b": 2, "mean": 1.5, "top": 2}


def test_a_missing_part_is_named():
    columns = [A, B, Column("c", 2, "sum", [0, 1]), Column("d", 3, "max", [2])]
    found = compute([plan(columns)], {"a": 1})
    assert found.values == {"a": 1}
    assert found.unscored == {
        "c": "is computed from b, which has no number",
        "d": "is computed from c, which has no number",
    }


def test_the_computation_wins_over_the_scoring_program():
    found = compute([plan([A, B, Column("c", 2, "sum", [0, 1])])], {"a": 1, "b": 2, "c": 99})
    assert (found.values, found.replaced) == ({"a": 1, "b": 2, "c": 3}, {"c"})


def test_a_column_of_itself_or_of_nothing_has_no_number():
    columns = [A, Column("x", 1, "sum", [2]), Column("y", 2, "sum", [1]), Column("z", 3, "sum", [9])]
    assert set(compute([plan(columns)], {"a": 1}).unscored) == {"x", "y", "z"}


def test_what_grows_too_large_is_unscored():
    found = compute([plan([A, B, Column("c", 2, "sum", [0, 1])])], {"a": 1e308, "b": 1e308})
    assert found.unscored == {"c": "is not finite"}


def test_ranks_are_nothing_that_a_run_has():
    columns = [A, B, Column("r", 2, "avg_rank", [0, 1]), Column("m", 3, "min", [0, 2])]
    assert compute([plan(columns)], {"a": 1, "b": 1}).unscored == {}
    assert plan(columns).of_entries == {"r", "m"}


def test_dense_ranks():
    assert dense_ranks([0.3, 0.1 + 0.2, None, 0.5], descending=True) == [2, 2, None, 1]
    assert dense_ranks([0.3, 0.1 + 0.2, None, 0.5], descending=False) == [1, 1, None, 2]


def test_the_mean_of_ranks_follows_each_columns_direction():
    columns = [A, Column("b", 1, descending=False), Column("r", 2, "avg_rank", [0, 1], descending=False)]
    scores = [{"a": 0.9, "b": 1, "r": 77}, {"a": 0.8, "b": 2}, {"a": 0.9}, {"a": 0.7, "b": 2}]
    assert [each.get("r") for each in with_ranks(list(map(Entry, scores)), columns)] == [1.0, 2.0, None, 2.5]


def over_tasks(*, weights: list[float] | None = None) -> list[Column]:
    ranks = Column("r", 2, "avg_rank", [0, 1], weights or [], descending=False, over_tasks=True)
    return [A, Column("b", 1, descending=False), ranks]


PER_TASK = [
    Entry({"a": 0.5}, {"0": {"a": 0.9, "b": 1}, "7": {"a": 0.1, "b": 3}}),
    Entry({"a": 0.9}, {"0": {"a": 0.8, "b": 1}, "7": {"a": 0.3, "b": 2}}),
    Entry({"a": 0.9}, {"0": {"a": 1.0, "b": 2}}),
]


def test_the_mean_of_ranks_over_tasks():
    """By hand: the first has 2 and 1 in task 0 (a, b), 2 and 2 in task 7; the third lacks task 7."""
    assert [each.get("r") for each in with_ranks(PER_TASK, over_tasks(), ["0", "7"])] == [7 / 4, 6 / 4, None]
    weighted = with_ranks(PER_TASK, over_tasks(weights=[3, 1]), ["0", "7"])
    assert [each.get("r") for each in weighted] == [(3 * 2 + 1 + 3 * 2 + 2) / 8, (3 * 3 + 1 + 3 * 1 + 1) / 8, None]


def test_ranks_over_tasks_in_a_phase_with_one_task_are_those_of_the_whole():
    found = with_ranks([Entry({"a": 0.5, "b": 1}), Entry({"a": 0.9, "b": 1})], over_tasks())
    assert [each.get("r") for each in found] == [1.5, 1.0]


numbers = st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-1e6, 1e6))


@given(
    st.lists(st.tuples(numbers, numbers), max_size=12),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from(["avg_rank", "reciprocal_rank"]),
    st.one_of(st.just([]), st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)).map(list)),
)
def test_as_a_naive_count_says(rows, directions, computation, weights):
    columns = [Column("a", 0, descending=directions[0]), Column("b", 1, descending=directions[1])]
    columns.append(Column("r", 2, computation, [0, 1], weights))
    scores = [{key: value for key, value in zip("ab", row, strict=True) if value is not None} for row in rows]
    found = [each.get("r") for each in with_ranks(list(map(Entry, scores)), columns)]
    assert found == [naive(rows, row, directions, computation, weights or [1.0, 1.0]) for row in rows]


def naive(rows, row, directions, computation, weights):
    """The rank is one more than how many different numbers are better."""
    if None in row:
        return None
    ranks = []
    for place, descending in enumerate(directions):
        own = float(f"{row[place]:.11e}")
        others = {float(f"{each[place]:.11e}") for each in rows if each[place] is not None}
        ranks.append(1 + sum(other > own if descending else other < own for other in others))
    values = [float(rank) if computation == "avg_rank" else 1 / rank for rank in ranks]
    return fsum(weight * value for weight, value in zip(weights, values, strict=True)) / fsum(weights)


def test_infinities_of_both_signs_have_no_number():
    assert weighted([1e308, -1e308], [10.0, 10.0], is_mean=False) == inf
    assert weighted([1e308, 1e308], is_mean=True) == inf
