"""Results of single cases: kept with the run, and the organizers' alone."""

import io
import os
import subprocess
import sys
import zipfile

import pytest

from medici_worker.protocol import CASES_LIMIT_BYTES
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.stage import set_stage

TABLE = b"case,true,predicted\nsecret-case-0,0,1\n"


@pytest.fixture
def stage(platform):
    made = set_stage(platform, final={"hidden": False, "logs": "full", "detailed_results": True})
    made.submit().raise_for_status()
    made.worker.score(run_id(made), "f1: 0.5", cases=TABLE)
    return made


def run_id(stage) -> int:
    return stage.platform.hints.hints[-1].run_id


def test_organizers_download_it(stage):
    answer = stage.get(f"/runs/{run_id(stage)}/cases", stage.olga)
    assert (answer.status_code, answer.content) == (200, TABLE)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="run-{run_id(stage)}-cases.csv"'
    assert stage.get("/submissions/1/runs", stage.olga).json()[0]["has_cases"] is True


def test_its_participant_is_told_nothing_of_it(stage):
    refused = stage.get(f"/runs/{run_id(stage)}/cases")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert stage.get("/submissions/1/runs").json()[0]["has_cases"] is False
    paths = ["/submissions/1", "/submissions/1/runs", "/submissions/1/logs", "/challenges/tiny/leaderboard"]
    paths += [f"/runs/{run_id(stage)}/outputs", f"/runs/{run_id(stage)}/detailed-results", "/submissions/1/file"]
    assert [path for path in paths if b"secret-case" in stage.get(path).content] == []
    kit = zipfile.ZipFile(io.BytesIO(stage.get("/challenges/tiny/kit").content))
    assert [name for name in kit.namelist() if b"secret-case" in kit.read(name)] == []


@pytest.mark.parametrize("reader", ["olga", "alice"])
def test_the_page_of_a_submission_links_to_it_for_organizers(stage, reader):
    page = PageClient(stage.platform, reader).get("/submissions/1").text
    assert (f'href="/api/v1/runs/{run_id(stage)}/cases"' in page) is (reader == "olga")


def test_another_attempt_begins_without_it(stage):
    stage.post("/submissions/1/rerun", stage.olga).raise_for_status()
    stage.worker.score(run_id(stage), "f1: 0.5")
    answer = stage.get(f"/runs/{run_id(stage)}/cases", stage.olga)
    assert answer.status_code == 404
    assert answer.json()["message"] == (
        "This run has no results of single cases: its scoring program wrote no cases.csv."
    )


def test_it_arrives_whole_or_not_at_all(stage):
    stage.submit().raise_for_status()
    claim = stage.claim()
    held, token = claim["spec"]["run_id"], claim["token"]
    assert stage.worker.put_cases(held, token, TABLE, sha256="0" * 64).status_code == 422
    assert stage.worker.put_cases(held, token, b"x" * (CASES_LIMIT_BYTES + 1)).status_code == 413
    assert stage.worker.put_cases(held, "another token", TABLE).status_code == 410
    assert list((stage.platform.context.settings.storage / "incoming").iterdir()) == []
    assert stage.worker.put_cases(held, token, TABLE).status_code == 204


def medici(stage, token: str, *words: str) -> tuple[int, str, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "medici_platform.cli", *words],
        env={**os.environ, "MEDICI_URL": stage.platform.url, "MEDICI_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.slow
def test_command_line(stage, tmp_path):
    file = tmp_path / "kept" / "submission-1-task-0-cases.csv"
    assert medici(stage, stage.olga, "cases", "1", "-o", str(file.parent)) == (0, f"{file}\n", "")
    assert file.read_bytes() == TABLE
    refusal = "Error: Results of single cases are for the challenge's organizers alone.\n"
    assert medici(stage, stage.alice, "cases", "1", "-o", str(file.parent)) == (1, "", refusal)
    assert medici(stage, stage.olga, "cases", "1", "--task", "7")[2] == "Error: Submission 1 has no run of a task 7.\n"
