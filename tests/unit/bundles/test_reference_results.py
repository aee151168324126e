"""Published figures beside a board, and the notice on the data: what is read, and what is refused."""

from pathlib import Path

import pytest

from medici_bundles.checker import check_bundle
from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.kit import build_kit
from medici_bundles.reader import open_bundle
from medici_bundles.reference_results import MAX_ROWS, Board, ReferenceRow, read_reference_results
from tests.unit.bundles.challenges import replaced, write_bundle

FILE = "reference_results.csv"
BOARD = Board(columns=["auc", "acc"], ranks=["mean_rank"], tasks=["blood", "retina", "blood"])
HEADER = "method,task,auc,acc,source,data\n"
REFERENCES = replaced(("    key: main\n", f"    key: main\n    reference_results: {FILE}\n"))
NOTICE = replaced(("image: logo.png\n", "image: logo.png\ndata_notice: data_notice.txt\n"))


def read(text: str) -> tuple[ReferenceRow, ...]:
    return read_reference_results(FILE, text.encode(), BOARD)


def faults(text: str) -> list[str]:
    with pytest.raises(BundleRejected) as rejected:
        read(text)
    return [str(fault) for fault in rejected.value.faults]


def test_rows() -> None:
    text = (
        "\ufeffmethod, task ,acc,auc,source,data\r\n"
        '"ResNet, 18",blood, .958 ,9.98e-1,"A, 2020","published, real data"\r\n'
        "\r\n , ,,,,\r\n"
        "ResNet 18,,,0.9,A,published\r\n"
    )
    assert read(text) == (
        ReferenceRow("ResNet, 18", "blood", {"acc": 0.958, "auc": 0.998}, "A, 2020", "published, real data"),
        ReferenceRow("ResNet 18", "", {"auc": 0.9}, "A", "published"),
    )
    assert read(HEADER) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HEADER + ",,1,,S,D\n", [":2: gives no method"]),
        (HEADER + "m,,1,,,\n", [":2: gives no data", ":2: gives no source"]),
        (HEADER + "m,bone,1,,S,D\n", [":2: names the task 'bone', but the tasks are blood, retina"]),
        (
            HEADER + 'm,,1,"0,5",S,D\nn,,nan,1_0,S,D\n',
            [
                ":2: has '0,5' in the column 'acc', which is no number; leave unpublished ones empty",
                ":3: has '1_0' in the column 'acc', which is no number; leave unpublished ones empty",
                ":3: has 'nan' in the column 'auc', which is no number; leave unpublished ones empty",
            ],
        ),
        (
            HEADER + "m,blood,1,,S,D\nm,,1,,S,D\nm,blood,2,,S,D\nm,,1,,S,D\n",
            [
                ":4: gives 'm' in the task 'blood' again, as line 2 does; keep one of the two",
                ":5: gives 'm' over all again, as line 3 does; keep one of the two",
            ],
        ),
        (HEADER + "m,,1,S,D\n", [":2: has 5 cells, but the header has 6"]),
        (HEADER + "m,,,,S,D\n", [":2: gives no number; leave the row out"]),
        (
            HEADER + 'm\0,,1,,"S\nT",D\x1b[31m\n',
            [
                f":3: has a {name} with a line break or a control character; write it as plain text"
                for name in ("data", "method", "source")
            ],
        ),
        (HEADER + "m" * 201 + ",,1,,S,D\n", [":2: has a method of more than 200 characters"]),
        (
            "method,task,auc,f1,mean_rank,source,data\n",
            [
                ":1: names the column 'f1', but the keys of the board's columns are auc, acc",
                ":1: names the column 'mean_rank', a rank among the entries, which references have none of",
            ],
        ),
        (
            "method,auc,auc,data\n",
            [
                ":1: lacks the column 'source'; the header is method,task,<column key>…,source,data",
                ":1: lacks the column 'task'; the header is method,task,<column key>…,source,data",
                ":1: names the column 'auc' twice",
            ],
        ),
        ("method,task,source,data\n", [":1: names no column of the board"]),
        (
            HEADER + "".join(f"m{number},,1,,S,D\n" for number in range(MAX_ROWS + 1)),
            [f":{MAX_ROWS + 2}: is one row more than {MAX_ROWS}, the most that stand beside a board"],
        ),
        (HEADER + '"m,,1,,S,D\n', [": is not a CSV file: unexpected end of data"]),
    ],
    ids=[
        *("method", "source", "task", "number", "double", "cells", "empty row", "control", "long"),
        *("unknown column", "header", "no column", "rows", "csv"),
    ],
)
def test_every_fault_with_its_line(text: str, found: list[str]) -> None:
    assert faults(text) == [FILE + each for each in found]


