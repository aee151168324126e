import csv

import pytest

from medici_scoring.cases import write_cases


def test_rows_read_back_equal(tmp_path):
    path = write_cases(tmp_path, ("case", "truth", "score"), [("a,b", 1, 0.1 + 0.2), ("c", 0, 1e-30)])
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert path.name == "cases.csv"
    assert header == ["case", "truth", "score"]
    assert [(case, int(truth), float(score)) for case, truth, score in rows] == [
        ("a,b", 1, 0.1 + 0.2),
        ("c", 0, 1e-30),
    ]


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        ((), [], "The first column of cases.csv is `case`, the case's id."),
        (("image", "truth"), [], "The first column of cases.csv is `case`, the case's id."),
        (("case", "truth", "truth"), [], "cases.csv names a column twice: case, truth, truth."),
        (("case", "truth"), [("a",)], "cases.csv: the row ('a',) has 1 cells for 2 columns."),
        (("case", "truth"), [("a", 1), ("a", 2)], "cases.csv: a has a row already."),
    ],
)
def test_what_is_no_table_of_cases_is_refused(tmp_path, header, rows, sentence):
    with pytest.raises(ValueError, match=r".") as refused:
        write_cases(tmp_path, header, rows)
    assert str(refused.value) == sentence
