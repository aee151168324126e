"""Signed records of runs: made with the end of each attempt, for whoever may see it, compared when it is run again."""

import json
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from medici_platform.challenges.models import LeaderboardColumn
from medici_platform.clock import Clock
from medici_platform.runs.models import RunRecord
from medici_platform.signing import NotGenuine, checked, signer_of
from tests.factories.platform import BUNDLE_FILES, RESULTS_ZIP, FakeWorker, make_zip, running_platform, submit
from tests.integration.platform.boards import F1, SECONDS, Contest, contest
from tests.integration.platform.page_client import PageClient

SECRET = {"title": "Secret", "key": "secret", "index": 2, "sorting": "desc", "hidden": True}
COLUMNS = [F1, SECONDS, SECRET]
MACHINE = {
    "worker_version": "0.1.0",
    "engine": "docker",
    "engine_version": "28.2.2",
    "runtime": "runc",
    "architecture": "amd64",
    "kernel": "6.1.0-canary-kernel",
    "gpus": [{"id": "GPU-canary", "model": "NVIDIA H100 PCIe"}],
}
IMAGE, BASE, SCORING_IMAGE = "sha256:" + "1" * 64, "sha256:" + "2" * 64, "sha256:" + "3" * 64
REPORT = {
    "exit_code": 0,
    "image_digest": IMAGE,
    "base_images": [BASE],
    "scoring_image_digest": SCORING_IMAGE,
    "images": {"medici/python:latest": "recipe:1", "olga/private:1": "canary-name"},
    "stage_seconds": {"preparing": 0.25, "running": 1.4567, "scoring": 0.5},
    "machine": MACHINE,
}
CONTAINER = make_zip({"Dockerfile": 'FROM medici/python:latest\nCMD ["true"]\n'})


@dataclass
class Place:
    contest: Contest
    submission: int
    run: int

    def end(self, scores: str | None, **report) -> None:
        """Claim and report, by the worker: these scores, or, for None, the failure that `report` names."""
        worker = self.contest.worker
        claim = worker.claim(self.run)
        claim.raise_for_status()
        body = {**REPORT, **({} if scores is None else {"scores": {"scores_txt": scores}}), **report}
        worker.call(self.run, claim.json()["token"], "report", body).raise_for_status()

    def again(self, scores: str | None, *, verb: str = "rerun", **report) -> None:
        self.contest.call("POST", f"/submissions/{self.submission}/{verb}").raise_for_status()
        self.end(scores, **report)

    def records(self, name: str = "olga") -> list[dict]:
        answer = self.contest.call("GET", f"/runs/{self.run}/records", name)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def document(self, name: str = "olga", **params) -> bytes:
        answer = self.contest.call("GET", f"/runs/{self.run}/record", name, params=params)
        assert answer.status_code == 200, answer.text
        return answer.content

    def record(self, name: str = "olga", **params) -> dict:
        """Its signature checked against the published keys."""
        keys = self.contest.call("GET", "/signing-keys", None).json()["keys"]
        return checked(self.document(name, **params), {each["key_id"]: each["public_key"] for each in keys})

    def comparison(self, name: str = "olga") -> dict:
        return self.records(name)[0]["comparison"]

    def page(self, name: str) -> str:
        answer = PageClient(self.contest.platform, name).get(f"/submissions/{self.submission}")
        assert answer.status_code == 200
        return answer.text


def place_on(platform, **keys) -> Place:
    """A container submission of alice's that waits."""
    opened = contest(platform, **{"columns": COLUMNS, **keys})
    answer = submit(platform, opened.token("alice"), CONTAINER)
    answer.raise_for_status()
    return Place(opened, answer.json()["id"], platform.hints.hints[-1].run_id)


