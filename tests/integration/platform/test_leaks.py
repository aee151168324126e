"""What of a hidden phase's logs, messages and times its participants read, and what its organizers are told."""

import hashlib
import io
import zipfile
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from medici_platform.runs.leaks import where_in_zip
from medici_platform.runs.redaction import WITHHELD
from medici_platform.runs.task_secrets import names_in, read_names
from tests.factories.platform import CONTAINER_ZIP, make_zip
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.stage import set_stage

CANARY = "canary-7f3a9c51d2"
FILES = {"input_data/case_0017.txt": CANARY, "reference_data/truth_0017.txt": "1"}
LOG = f"reading case_0017.txt\n{CANARY}\n" + "".join(f"step {number}\n" for number in range(60))


def staged(platform, *, final=None, canaries=(CANARY,)):
    return set_stage(platform, task={"canaries": list(canaries)}, files=FILES, final=final or {})


def told(stage, *pieces, stage_name="running", report=None, kind=None):
    """Hand in, log these pieces, and report; returns the run's id and its token."""
    stage.submit(**({"content": kind} if kind else {})).raise_for_status()
    claim = stage.claim()
    run, token = claim["spec"]["run_id"], claim["token"]
    position = 0
    for text in pieces:
        body = {"stage": stage_name, "position": position, "text": text}
        stage.worker.call(run, token, "logs", body).raise_for_status()
        position += len(text)
    if report is not None:
        stage.worker.call(run, token, "report", report).raise_for_status()
    return run, token


def log_of(stage, submission=1, token=None, after=0):
    return stage.get(f"/submissions/{submission}/logs?after={after}", token).json()


def alerts(stage):
    items = stage.get("/challenges/tiny/alerts", stage.olga).json()["items"]
    return [(each["kind"], each["message"].split(" turned up in ")[-1].split(" of submission")[0]) for each in items]


SCORED = {"scores": {"scores_txt": "f1: 0.5"}}


def test_a_tail_comes_at_the_end_without_names(platform):
    stage = staged(platform, final={"logs": "tail"})
    run, token = told(stage, LOG[:16], LOG[16:], kind=CONTAINER_ZIP)  # torn within the name
    before = log_of(stage)
    assert (before["pieces"], before["hidden"], before["at_end"], before["is_tail"]) == (
        [],
        ["scoring"],
        ["running"],
        True,
    )
    page = PageClient(platform, "alice")
    assert "the last 50 lines are shown when the submission has ended, without names" in page.get("/submissions/1").text
    stage.worker.call(run, token, "report", SCORED).raise_for_status()
    after = log_of(stage, after=before["after"])
    assert [piece["text"] for piece in after["pieces"]] == ["".join(f"step {number}\n" for number in range(10, 60))]
    assert log_of(stage, after=after["after"])["pieces"] == []
    assert page.get("/submissions/1/log").text == "===== run 1, running =====\n" + after["pieces"][0]["text"]
    assert "".join(piece["text"] for piece in log_of(stage, token=stage.olga)["pieces"]) == LOG


def test_a_whole_log_comes_at_the_end_without_names(platform):
    stage = staged(platform, final={"logs": "full"})
    told(stage, LOG[:16], LOG[16:], report=SCORED)
    (piece,) = log_of(stage)["pieces"]
    assert piece["text"].startswith(f"reading {WITHHELD}.txt\n{WITHHELD}\nstep 0\n")
    assert "build and run, without names" in PageClient(platform, "alice").get("/challenges/tiny/phases").text


def test_no_piece_is_lost_to_one_who_follows_several_runs(platform):
    """The build of the second task is logged after the first task's run."""
    stage = set_stage(platform, final={"logs": "tail", "tasks": [0, 1]}, tasks=[_task(0), _task(1)])
    stage.submit().raise_for_status()
    one, two = (stage.claim(hint.run_id) for hint in platform.hints.hints[-2:])
    for claim, name in ((one, "running"), (two, "preparing")):
        body = {"stage": name, "position": 0, "text": f"{name}\n"}
        stage.worker.call(claim["spec"]["run_id"], claim["token"], "logs", body).raise_for_status()
    first = log_of(stage)
    assert [piece["text"] for piece in first["pieces"]] == ["preparing\n"]
    for claim in (one, two):
        stage.worker.call(claim["spec"]["run_id"], claim["token"], "report", SCORED).raise_for_status()
    assert [piece["text"] for piece in log_of(stage, after=first["after"])["pieces"]] == ["running\n"]


