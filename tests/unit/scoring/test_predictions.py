"""Every fault of a prediction file, told twice: to its author without names, to the organizer with them."""

import pytest

from medici_scoring.predictions import (
    PredictionsInvalid,
    ReferenceInvalid,
    bare_name,
    find_predictions,
    find_reference,
    read_predictions,
    read_reference,
)

CLASSES = ("Hand", "CXR")
TRUTH = {"secret1.jpg": "Hand", "secret2.jpg": "CXR", "secret3.jpg": "CXR"}
GOOD = "secret1.jpg,Hand\nsecret2.jpg,CXR\nsecret3.jpg,Hand\n"
WANTED = {"secret1.jpg": "Hand", "secret2.jpg": "CXR", "secret3.jpg": "Hand"}


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        path = tmp_path / "classification_results.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_predictions(path, reference=TRUTH, classes=CLASSES)

    return read_content


@pytest.mark.parametrize(
    "content",
    [
        "file,class\n" + GOOD,
        "file,class\r\n" + GOOD.replace("\n", "\r\n"),
        "\ufefffile,class\n" + GOOD,
        "file,class\n" + GOOD.rstrip(),
        "file,class\n\n" + GOOD + "\n\n",
        "file,class\n" + GOOD.replace("secret", "/mnt/in/secret"),
        "file,class\n" + GOOD.replace("secret", "testing-data\\secret"),
        "file,class\nsecret3.jpg,Hand\nsecret1.jpg,Hand\n/mnt/in/secret2.jpg,CXR\n",
        '"file","class"\n"secret1.jpg","Hand"\n"secret2.jpg","CXR"\n"secret3.jpg","Hand"\n',
        "file, class\nsecret1.jpg, Hand\nsecret2.jpg, CXR\nsecret3.jpg, Hand\n",
    ],
    ids=[
        "plain",
        "crlf",
        "bom",
        "no last newline",
        "blank lines",
        "absolute",
        "windows",
        "any order",
        "quoted",
        "spaces",
    ],
)
def test_good_files_are_read(read, content):
    assert list(read(content).items()) == list(WANTED.items())


SPELL = " Spell the classes as the challenge does."
BAD = {
    "empty": (
        "",
        "The file is empty. It must begin with the line `file,class`.",
        "The file is empty.",
    ),
    "blank": (
        " \n\n",
        "The file is empty. It must begin with the line `file,class`.",
        "The file is empty.",
    ),
    "header": (
        "name,label\n" + GOOD,
        "The first line of classification_results.csv must be exactly `file,class`.",
        "The first line of classification_results.csv must be exactly `file,class`: name,label.",
    ),
    "no header": (
        GOOD,
        "The first line of classification_results.csv must be exactly `file,class`.",
        "The first line of classification_results.csv must be exactly `file,class`: secret1.jpg,Hand.",
    ),
    "header alone": (
        "file,class\n",
        "3 images have no row.",
        "3 images have no row: secret1.jpg, secret2.jpg, secret3.jpg.",
    ),
    "missing": (
        "file,class\nsecret1.jpg,Hand\nsecret3.jpg,CXR\n",
        "1 image has no row.",
        "1 image has no row: secret2.jpg.",
    ),
    "duplicate": (
        "file,class\n" + GOOD + "/mnt/in/secret2.jpg,Hand\n",
        "1 row repeats an image that has a row already (line 5).",
        "1 row repeats an image that has a row already (line 5): /mnt/in/secret2.jpg.",
    ),
    "unknown file": (
        "file,class\n" + GOOD + "other.jpg,Hand\n,CXR\n",
        "2 rows name a file that is not in the test set (lines 5, 6).",
        "2 rows name a file that is not in the test set (lines 5, 6): other.jpg, (empty).",
    ),
    "unknown class": (
        "file,class\n" + GOOD.replace("Hand", "hand"),
        "2 rows hold an unknown class (lines 2, 4)." + SPELL,
        "2 rows hold an unknown class (lines 2, 4): hand, hand.",
    ),
    "columns": (
        "file,class\n" + GOOD + "secret1.jpg\nsecret1.jpg,Hand,0.9\n",
        "2 rows do not have exactly two columns (lines 5, 6).",
        "2 rows do not have exactly two columns (lines 5, 6): secret1.jpg, secret1.jpg.",
    ),
    "not UTF-8": (
        b"file,class\nsecret1.jpg,\xff\xfe\n",
        "The file is not UTF-8 text (line 2). Save it as UTF-8.",
        "The file is not UTF-8 text (line 2).",
    ),
    "many lines": (
        "file,class\n" + GOOD + "x,Hand\n" * 8,
        "8 rows name a file that is not in the test set (lines 5, 6, 7, 8, 9 and 3 more).",
        "8 rows name a file that is not in the test set (lines 5, 6, 7, 8, 9, 10, 11, 12): x, x, x, x, x, x, x, x.",
    ),
    "all at once": (
        "file,class\nsecret1.jpg,Hand\nsecret1.jpg,Foot\nother.jpg,CXR\na,b,c\n",
        (
            "2 images have no row.\n"
            "1 row repeats an image that has a row already (line 3).\n"
            "1 row names a file that is not in the test set (line 4).\n"
            "1 row holds an unknown class (line 3)." + SPELL + "\n"
            "1 row does not have exactly two columns (line 5)."
        ),
        (
            "2 images have no row: secret2.jpg, secret3.jpg.\n"
            "1 row repeats an image that has a row already (line 3): secret1.jpg.\n"
            "1 row names a file that is not in the test set (line 4): other.jpg.\n"
            "1 row holds an unknown class (line 3): Foot.\n"
            "1 row does not have exactly two columns (line 5): a."
        ),
    ),
}