@pytest.fixture
def place(platform) -> Place:
    return place_on(platform)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def on_both(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with running_platform(tmp_path / "both", database_url=url) as platform:
        yield place_on(platform)


SCORES = "f1: 0.912\nseconds: 2\nsecret: 7\nuncolumned: 5"


def test_both_databases_keep_a_signed_record_of_every_end(on_both):
    on_both.end(SCORES)
    on_both.again("f1: 0.915\nseconds: 2\nsecret: 7")
    first, second = on_both.record(attempt=1), on_both.record()
    assert (first["attempt"]["attempt"], second["attempt"]["attempt"]) == (1, 2)
    assert first["scores"] == {"f1": 0.912, "seconds": 2.0, "secret": 7.0, "uncolumned": 5.0}
    assert on_both.comparison()["results"] == [
        {"what": "f1", "before": "0.912", "now": "0.915", "text": "f1: 0.912 before, 0.915 now"},
        {"what": "uncolumned", "before": "5.0", "now": "no number", "text": "uncolumned: 5.0 before, no number now"},
    ]
    with on_both.contest.platform.context.database.read() as session:
        assert list(session.scalars(select(RunRecord.differs).order_by(RunRecord.attempt))) == [None, True]


def test_the_organizers_copy_has_all_of_it(place):
    place.end(SCORES)
    record = place.record()
    submission = place.contest.call("GET", f"/submissions/{place.submission}").json()
    assert record["platform"] == {"url": "http://127.0.0.1:8000", "version": "0.1.0"}
    assert record["challenge"] == {"slug": "tiny", "version": 1, "phase": "Final", "task": "Task A", "task_index": 0}
    assert record["submission"]["upload_sha256"] == submission["sha256"]
    assert record["attempt"]["outcome"] == "finished"
    assert record["attempt"]["seconds"] == {"preparing": 0.25, "running": 1.457, "scoring": 0.5}
    assert record["images"] == {"submission": IMAGE, "bases": [BASE], "index": None, "scoring": SCORING_IMAGE}
    assert record["machine"] == MACHINE
    assert record["limits"]["inference"]["output_bytes"] == 256 * 1024**2
    assert record["organizers"] == {
        "worker": "w1",
        "exit_code": 0,
        "outputs_sha256": None,
        "image_names": REPORT["images"],
    }
    stored = place.contest.platform.context.storage
    assert stored.path(record["files"]["reference_data"]).read_bytes().startswith(b"PK")


def test_the_participants_copy_tells_nothing_that_is_not_theirs(place):
    place.end(SCORES)
    record, whole = place.record("alice"), place.record()
    assert record["copy_for"] == "participant"
    assert record["scores"] == {"f1": 0.912, "seconds": 2.0}
    assert record["attempt"]["seconds"] == {"preparing": 0.0, "running": 1.0, "scoring": 0.0}
    assert record["machine"] == {**MACHINE, "kernel": "", "gpus": [{"id": "", "model": "NVIDIA H100 PCIe"}]}
    assert record["organizers"] is None
    assert record["submission"] == whole["submission"]
    for told in (place.document("alice"), json.dumps(place.records("alice")).encode(), place.page("alice").encode()):
        for secret in (*filter(None, whole["files"].values()), SCORING_IMAGE, "canary", "secret", "uncolumned"):
            assert secret.encode() not in told


def test_the_participants_copy_of_an_open_phase_has_whole_times(platform):
    place = place_on(platform, phase={"hidden": False})
    place.end(SCORES)
    assert place.record("alice")["attempt"]["seconds"]["running"] == 1.457
    assert place.record("alice")["scores"] == {"f1": 0.912, "seconds": 2.0, "uncolumned": 5.0}


def test_identities_of_files_are_the_same_in_every_record_and_never_their_hash(place):
    place.end(SCORES)
    place.again(SCORES)
    first, second = place.record("alice", attempt=1)["files"], place.record("alice")["files"]
    assert first == second
    assert all(each is None or each.startswith("hmac-sha256:") for each in first.values())
    assert len({each for each in first.values() if each}) == 3


def test_organizers_may_have_the_participants_copy_and_participants_not_theirs(place):
    place.end(SCORES)
    assert place.document(copy="participant") == place.document("alice")
    refused = place.contest.call("GET", f"/runs/{place.run}/record", "alice", params={"copy": "organizers"})
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "The organizers' copy of a record is for the challenge's organizers alone.",
    )