def _task(index):
    parts = {"scoring_program": "scoring_program", "reference_data": "reference_data", "input_data": "input_data"}
    return {"index": index, "name": f"Task {index}", **parts}


def test_an_open_phase_logs_live_and_as_it_is_written(platform):
    stage = staged(platform, final={"hidden": False}, canaries=())
    told(stage, LOG)
    assert [piece["text"] for piece in log_of(stage)["pieces"]] == [LOG]


@pytest.mark.parametrize(
    ("pieces", "report", "where"),
    [
        (["x" * 9 + CANARY[:5], CANARY[5:8], CANARY[8:]], SCORED, "the log"),
        ([], {"failure": "run_failed", "private_detail": f"KeyError: {CANARY}"}, "its error text"),
        ([], {"failure": "predictions_invalid", "public_detail": CANARY}, "the message to its participant"),
        ([], {"failure": "scoring_failed", "private_detail": CANARY}, None),
    ],
)
def test_organizers_are_told_once_where_a_canary_was(platform, pieces, report, where):
    stage = staged(platform)
    told(stage, *pieces, report=report)
    found = [each for each in alerts(stage) if each[0] == "canary_found"]
    assert found == ([("canary_found", where)] if where else [])
    assert CANARY not in stage.get("/challenges/tiny/alerts", stage.alice).text


def test_predictions_that_were_handed_in_with_a_canary(platform):
    stage = staged(platform)
    told(stage, kind=make_zip({"answer.txt": f"0.5 {CANARY}"}), report=SCORED)
    assert alerts(stage) == [("canary_found", "the predictions that were handed in")]


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({f"{CANARY}.txt": "x"}, "the name of an output file"),
        ({"answer.txt": "x" * 2_000_000 + CANARY.encode().hex()}, "an output file"),
        ({"answer.txt": "canary-7f3a9c51d3"}, None),
    ],
)
def test_outputs_are_looked_through(platform, files, where):
    stage = staged(platform)
    run, token = told(stage)
    content = make_zip(files)
    headers = {"X-Content-SHA256": hashlib.sha256(content).hexdigest()}
    with platform.client(token) as client:
        client.put(f"/api/worker/v1/runs/{run}/outputs", content=content, headers=headers).raise_for_status()
    assert alerts(stage) == ([("canary_found", where)] if where else [])


def test_what_is_no_zip_is_no_leak(tmp_path):
    path = tmp_path / "outputs.zip"
    path.write_bytes(b"PK\5\6 no zip")
    assert where_in_zip(path, [CANARY]) is None


def test_a_dismissed_canary_is_told_again_by_a_later_attempt(platform):
    stage = staged(platform)
    told(stage, CANARY, CANARY, report=SCORED)
    stage.post("/alerts/1/dismiss", stage.olga).raise_for_status()
    assert alerts(stage) == []
    platform.clock.advance(minutes=1)
    stage.post("/submissions/1/rerun", stage.olga).raise_for_status()
    claim = stage.claim()
    body = {"stage": "running", "position": 0, "text": CANARY}
    stage.worker.call(claim["spec"]["run_id"], claim["token"], "logs", body).raise_for_status()
    assert alerts(stage) == [("canary_found", "the log")]


def test_it_stands_beside_a_failure_of_the_scoring_program(platform):
    stage = staged(platform)
    told(stage, CANARY, report={"failure": "scoring_failed", "private_detail": "Traceback"})
    assert sorted(kind for kind, _ in alerts(stage)) == ["canary_found", "scoring_failed"]


def test_what_a_scoring_program_echoes_is_one_line_without_names(platform):
    stage = staged(platform)
    said = f"Line 1:\ncase_0017 {CANARY}\x1b[0m is no number"
    told(stage, report={"failure": "predictions_invalid", "public_detail": said, "private_detail": "log"})
    wanted = f"Line 1: {WITHHELD} {WITHHELD} is no number"
    assert stage.get("/submissions/1").json()["message"].endswith(f"format. {wanted}")
    assert (
        stage.get("/submissions/1/runs", stage.olga).json()[0]["private_detail"] == f"In its own words: {said}\n\nlog"
    )