@pytest.mark.parametrize(("content", "public", "private"), BAD.values(), ids=BAD)
def test_every_fault_is_told_to_both_readers(read, content, public, private):
    with pytest.raises(PredictionsInvalid) as caught:
        read(content)
    assert (caught.value.public, caught.value.private) == (public, private)


@pytest.mark.parametrize("content", [content for content, _, _ in BAD.values()], ids=BAD)
def test_the_participants_text_names_nothing(read, content):
    with pytest.raises(PredictionsInvalid) as caught:
        read(content)
    told = caught.value.public.replace("`file,class`", "")
    assert not [name for name in (*TRUTH, *CLASSES, "hand", "Foot", "other", "/mnt", "label") if name in told]


def test_a_cell_longer_than_csv_allows_is_refused(read):
    with pytest.raises(PredictionsInvalid) as caught:
        read("file,class\n" + "x" * 200_000 + ",Hand\n")
    assert caught.value.public == "The file cannot be read as CSV. Write it as plain `file,class`."


def test_the_line_of_a_row_is_the_one_where_it_begins(read):
    with pytest.raises(PredictionsInvalid) as caught:
        read("file,class\n" + GOOD + '\n"two\nlines",Hand\nx,Hand\n')
    assert caught.value.public == "2 rows name a file that is not in the test set (lines 6, 8)."


@pytest.mark.parametrize("path", ["a.jpg", "/mnt/in/a.jpg", "in/a.jpg", "C:\\in\\a.jpg", " a.jpg "])
def test_bare_name(path):
    assert bare_name(path) == "a.jpg"


def test_the_results_file_is_found_by_name_or_as_the_only_one(tmp_path):
    (tmp_path / "metadata").write_text("exitCode: 0")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "classification_results.csv").write_text("noise")
    only = tmp_path / "mine.CSV"
    only.write_text("")
    assert find_predictions(tmp_path) == only
    named = tmp_path / "below" / "classification_results.csv"
    named.parent.mkdir()
    named.write_text("")
    assert find_predictions(tmp_path) == named


@pytest.mark.parametrize(
    "content", [b"x" * (16 * 1024**2 + 1), b"\n" * 500_000, b"\r" * 500_000], ids=["bytes", "lf", "cr"]
)
def test_a_file_that_would_fill_the_scorers_memory_is_refused(tmp_path, content):
    (tmp_path / "nodules.csv").write_bytes(content)
    with pytest.raises(PredictionsInvalid) as caught:
        find_predictions(tmp_path, name="nodules.csv")
    assert caught.value.public == (
        "The file is larger than 16 MiB or 500,000 lines. Write one line for each case, and nothing else."
    )


def test_no_results_file(tmp_path):
    (tmp_path / "real.txt").write_text("")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.txt")
    with pytest.raises(PredictionsInvalid) as caught:
        find_predictions(tmp_path)
    expected = "No CSV file was found among the results; write them to classification_results.csv."
    assert caught.value.public == expected


def test_several_results_files(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("")
    with pytest.raises(PredictionsInvalid) as caught:
        find_predictions(tmp_path)
    said = (
        "2 CSV files were found among the results, and it is not clear which to score; "
        "keep one, called classification_results.csv"
    )
    assert (caught.value.public, caught.value.private) == (f"{said}.", f"{said}: a.csv, b.csv.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("file,label\n", "answers.csv must begin with the line `file,class`."),
        ("", "answers.csv must begin with the line `file,class`."),
        ("file,class\n", "answers.csv holds no rows below its header."),
        ("file,class\na,Hand\nin/a,CXR\n", "answers.csv, line 3: a has a row already."),
        ("file,class\na,Foot\n", "answers.csv, line 2: 'Foot' is no class of this challenge."),
        ("file,class\na\n", "answers.csv, line 2: a row must have exactly two columns."),
    ],
)
def test_the_organizers_own_file_is_checked(tmp_path, content, sentence):
    path = tmp_path / "answers.csv"
    path.write_text(content)
    with pytest.raises(ReferenceInvalid) as caught:
        read_reference(path, classes=CLASSES)
    assert str(caught.value) == sentence


def test_reference_names_are_bare_and_in_order(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("file,class\ntesting-data/b.jpg,CXR\ntesting-data/a.jpg,Hand\n")
    assert find_reference(tmp_path) == path
    assert list(read_reference(path, classes=CLASSES).items()) == [("b.jpg", "CXR"), ("a.jpg", "Hand")]


def test_two_reference_files_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("")
    with pytest.raises(ReferenceInvalid, match=r"exactly one CSV file; found: a\.csv, b\.csv"):
        find_reference(tmp_path)
