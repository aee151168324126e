"""A run's record in real containers: downloaded, checked, and the run made again, all through the command line."""

import json

import pytest

from tests.e2e.programs import COPYING, running, write_zip

pytestmark = pytest.mark.slow

RANDOM = running("import secrets\nopen('/mnt/out/answer.txt', 'w').write(f'0.{secrets.randbelow(10**9)}')\n")


@pytest.fixture
def scored(platform, tmp_path):
    """A submission that copies its input, its zip, and the record that alice downloaded."""
    archive = write_zip(tmp_path / "mine.zip", COPYING)
    sent = platform.medici("submit", "tiny", archive, "--wait", user="alice", json=True).json
    assert sent["state"] == "finished"
    record = tmp_path / "record.json"
    got = platform.medici("record", sent["id"], "-o", record, user="alice")
    assert (got.code, got.output) == (0, f"{record}\n")
    return sent, archive, record


def test_a_record_is_downloaded_and_found_genuine(platform, scored, tmp_path):
    sent, archive, file = scored
    record = json.loads(file.read_text())["record"]
    assert record["images"]["submission"].startswith("sha256:")
    assert len(record["images"]["bases"]) == 1
    assert record["machine"]["engine"] == "docker"
    assert record["machine"]["engine_version"]
    assert record["machine"]["runtime"] == "runc"
    assert record["scores"] == {"f1": 0.5, "seconds": 2.0}
    assert sorted(record["attempt"]["seconds"]) == ["preparing", "running", "scoring"]
    said = platform.medici("verify", file, "--submission", archive)
    assert (said.code, said.errors) == (0, "")
    first, second = said.output.splitlines()
    assert first.startswith(f"{file} is genuine: submission {sent['id']} to tiny (version 1), phase Final, task Main, ")
    assert ": finished, f1 0.5, seconds 2.0. By http" in first
    assert second == "The file given with --submission is the upload of this record."
    other = write_zip(tmp_path / "other.zip", RANDOM)
    assert platform.medici("verify", file, "--submission", other).code == 1


def test_offline_with_the_keys_that_were_kept(platform, scored, tmp_path):
    _, _, file = scored
    keys = tmp_path / "keys.json"
    listed = platform.get("/signing-keys", user=None)
    keys.write_text(json.dumps(listed))
    nowhere = {"MEDICI_URL": "http://127.0.0.1:9"}
    assert platform.medici("verify", file, "--keys", keys, **nowhere).code == 0
    assert platform.medici("verify", file, "--key", listed["keys"][0]["public_key"], **nowhere).code == 0
    stranger = platform.medici("verify", file, "--key", "0" * 64, **nowhere)
    assert stranger.code == 1
    assert "which is not one of the platform's keys" in stranger.errors
    assert "Traceback" not in platform.medici("verify", file, **nowhere).errors


def test_what_is_not_genuine_is_told_in_a_sentence_each(platform, scored, tmp_path):
    _, archive, file = scored
    changed = tmp_path / "changed.json"
    changed.write_bytes(file.read_bytes().replace(b'"f1":0.5', b'"f1":0.6'))
    said = platform.medici("verify", file, changed, archive, tmp_path / "none.json", tmp_path, json=True)
    assert said.code == 1
    assert [(each["genuine"], each["sentence"]) for each in said.json][1:] == [
        (False, f"{changed} was changed after it was signed: its signature does not fit its content."),
        (False, f"{archive} is no record of a run."),
        (False, f"{tmp_path / 'none.json'} cannot be read: No such file or directory."),
        (False, f"{tmp_path} cannot be read: Is a directory."),
    ]
    assert said.json[0]["genuine"] is True


def test_a_submission_that_does_the_same_every_time_is_reproduced(platform, scored):
    sent, _, _ = scored
    again = platform.medici("rerun", sent["id"], "--wait", user="olga")
    assert (again.code, again.output.splitlines()) == (
        0,
        ["f1: 0.5", "seconds: 2", "reproduced: all 2 scores are the same"],
    )


def test_a_random_submission_is_flagged(platform, tmp_path):
    sent = platform.submit(RANDOM)
    again = platform.medici("rerun", sent["id"], "--wait", user="olga")
    now = platform.get(f"/submissions/{sent['id']}")["scores"]["f1"]
    assert again.code == 1
    assert again.output.splitlines()[2:] == [
        "not reproduced: it is not what attempt 1 came to, on the same material",
        f"  f1: {sent['scores']['f1']!r} before, {now!r} now",
    ]
    (run,) = platform.get(f"/submissions/{sent['id']}/runs")
    (latest, first) = platform.get(f"/runs/{run['id']}/records")
    assert (latest["attempt"], first["attempt"]) == (2, 1)
    assert latest["comparison"]["reproduced"] is False
    assert [alert["kind"] for alert in platform.get("/challenges/tiny/alerts", user="olga")["items"]] == [
        "scores_differ"
    ]


def test_a_rescore_of_the_same_outputs_comes_to_the_same(platform, tmp_path):
    sent = platform.submit(RANDOM)
    again = platform.medici("rescore", sent["id"], "--wait", user="olga", json=True)
    assert (again.code, again.json["comparisons"][0]["comparison"]["reproduced"]) == (0, True)
    (run,) = platform.get(f"/submissions/{sent['id']}/runs")
    outputs = tmp_path / "outputs.zip"
    with platform.client("olga") as client:
        outputs.write_bytes(client.get(f"/runs/{run['id']}/outputs").content)
    file = tmp_path / "record.json"
    assert platform.medici("record", run["id"], "--run", "-o", file, user="olga").code == 0
    said = platform.medici("verify", file, "--submission", outputs)
    assert said.output.splitlines()[1] == "The file given with --submission is the outputs of this record."