def test_a_canary_in_the_name_of_a_score_is_kept_from_an_open_phase(platform):
    stage = staged(platform, final={"hidden": False})
    told(stage, report={"scores": {"scores_json": f'{{"f1": 0.5, "{CANARY}": 1, "other": 2}}'}})
    assert stage.get("/submissions/1").json()["scores"] == {"f1": 0.5, "other": 2.0}


def test_detailed_results_hold_no_canary_for_participants(platform):
    stage = staged(platform, final={"hidden": False, "detailed_results": True})
    html = f"<p>Truth: {CANARY}</p>"
    run, _ = told(stage, report={"scores": {"scores_txt": "f1: 0.5", "detailed_html": html}})
    entry = stage.get("/challenges/tiny/leaderboard").json()["entries"][0]["detailed_results"][0]
    with platform.client() as anonymous:
        assert anonymous.get(entry).text == f"<p>Truth: {WITHHELD}</p>"
    assert stage.get(f"/runs/{run}/detailed-results").text == f"<p>Truth: {WITHHELD}</p>"
    assert stage.get(f"/runs/{run}/detailed-results", stage.olga).text == html
    assert alerts(stage) == [("canary_found", "the detailed results, which participants read")]


MOMENTS = ("started_at", "finished_at", "claimed_at", "ended_at", "scored_at")


@pytest.mark.parametrize(("hidden", "is_exact"), [(True, False), (False, True)])
def test_times_of_a_hidden_phase_are_whole_seconds_for_participants(platform, hidden, is_exact):
    stage = staged(platform, final={"hidden": hidden})
    told(stage, report={**SCORED, "stage_seconds": {"running": 1.2345}})

    def moments(reader):
        found = []
        for path in ("/submissions/1", "/submissions/1/runs", "/challenges/tiny/leaderboard"):
            found += _moments(stage.get(path, reader).json())
        return found

    exact, shown = moments(stage.olga), moments(stage.alice)
    assert len(exact) == len(shown) == 6
    assert any(moment.microsecond for moment in exact)
    assert (shown == exact) is is_exact
    assert any(moment.microsecond for moment in shown) is is_exact
    assert all(0 <= (coarse - fine).total_seconds() < 1 for coarse, fine in zip(shown, exact, strict=True))
    seconds = stage.get("/submissions/1/runs").json()[0]["stage_seconds"]
    assert seconds == {"running": 1.2345 if is_exact else 1.0}


def _moments(value):
    if isinstance(value, list):
        return [moment for each in value for moment in _moments(each)]
    if not isinstance(value, dict):
        return []
    own = [datetime.fromisoformat(text) for key, text in value.items() if key in MOMENTS and text]
    return own + [moment for each in value.values() for moment in _moments(each)]


def test_a_file_tells_nothing_of_who_stored_the_same_bytes_first(platform):
    stage = staged(platform)
    stage.submit().raise_for_status()
    platform.clock.advance(hours=3)
    bob = stage.join("bob")
    stage.submit(token=bob).raise_for_status()
    headers = [
        stage.get(f"/submissions/{number}/file", reader).headers for number, reader in ((1, stage.alice), (2, bob))
    ]
    assert headers[0]["etag"] == headers[1]["etag"]
    moments = [parsedate_to_datetime(each["last-modified"]) for each in headers]
    assert 10_000 < (moments[1] - moments[0]).total_seconds() < 11_800


def test_the_kit_and_the_api_tell_no_canary_of_the_bundle(platform):
    stage = staged(platform)
    kit = zipfile.ZipFile(io.BytesIO(stage.get("/challenges/tiny/kit").content))
    assert [name for name in kit.namelist() if CANARY.encode() in kit.read(name)] == []
    assert "competition.yaml" in kit.namelist()
    export = zipfile.ZipFile(io.BytesIO(stage.get("/challenges/tiny/export", stage.olga).content))
    assert CANARY in export.read("competition.yaml").decode()


def test_names_are_read_from_any_zips_directory(tmp_path, monkeypatch):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/Müller_01.txt", "x")
        archive.writestr("b.txt", "y" * 1000)
        archive.comment = b"PK\5 a comment"
    assert list(read_names(path)) == ["a/Müller_01.txt", "b.txt"]
    assert names_in(path) is names_in(path)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)  # as if it had more than 65,535: with a zip64 directory
    many = tmp_path / "many.zip"
    many.write_bytes(make_zip({f"{number}": "" for number in range(5)}))
    assert b"PK\6\7" in many.read_bytes()
    assert list(read_names(many)) == [str(number) for number in range(5)]
