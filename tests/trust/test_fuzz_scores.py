"""The scores parser on whatever a scoring program, or participants' code beside it, may write."""

import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_scoring.scores import LONGEST_KEY, MOST_KEYS, ScoresUnreadable, parse_scores, read_scores, write_scores
from tests.trust.fuzzing import profile

pytestmark = pytest.mark.slow

COLUMNS = ("f1", "Dice", "dice", "seconds")
KEYS = st.one_of(
    st.sampled_from(
        (*COLUMNS, "F1", "DICE", "x" * 100, "x" * 101, "a\0b", "\u202e", "", " f1 ", "f1:", "#f1", "\ufefff1")
    ),
    st.text(max_size=8),
)
NUMBERS = st.sampled_from(
    (
        "1",
        "0.5",
        "-0",
        ".5",
        "5.",
        "1e3",
        "1E-400",
        "1e400",
        "9" * 400,
        "0x1",
        "0b1",
        "1_000",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "½",
        "1,5",
        "+-1",
        "nan",
        "NaN",
        "-inf",
        "Infinity",
        "1e",
        "e5",
        ".",
        "",
        "true",
        "null",
        "1 2",
        "0" * 5000,
        "1." + "3" * 5000,
    )
)
LINES = st.lists(
    st.one_of(
        st.tuples(KEYS, st.sampled_from((":", ": ", " : ", "=", " = ", "\t", " ", "::", ":=")), NUMBERS).map("".join),
        st.sampled_from(("", "#", "# f1: 1", "f1", ":", "Traceback (most recent call last):", "f1: 1 # good")),
        st.text(max_size=20),
    ),
    max_size=8,
)
TEXTS = st.tuples(LINES, st.sampled_from(("\n", "\r\n", "\r", "\x85", "\u2028", "\x0b"))).map(
    lambda drawn: drawn[1].join(drawn[0])
)
VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), NUMBERS, st.just([]), st.just({"a": 1})
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8).map(json.dumps)
TWICE = st.lists(st.tuples(KEYS, VALUES), max_size=6).map(
    lambda pairs: "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
)
RAW = st.tuples(KEYS, NUMBERS).map(lambda pair: f"{{{json.dumps(pair[0])}: {pair[1]}}}")
JSONS = st.one_of(
    OBJECTS, TWICE, RAW, st.text(max_size=30), st.sampled_from(("[1]", "1", '"f1"', "{", "\ufeff{}", "nan"))
)


def assert_one_sentence(text: str) -> None:
    assert text.isprintable()
    assert text.endswith(".")
    assert len(text) < 300


def read_or_refused(files: dict[str, str]) -> str:
    """Whatever it is: finite numbers under names that can be shown, and a reason for each column without one."""
    try:
        scores = parse_scores(**files, columns=COLUMNS)
    except ScoresUnreadable as refused:
        assert_one_sentence(str(refused))
        return "refused"
    assert all(type(value) is float and math.isfinite(value) for value in scores.values.values())
    assert all(key.isprintable() and len(key) <= LONGEST_KEY for key in (*scores.values, *scores.unscored))
    assert set(scores.unscored) == {key for key in COLUMNS if key not in scores.values}
    assert not set(scores.ignored) & (scores.values.keys() | scores.unscored.keys())
    assert len(scores.values) + len(scores.ignored) <= MOST_KEYS + 1
    assert all(reason and reason.isprintable() for reason in (*scores.unscored.values(), *scores.ignored.values()))
    return "read"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("scores.txt", TEXTS.map(lambda text: {"scores_txt": text})),
        ("scores.json", JSONS.map(lambda text: {"scores_json": text})),
    ],
)
def test_scores_are_read_or_refused(name, files, trust):
    ends: Counter[str] = Counter()

    @profile(10_000 if trust.is_full else 500)
    @given(files)
    def each(files: dict[str, str]) -> None:
        ends[read_or_refused(files)] += 1

    each()
    came_of_it = f"{ends['read']} read, every number finite, {ends['refused']} refused in a sentence, nothing else"
    trust.note(f"hypothesis on the scores parser, {name}: {ends.total()} files", came_of_it)
    assert ends["read"]


def test_a_number_means_what_python_says_it_means(trust):
    """Two independent readers of the same digits."""

    @profile(5_000 if trust.is_full else 300)
    @given(st.from_regex(r"[+-]?[0-9]{0,30}\.?[0-9]{0,30}(?:[eE][+-]?[0-9]{1,4})?", fullmatch=True))
    def each(text: str) -> None:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        wanted = {"f1": number} if math.isfinite(number) else {}
        assert parse_scores(scores_txt=f"f1: {text}").values == wanted
        assert parse_scores(scores_json=json.dumps({"f1": text})).values == wanted

    each()


def test_what_is_written_is_read_back_the_same(tmp_path, trust):
    @profile(3_000 if trust.is_full else 200)
    @given(st.dictionaries(st.from_regex(r"\w[\w .%+()/@-]{0,20}\w", fullmatch=True), st.floats(), max_size=6))
    def each(values: dict[str, float]) -> None:
        write_scores(tmp_path, values)
        found = read_scores(tmp_path)
        assert found.values == {key: value for key, value in values.items() if math.isfinite(value)}
        again = parse_scores(scores_json=json.dumps({key: repr(value) for key, value in found.values.items()}))
        assert again.values == found.values

    each()


@pytest.mark.parametrize(
    "files",
    [
        {"scores_json": "[" * 500_000},
        {"scores_json": '{"f1":' * 200_000},
        {"scores_json": '{"f1": 1' + "0" * 2_000_000 + "}"},
        {"scores_json": '{"f1": 0.' + "1" * 2_000_000 + "}"},
        {"scores_txt": "f1: " + "9" * 2_000_000},
        {"scores_txt": "f1" + " " * 2_000_000 + ": 1"},
        {"scores_txt": "f1 " + "\t" * 2_000_000 + "="},
        {"scores_txt": "=" * 2_000_000},
        {"scores_txt": "a" * 2_000_000 + "=1"},
        {"scores_txt": "\n" * 2_000_000},
        {"scores_txt": "f1: 1\n" * 500_000},
        {"scores_txt": "a =" + " a" * 1_000_000},
    ],
    ids=["lists", "maps", "digits", "fraction", "text", "spaces", "tabs", "equals", "key", "lines", "again", "words"],
)
def test_what_is_huge_is_read_or_refused_in_no_time(files, trust):
    """Seconds, where a reader that tries every way to read it would take for ever."""

    @profile(1)
    @given(st.just(files))
    def once(files: dict[str, str]) -> None:
        read_or_refused(files)

    once()
