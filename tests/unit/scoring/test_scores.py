"""The scores file: what is a score, what is unscored, and what is set aside."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medici_scoring.scores import (
    Scores,
    ScoresUnreadable,
    find_detailed_results,
    parse_scores,
    read_scores,
    write_scores,
)

COLUMNS = ("precision", "f1")


def test_lines_with_and_without_a_space():
    scores = parse_scores(scores_txt="precision: 0.5\nf1:0.25\r\nextra : -1e-3\n\n", columns=COLUMNS)
    assert scores == Scores(values={"precision": 0.5, "f1": 0.25, "extra": -0.001})


def test_json_comes_first():
    scores = parse_scores(scores_json='{"f1": 1, "precision": "0.5"}', scores_txt="f1: 0", columns=COLUMNS)
    assert scores == Scores(values={"f1": 1.0, "precision": 0.5})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("score_2:0.500\nset1_score:0.5\nset2_score:1", {"score_2": 0.5, "set1_score": 0.5, "set2_score": 1.0}),
        ("\ufefff1: 0.5\r\n\r\n# all: 1\r\nf1-macro : 1e-3", {"f1": 0.5, "f1-macro": 0.001}),
        ("f1:\t3\nDice score\t:\t.5", {"f1": 3.0, "Dice score": 0.5}),
        ("f1 = 0.5\nprecision=1\nrecall\t0.25", {"f1": 0.5, "precision": 1.0, "recall": 0.25}),
        ("f1: 1\nf1: 2", {"f1": 2.0}),
    ],
)
def test_every_spelling_of_a_line(text, values):
    assert parse_scores(scores_txt=text) == Scores(values=values)


@pytest.mark.parametrize("line", ["f1 = high", "a = b = 1", "f1 0.5", "f1 = nan", "f1 == 1", "= 1", ": 1"])
def test_what_could_mean_something_else_is_no_line(line):
    scores = parse_scores(scores_txt=line, columns=["f1"])
    assert scores == Scores(
        values={}, unscored={"f1": "is missing"}, ignored={"line 1": "is not of the form `key: value`"}
    )


def test_a_columns_own_spelling_comes_first_else_the_only_other_one():
    assert parse_scores(scores_txt="F1: 0.5\nf1: 1", columns=["f1"]).values == {"F1": 0.5, "f1": 1.0}
    assert parse_scores(scores_txt="DICE: 0.5", columns=["Dice"]) == Scores(values={"Dice": 0.5})
    assert parse_scores(scores_json='{"F1": "nan"}', columns=["f1"]) == Scores({}, unscored={"f1": "is not finite"})


def test_two_other_spellings_are_no_columns_number():
    scores = parse_scores(scores_txt="dice: 0.5\nDICE: 1", columns=["Dice"])
    assert scores == Scores(values={"dice": 0.5, "DICE": 1.0}, unscored={"Dice": "is missing"})
    assert parse_scores(scores_txt="F1: 1", columns=["f1", "F1"]).unscored == {"f1": "is missing"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("f1: nan", "is not finite"),
        ("f1: -Infinity", "is not finite"),
        ("f1: 1e999", "is not finite"),
        ("f1: high", "is not a number"),
        ("f1: 1_000", "is not a number"),
        ("f1: 0,5", "is not a number"),
        ("f1: 0x10", "is not a number"),
        ("f1: ٣", "is not a number"),
        ("f1:", "is empty"),
        ("other: 1", "is missing"),
        ("", "is missing"),
    ],
)
def test_a_text_column_without_a_number_is_unscored(text, reason):
    scores = parse_scores(scores_txt=text, columns=["f1"])
    assert dict(scores.unscored) == {"f1": reason}
    assert "f1" not in scores.values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"f1": NaN}', "is not finite"),
        ('{"f1": 1e999}', "is not finite"),
        ('{"f1": 1' + "0" * 5000 + "}", "is not finite"),
        ('{"f1": null}', "is not a number"),
        ('{"f1": true}', "is not a number"),
        ('{"f1": "-inf"}', "is not finite"),
        ('{"f1": {"mean": 1}}', "holds nested values, not a number"),
        ('{"f1": [1]}', "holds nested values, not a number"),
        ("{}", "is missing"),
    ],
)
def test_a_json_column_without_a_number_is_unscored(text, reason):
    assert parse_scores(scores_json=text, columns=["f1"]) == Scores(values={}, unscored={"f1": reason})


def test_what_is_no_column_is_set_aside_and_named():
    scores = parse_scores(scores_json='{"f1": 1, "per_class": {"Hand": 1}, "note": "fine"}', columns=["f1"])
    assert scores.ignored == {"per_class": "holds nested values, not a number", "note": "is not a number"}
    scores = parse_scores(scores_txt="Scores follow\nf1: 1", columns=["f1"])
    assert scores == Scores(values={"f1": 1.0}, ignored={"line 1": "is not of the form `key: value`"})


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, r"neither scores\.json nor scores\.txt"),
        ({"scores_json": "{"}, r"scores\.json is not valid JSON"),
        ({"scores_json": "[" * 100_000}, r"scores\.json is not valid JSON"),
        ({"scores_json": "[1]"}, r"scores\.json must hold one object"),
        ({"scores_txt": "".join(f"k{i}: 1\n" for i in range(501))}, "holds 501 keys; at most 500"),
    ],
)
def test_unreadable_files(files, sentence):
    with pytest.raises(ScoresUnreadable, match=sentence):
        parse_scores(**files)


def test_not_utf8(tmp_path):
    (tmp_path / "scores.txt").write_bytes(b"f1: \xff")
    with pytest.raises(ScoresUnreadable, match=r"scores\.txt is not UTF-8 text"):
        read_scores(tmp_path)


@settings(max_examples=30, deadline=None)  # it writes files; `make trust` tries thousands
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.floats(allow_nan=False), max_size=8))
def test_what_is_written_is_read_to_the_last_digit(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("scores")
    write_scores(folder, values)
    assert read_scores(folder).values == {key: value for key, value in values.items() if math.isfinite(value)}


@given(st.text())
def test_any_text_is_scores_or_refused(text):
    try:
        scores = parse_scores(scores_txt=text, columns=COLUMNS)
    except ScoresUnreadable:
        return
    assert all(math.isfinite(value) for value in scores.values.values())
    assert set(scores.unscored) == {key for key in COLUMNS if key not in scores.values}


def test_detailed_results_by_preference(tmp_path):
    assert find_detailed_results(tmp_path) is None
    for name in ("b.html", "a.html", "scores.html", "detailed_results.html"):
        (tmp_path / name).write_text("")
    found = []
    while (page := find_detailed_results(tmp_path)) is not None:
        found.append(page.name)
        page.unlink()
    assert found == ["detailed_results.html", "scores.html", "a.html", "b.html"]


@pytest.mark.parametrize("key", ["k" * 101, "a\\u0000b", "\\ud800", "\\u001b[2J"])
def test_a_key_that_can_be_no_columns_name_is_set_aside(key):
    scores = parse_scores(scores_json=f'{{"f1": 0.5, "{key}": 1}}')
    assert dict(scores.values) == {"f1": 0.5}
    assert list(scores.ignored) == ["1 key"]
