"""`make audit` finds what it is there to find."""

import json
import subprocess
from datetime import date

import pytest

from tests import audit
from tests.audit import Advice, Pin, index_faults, read_advice, read_pins, weakness_faults

SHA = "a" * 64
PIN = Pin("requirements.lock", "thing", "1.2", frozenset({SHA}))


def file(name, *, sha256=SHA, yanked=False):
    return {"filename": name, "hashes": {"sha256": sha256}, "yanked": yanked}


def test_every_requirement_of_ours_is_pinned_with_hashes():
    read = [read_pins(each) for each in audit.requirement_files()]
    assert [fault for _, faults in read for fault in faults] == []
    assert len(read[0][0]) > 100


def test_what_leaves_open_what_is_installed_is_named(tmp_path):
    place = tmp_path / "requirements.txt"
    place.write_text(
        f"# why\ngood==1.0 ; python_version > '3' \\\n  --hash=sha256:{SHA}\nloose>=1\nstar==1.* --hash=sha256:{SHA}\n"
        "bare==2\n-e .\n"
    )
    pins, faults = read_pins(place)
    assert pins == [Pin("requirements.txt", "good", "1.0", frozenset({SHA}))]
    assert faults == [
        "requirements.txt: loose is not pinned to one version.",
        "requirements.txt: star is not pinned to one version.",
        "requirements.txt: bare 2 has no hash.",
        "requirements.txt: -e is no requirement by name and version.",
    ]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ([file("thing-1.2-py3-none-any.whl"), file("thing-1.2.tar.gz", sha256="b" * 64)], None),
        ([file("thing-1.2.0.tar.gz"), file("unreadable.egg")], None),
        ([file("thing-1.3.tar.gz")], "is not in the index"),
        ([file("thing-1.2.tar.gz", yanked="leaks passwords")], "has been withdrawn by its authors: leaks passwords"),
        ([file("thing-1.2.tar.gz", yanked=True)], "has been withdrawn by its authors"),
        ([file("thing-1.2.tar.gz", sha256="b" * 64)], "none of its hashes is one that the index knows"),
    ],
)
def test_what_the_index_says_against_a_pin(files, fault):
    faults = index_faults(PIN, files)
    assert (fault is None and faults == []) or (len(faults) == 1 and fault in faults[0])


def test_a_known_weakness_fails_until_it_is_set_aside():
    advice = read_advice(
        {
            "dependencies": [
                {"name": "thing", "version": "1.2", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}, {"id": "PYSEC-3"}]},
                {"name": "other", "skip_reason": "not found"},
            ]
        }
    )
    weaknesses = [("thing", "1.2", each) for each in ("PYSEC-1", "PYSEC-2", "PYSEC-3")]
    assert advice == Advice(asked=2, answered=1, weaknesses=weaknesses)
    ignored = [
        {"id": "PYSEC-2", "reason": "never called", "until": "2027-01-01"},
        {"id": "PYSEC-3", "reason": "never called", "until": "2026-01-01"},
    ]
    assert weakness_faults(advice, ignored, today=date(2026, 6, 1)) == [
        "thing 1.2 has the known weakness PYSEC-1: pin a version that mends it.",
        "thing 1.2: PYSEC-3 was set aside until 2026-01-01: look at it again.",
    ]


@pytest.fixture
def auditor(monkeypatch):
    """`auditor(stderr, status)`: pip-audit ends so, without a report."""

    def ends(stderr, status=1):
        ended = subprocess.CompletedProcess([], status, "", stderr)
        monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: ended)

    return ends


@pytest.mark.parametrize(
    "said",
    [
        "ERROR:pip_audit._cli:Could not connect\nERROR:pip_audit._cli:Tip: your network may be blocking it\n",
        "Traceback …\n  …\nrequests.exceptions.ProxyError: HTTPSConnectionPool(host='h', port=443)\n",
        "Traceback …\n  …\npip_audit._service.interface.ServiceError\n",
    ],
)
def test_where_nobody_answers_nothing_is_held_against_a_pin(auditor, said):
    auditor(said)
    assert audit.check_advisories([PIN]) == (
        "No source of advisories answers from this machine, so known weaknesses were not looked up.",
        [],
    )


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("python: No module named pip_audit\n", "python: No module named pip_audit"),
        ("Traceback …\nrequests.exceptions.ProxyError: h\nKeyError: 'aliases'\n", "KeyError: 'aliases'"),
        ("", "nothing"),
    ],
)
def test_an_auditor_that_crashes_fails(auditor, said, last):
    auditor(said, 2)
    assert audit.check_advisories([PIN]) == (
        "Known weaknesses were not looked up, because pip-audit failed.",
        [f"pip-audit ended with status 2 and no report; it said: {last}"],
    )


@pytest.mark.slow
def test_a_planted_secret_is_found(tmp_path):
    baseline = json.loads(audit.BASELINE.read_text())
    place = tmp_path / ".secrets.baseline"
    place.write_text(json.dumps({**baseline, "results": {}}))
    (tmp_path / "fine.py").write_text("a = 1\n")
    (tmp_path / "cloud.py").write_text('key = "AKIA' + "Z3MDK7XQ2LPVTRWN" + '"\n')
    (tmp_path / "ours.md").write_text("export MEDICI_TOKEN=medici_" + "Ab3-_" * 8 + "xyz\n")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    faults = audit.secret_faults(tmp_path, place)
    assert [fault.partition(": ")[0] for fault in faults] == ["cloud.py:1", "ours.md:1"]


@pytest.mark.slow
def test_no_secret_is_in_the_tree():
    assert audit.secret_faults() == []