def test_a_run_again_that_comes_to_the_same(place):
    place.end(SCORES)
    place.again(SCORES)
    assert place.comparison()["sentence"] == "reproduced: all 4 scores are the same"
    assert place.comparison("alice")["sentence"] == "reproduced: all 2 scores are the same"
    assert "reproduced: all 2 scores are the same." in place.page("alice")
    assert place.contest.call("GET", "/challenges/tiny/alerts").json()["items"] == []


def test_a_difference_in_a_hidden_column_is_the_organizers_alone(place):
    place.end(SCORES)
    place.again("f1: 0.912\nseconds: 2\nsecret: 8\nuncolumned: 5")
    assert place.comparison()["reproduced"] is False
    assert [each["text"] for each in place.comparison()["results"]] == ["secret: 7.0 before, 8.0 now"]
    assert place.comparison("alice")["reproduced"] is True
    assert place.comparison("alice")["results"] == []
    assert "secret" not in place.page("alice").lower()
    assert "secret: 7.0 before, 8.0 now" in place.page("olga")


def test_a_difference_is_an_alert_of_which_no_mail_tells_and_a_good_rerun_resolves_it(place):
    place.end(SCORES)
    machine = {**MACHINE, "gpus": [{"id": "x", "model": "NVIDIA A100"}]}
    place.again("f1: 0.915\nseconds: 2\nsecret: 7\nuncolumned: 5", machine=machine)
    (alert,) = place.contest.call("GET", "/challenges/tiny/alerts").json()["items"]
    assert (alert["kind"], alert["mailed_at"]) == ("scores_differ", alert["created_at"])
    assert alert["message"].splitlines() == [
        (
            f"Submission {place.submission}, task 'Task A', phase 'Final', was run again and not reproduced: "
            "it is not what attempt 1 came to, on the same material."
        ),
        "f1: 0.912 before, 0.915 now",
        "It ran in other surroundings:",
        "the GPUs: NVIDIA H100 PCIe before, NVIDIA A100 now",
    ]
    place.again("f1: 0.915\nseconds: 2\nsecret: 7\nuncolumned: 5")
    assert place.contest.call("GET", "/challenges/tiny/alerts").json()["items"] == []


def test_a_failure_of_a_scored_run_is_a_difference_and_a_lost_worker_is_none(place):
    place.end(SCORES)
    place.again(None, failure="run_failed")
    assert next(each["text"] for each in place.comparison()["results"]) == "the end: finished before, run failed now"
    place.again(None, failure="system_error", machine=None)
    assert place.comparison() is None
    place.again(SCORES)
    assert place.comparison()["attempt_before"] == 2


def test_a_record_of_a_lost_worker_says_what_is_known(place):
    platform = place.contest.platform
    for _ in range(3):
        place.contest.worker.claim(place.run).raise_for_status()
        platform.clock.advance(minutes=5)
        Clock(platform.context).tick()
    record = place.record()
    assert (record["attempt"]["attempt"], record["attempt"]["outcome"]) == (3, "system_error")
    assert (record["machine"], record["scores"], record["images"]["submission"]) == (None, {}, None)
    assert record["limits"]["inference"]["cpus"] == 2.0
    assert len(place.records()) == 1


def test_what_was_cancelled_has_no_record(place):
    place.contest.worker.claim(place.run).raise_for_status()
    place.contest.call("POST", f"/submissions/{place.submission}/cancel").raise_for_status()
    assert place.records() == []
    answer = place.contest.call("GET", f"/runs/{place.run}/record")
    assert (answer.status_code, answer.json()["message"]) == (
        404,
        "This run has no record: one is made when an attempt is scored or has failed.",
    )
    answer = place.contest.call("GET", f"/runs/{place.run}/record", params={"attempt": 9})
    assert answer.json()["message"].startswith("Attempt 9 of this run has no record")
    assert 'id="record"' not in place.page("alice")