def test_no_text_at_all() -> None:
    with pytest.raises(BundleRejected, match="is not UTF-8 text"):
        read_reference_results(FILE, b"\xff", BOARD)
    with pytest.raises(BundleRejected, match="is larger than 4 MiB"):
        read_reference_results(FILE, b"x" * (4 * 1024**2 + 1), BOARD)


def test_in_a_bundle(tmp_path: Path) -> None:
    text = "method,task,f1,source,data\nSVM,Test,0.5,A,published\nSVM,,0.4,A,published\n"
    folder = write_bundle(tmp_path / "sound", REFERENCES, {FILE: text})
    with open_bundle(folder) as bundle:
        (board,) = bundle.definition.leaderboards
        assert [(row.task, row.scores) for row in bundle.references(board)] == [
            ("Test", {"f1": 0.5}),
            ("", {"f1": 0.4}),
        ]
    assert FILE in build_kit(folder, tmp_path / "kit.zip")
    folder = write_bundle(tmp_path / "faulty", REFERENCES, {FILE: text.replace("0.5", "half").replace("Test", "Tset")})
    assert check_bundle(folder).faults == (
        Fault(FILE, 2, "has 'half' in the column 'f1', which is no number; leave unpublished ones empty"),
        Fault(FILE, 2, "names the task 'Tset', but the tasks are Validation, Test"),
    )
    (folder / FILE).unlink()
    (fault,) = check_bundle(folder).faults
    assert fault.message == f"leaderboards[0].reference_results names {FILE}, which the bundle does not hold"
    (folder / FILE).symlink_to("/etc/passwd")
    (fault,) = check_bundle(folder).faults
    assert fault.message.endswith("a link that leaves the bundle; put the files themselves there")


def test_faults_of_the_definition_do_not_hide_those_of_the_file(tmp_path: Path) -> None:
    text = "method,task,f1,source,data\nSVM,,x,A,published\n"
    folder = write_bundle(tmp_path, REFERENCES.replace("start: 2026-01-01", "start: soon"), {FILE: text})
    assert [fault.file for fault in check_bundle(folder).faults] == ["competition.yaml", FILE]


def test_the_notice(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "sound", NOTICE, {"data_notice.txt": "\ufeffSynthetic;\n  no <patient>.\n"})
    with open_bundle(folder) as bundle:
        assert bundle.data_notice_text == "Synthetic; no <patient>."
    assert "data_notice.txt" in build_kit(folder, tmp_path / "kit.zip")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", "is empty; say in a sentence what the data are"),
        (b"\xff", "is not UTF-8 text; save it as UTF-8"),
        (
            b"x" * 501,
            "has more than 500 characters, the most that stand on a page; say it in two sentences",
        ),
        (
            b"x" * 100_000,
            "has more than 500 characters, the most that stand on a page; say it in two sentences",
        ),
    ],
    ids=["empty", "bytes", "long", "huge"],
)
def test_a_notice_that_cannot_be_shown(tmp_path: Path, content: bytes, message: str) -> None:
    folder = write_bundle(tmp_path, NOTICE)
    (folder / "data_notice.txt").write_bytes(content)
    assert check_bundle(folder).faults == (Fault("data_notice.txt", 0, message),)


@pytest.mark.parametrize(
    ("programs", "advice"),
    [
        ((), ""),
        (
            ("synthetic.py", "real.py"),
            "; make the data first, which writes it: `python data/synthetic.py` or `python data/real.py`",
        ),
        (("real.py",), "; make the data first, which writes it: `python data/real.py`"),
    ],
    ids=["none", "both", "one"],
)
def test_a_notice_that_is_not_there(tmp_path: Path, programs: tuple[str, ...], advice: str) -> None:
    folder = write_bundle(tmp_path, NOTICE, {f"data/{name}": "" for name in programs})
    (fault,) = check_bundle(folder).faults
    assert fault.message == f"data_notice names data_notice.txt, which the bundle does not hold{advice}"


def test_ranks_over_tasks_need_ranks(tmp_path: Path) -> None:
    column = "      - {title: Mean, key: mean, computation: avg, computation_indexes: [0], over_tasks: true}\n"
    folder = write_bundle(tmp_path, replaced(("        key: f1\n", f"        key: f1\n{column}")))
    (fault,) = check_bundle(folder).faults
    assert str(fault) == (
        "competition.yaml:42: leaderboards[0].columns[2].over_tasks needs a `computation` of ranks: avg_rank or "
        "reciprocal_rank"
    )
