"""Tables, tests of significance and faults of result files, on data made by hand."""

import pytest
from scipy import stats

from medici_training.benchmark import derived, significance
from medici_training.benchmark.results import COLUMNS, Row, read_rows
from medici_training.benchmark.tables import derive


def rows(accuracies, *, dataset="d1", procedure="kNN", size=28):
    return [Row(dataset, procedure, name, size, acc) for name, acc in accuracies.items()]


def test_equal_accuracies_share_a_place_among_the_best():
    found = derived.top_frequencies(rows({"a": 90, "b": 80, "c": 80, "d": 70}), top=2)
    assert {entry.architecture: entry.count for entry in found if entry.procedure == "all"} == {
        "a": 1,
        "b": 1,
        "c": 1,
        "d": 0,
    }


def test_fewer_candidates_than_places_are_all_among_the_best():
    assert {entry.count for entry in derived.top_frequencies(rows({"a": 90, "b": 80}))} == {1}


def test_one_architecture_takes_several_places_with_its_sizes():
    found = derived.top_frequencies([*rows({"a": 90, "b": 10}), *rows({"a": 80, "b": 20}, size=64)], top=2)
    wide = {entry.architecture: entry.count for entry in found if (entry.procedure, entry.size) == ("all", "all")}
    assert wide == {"a": 2, "b": 0}


def test_no_change_is_no_gain():
    given = [*rows({"a": 90.0}), *rows({"a": 90.0}, size=64), *rows({"a": 90.1}, size=224)]
    assert [(gain.smaller, gain.larger, gain.better, gain.datasets) for gain in derived.gains(given)] == [
        (28, 64, 0, 1),
        (64, 224, 1, 1),
    ]


def test_gains_count_datasets_that_have_both_sizes():
    given = [*rows({"a": 1}), *rows({"a": 2}, size=64), *rows({"a": 3}, dataset="d2", size=64)]
    assert [(gain.better, gain.datasets) for gain in derived.gains(given)] == [(1, 1)]


def test_averages_miss_a_figure_that_one_dataset_lacks():
    given = [Row("d1", "kNN", "a", 28, 50, auc=60), Row("d2", "kNN", "a", 28, 70)]
    (found,) = derived.averages(given)
    assert (found.acc, found.auc, found.datasets) == (60, None, 2)


DIFFERENCES = [0.5, -0.2, 0.0, 1.5, 0.5, 2.5, -0.1, 0.9, 1.1, 0.0, 0.3, 0.7]


def paired(differences):
    one = [Row(f"d{n}", "kNN", "a", 28, 50 + value) for n, value in enumerate(differences)]
    return one + [Row(f"d{n}", "kNN", "b", 28, 50) for n in range(len(differences))]


def test_the_signed_rank_test_by_hand():
    (pair,) = significance.pairs(paired(DIFFERENCES))
    nonzero = [value for value in DIFFERENCES if value]
    ranks = stats.rankdata([abs(value) for value in nonzero])
    n, minus = len(nonzero), sum(rank for rank, value in zip(ranks, nonzero, strict=True) if value < 0)
    ties = 2**3 - 2  # 0.5 twice
    deviation = (n * (n + 1) * (2 * n + 1) / 24 - ties / 48) ** 0.5
    z = (n * (n + 1) / 4 - minus - 0.5) / deviation
    assert pair.p == pytest.approx(2 * stats.norm.sf(z), rel=1e-12)
    assert (pair.count, pair.mean_difference, pair.level) == (12, pytest.approx(7.7 / 12), 0.05)
    assert pair.better == "a"


def test_the_sides_of_a_pair_do_not_matter():
    turned = [
        Row(row.dataset, row.procedure, {"a": "b", "b": "a"}[row.architecture], row.size, row.acc)
        for row in paired(DIFFERENCES)
    ]
    one, other = significance.pairs(paired(DIFFERENCES))[0], significance.pairs(turned)[0]
    assert (one.p, one.better, other.better) == (other.p, "a", "b")


def test_two_that_never_differ_have_no_p():
    (pair,) = significance.pairs(paired([0.0] * 6))
    assert (pair.p, pair.is_significant, pair.better) == (None, False, "")


def test_bonferroni_divides_by_the_number_of_pairs():
    given = [Row(f"d{n}", "kNN", name, 28, 50 + n) for n in range(3) for name in "abcd"]
    assert {pair.level for pair in significance.pairs(given)} == {0.05 / 6}


def test_one_architecture_alone_has_tables_but_no_pairs():
    found = derive(rows({"a": 90}))
    assert (len(found.averages), found.pairs) == (1, [])


def test_architectures_without_a_common_setting_are_a_fault():
    with pytest.raises(ValueError, match="a and b share no dataset, procedure and size"):
        significance.pairs([*rows({"a": 1}), *rows({"b": 1}, size=64)])


HEADER = ",".join(COLUMNS[:8])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n", "lacks the columns dataset, training_procedure"),
        (f"{HEADER}\n", "holds no results"),
        (f"{HEADER}\nd,kNN,a,28,,,,\n", "line 2: acc_mean is empty"),
        (f"{HEADER}\nd,kNN,a,28,high,,,\n", "line 2: acc_mean must be percent, from 0 to 100, not 'high'"),
        (f"{HEADER}\nd,kNN,a,28,nan,,,\n", "not 'nan'"),
        (f"{HEADER}\nd,kNN,a,28,101,,,\n", "not '101'"),
        (f"{HEADER}\nd,kNN,a,0,50,,,\n", "line 2: img_size must be a whole number above 0, not '0'"),
        (f"{HEADER}\nd,,a,28,50,,,\n", "line 2: dataset, training_procedure and architecture must be named"),
        (f"{HEADER}\nd,kNN,a,28,50,,,\nd,kNN,a,28,51,,,\n", "line 3: d, kNN, a, 28 has a row already"),
    ],
    ids=["columns", "empty", "no accuracy", "word", "nan", "too much", "size", "unnamed", "twice"],
)
def test_faults_of_a_table_are_told_in_a_sentence(text, sentence, tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        read_rows(path)