def test_a_report_that_comes_twice_leaves_one_record(place):
    claim = place.contest.worker.claim(place.run).json()
    for _ in range(2):
        body = {**REPORT, "scores": {"scores_txt": SCORES}}
        place.contest.worker.call(place.run, claim["token"], "report", body).raise_for_status()
    assert len(place.records()) == 1


def test_a_new_scoring_program_is_other_material(platform):
    place = place_on(platform, names=["Main"], columns=None)
    place.end(SCORES)
    changed = make_zip({**BUNDLE_FILES, "scoring_program/score.py": "print('another')"})
    place.contest.call("PUT", "/challenges/tiny", files={"file": ("bundle.zip", changed)}).raise_for_status()
    place.again("f1: 0.1\nseconds: 2")
    compared = place.comparison("alice")
    assert (compared["reproduced"], compared["sentence"]) == (
        None,
        "not comparable with attempt 1: the material is not the same",
    )
    assert [each["text"] for each in compared["material"]] == ["the scoring program: another than before"]
    assert [each["text"] for each in compared["results"]] == ["f1: 0.912 before, 0.1 now"]
    assert place.contest.call("GET", "/challenges/tiny/alerts").json()["items"] == []
    assert place.record("alice")["challenge"]["version"] == 2


def test_a_number_that_was_hidden_since_is_no_longer_handed_out(platform):
    place = place_on(platform)
    place.end(SCORES)
    assert place.record("alice")["scores"]["seconds"] == 2.0
    with platform.context.database.write() as session:
        session.scalars(select(LeaderboardColumn).where(LeaderboardColumn.key == "seconds")).one().hidden = True
    refused = place.contest.call("GET", f"/runs/{place.run}/record", "alice")
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "This record holds a number that has been hidden since: ask the organizers about it.",
    )
    assert place.records("alice")[0]["content"]["scores"] == {"f1": 0.912}
    assert place.record()["scores"]["seconds"] == 2.0


def test_with_another_secret_old_records_stay_good_and_new_ones_have_a_new_key(tmp_path):
    with running_platform(tmp_path / "data", secret_key="a" * 32) as platform:
        place = place_on(platform)
        place.end(SCORES)
        old = place.document()
    url = f"sqlite:///{tmp_path / 'data' / 'medici.sqlite3'}"
    with running_platform(tmp_path / "data", secret_key="b" * 32, database_url=url) as platform:
        worker = FakeWorker(platform, platform.worker("w2"))
        place.contest = Contest(platform, place.contest.olga, worker, place.contest.tokens)
        place.again(SCORES)
        listed = place.contest.call("GET", "/signing-keys", None).json()["keys"]
        keys = {each["key_id"]: each["public_key"] for each in listed}
        signers = [signer_of(secret * 32) for secret in "ab"]
        assert keys == {signer.key_id: signer.public_key for signer in signers}
        assert checked(old, keys) == place.record(attempt=1)
        assert place.record()["attempt"]["attempt"] == 2
        assert place.comparison("alice")["reproduced"] is True
        with pytest.raises(NotGenuine, match="which is not one of the platform's keys"):
            checked(old, {signers[1].key_id: signers[1].public_key})


def test_results_are_recorded_too(platform):
    opened = contest(platform, columns=COLUMNS)
    answer = submit(platform, opened.token("alice"), RESULTS_ZIP)
    place = Place(opened, answer.json()["id"], platform.hints.hints[-1].run_id)
    place.end(SCORES, image_digest=None, base_images=[])
    place.again(SCORES, verb="rescore", image_digest=None, base_images=[])
    record = place.record("alice")
    assert (record["submission"]["kind"], record["attempt"]["rescored"]) == ("results", True)
    assert place.comparison("alice")["reproduced"] is True
