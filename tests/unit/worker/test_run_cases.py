"""The table of single cases that a scoring program writes beside its scores."""

import pytest

from medici_worker import cases
from medici_worker.containers.fake_inside import Inside
from medici_worker.host import HostRefuses
from medici_worker.protocol import CASES_LIMIT_BYTES, FailureKind
from medici_worker.run import execute
from tests.unit.worker.conftest import SCORE

TABLE = b"case,true,predicted\na,0,1\n"


def writing(table: bytes, *, code: int = 0):
    def score(inside: Inside) -> int:
        inside.write("/app/output/scores.txt", b"f1: 0.5\n")
        inside.write("/app/output/cases.csv", table)
        return code

    return score


def scored(engine, site, make, program):
    engine.programs["score"] = program
    host = make.host(SCORE)
    return execute(make.results({"y.csv": "1"}), host, site), host


def test_it_is_kept(engine, site, make):
    report, host = scored(engine, site, make, writing(TABLE))
    assert (host.cases, report.scores.scores_txt, report.private_detail) == (TABLE, "f1: 0.5\n", "")


@pytest.mark.parametrize("table", [b"", b"case\n" + b"x" * 50], ids=["empty", "too large"])
def test_one_that_cannot_be_kept_fails_nothing(engine, site, make, monkeypatch, table):
    monkeypatch.setattr(cases, "CASES_LIMIT_BYTES", 20)
    report, host = scored(engine, site, make, writing(table))
    said = "The scoring program's cases.csv was not kept: it is larger than 0 MiB." if table else ""
    assert (report.failure, host.cases, report.private_detail) == (None, None, said)


def test_one_that_the_platform_does_not_take_fails_nothing(engine, site, make):
    engine.programs["score"] = writing(TABLE)
    host = make.host(SCORE)

    def refuse(*_: object) -> None:
        raise HostRefuses("PUT /cases was answered 404.")

    host.save_cases = refuse
    report = execute(make.results({"y.csv": "1"}), host, site)
    assert report.failure is None
    assert report.private_detail == "The scoring program's cases.csv could not be kept: PUT /cases was answered 404."


def test_that_of_a_failed_scoring_program_is_not_kept(engine, site, make):
    report, host = scored(engine, site, make, writing(TABLE, code=1))
    assert (report.failure, host.cases) == (FailureKind.SCORING_FAILED, None)


def test_the_limit_holds_a_large_test_set():
    line = len("tissuemnist_test_047279,7,7," + ",".join(["0.1234567890123456789"] * 8))
    assert 47_280 * line < CASES_LIMIT_BYTES
