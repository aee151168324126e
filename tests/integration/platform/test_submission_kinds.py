"""Every kind is known by its content, kept as its phase wants it, and told to the worker as what it is."""

import gzip
import hashlib
import io
import zipfile

import pytest
from sqlalchemy import select

from medici_bundles.image_archives import repack_image
from medici_platform.challenges.models import Phase
from tests.factories.platform import CONTAINER_ZIP, RESULTS_ZIP, make_zip
from tests.integration.platform.stage import INGESTION, set_stage
from tests.integration.platform.test_bad_uploads import stored
from tests.unit.bundles.saved_images import legacy, saved_image

CODE_ZIP = make_zip({"metadata": "command: python $submission_program/model.py", "model.py": "pass"})
DIGEST = "sha256:" + "0" * 64
REFERENCE = f"ghcr.io/team/model:v1@{DIGEST}"
ALLOWED = {"allowed_images": ["ghcr.io/team/*", "pytorch/*"]}


@pytest.fixture
def image(tmp_path):
    return saved_image(tmp_path, legacy()).read_bytes()


def test_a_kind_for_each_content(platform, image):
    stage = set_stage(platform, final={"max_submissions_per_day": 9, **ALLOWED})
    contents = {"container": CONTAINER_ZIP, "code": CODE_ZIP, "results": RESULTS_ZIP, "image": image}
    told = {}
    for kind, content in {**contents, "packed": gzip.compress(image)}.items():
        answer = stage.submit(content)
        assert answer.status_code == 201, answer.text
        told[kind] = (answer.json()["kind"], stage.claim()["spec"]["kind"])
    assert told == {kind: (kind, kind) for kind in contents} | {"packed": ("image", "image")}


def test_a_zip_without_a_dockerfile_is_code_where_an_ingestion_program_waits(platform):
    task = {"ingestion_program": "ingestion_program"}
    stage = set_stage(platform, task=task, files=INGESTION)
    answer = stage.submit(make_zip({"model.py": "pass", "weights.txt": "1"}))
    assert (answer.json()["kind"], answer.json()["kind_sentence"]) == (
        "code",
        "a code submission (a zip with a program, which runs in the challenge's image)",
    )
    claim = stage.claim()
    spec, token = claim["spec"], claim["token"]
    assert (spec["ingestion_program"]["role"], spec["input_data"]["role"]) == ("ingestion_program", "input_data")
    fetched = stage.worker.fetch(spec["run_id"], token, "ingestion_program")
    assert (fetched.status_code, len(fetched.content)) == (200, spec["ingestion_program"]["size_bytes"])
    assert stage.worker.fetch(spec["run_id"], token, "outputs").status_code == 404


def test_an_ingestion_program_that_helps_the_scorer(platform):
    task = {"ingestion_program": "ingestion_program", "ingestion_only_during_scoring": True}
    stage = set_stage(platform, task=task, files=INGESTION, final={"accepts": ["results", "code"]})
    stage.submit(make_zip({"model.py": "pass"}))
    spec = stage.claim()["spec"]
    assert (spec["kind"], spec["ingestion_only_during_scoring"]) == ("code", True)
    assert spec["ingestion_program"] is not None


def test_an_image_is_kept_as_it_came_and_runs_without_its_names(platform, image, tmp_path):
    stage = set_stage(platform)
    packed = gzip.compress(image)
    submission = stage.submit(packed).json()
    assert stage.get(f"/submissions/{submission['id']}/file").content == packed
    claim = stage.claim()
    fetched = stage.worker.fetch(claim["spec"]["run_id"], claim["token"], "submission")
    canonical = tmp_path / "canonical.tar"
    (tmp_path / "sent.tar").write_bytes(image)
    expected = repack_image(tmp_path / "sent.tar", canonical)
    assert (fetched.headers["content-type"], fetched.content) == ("application/x-tar", canonical.read_bytes())
    assert claim["spec"]["submission"]["sha256"] == expected.sha256


def names_in(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.namelist()


@pytest.mark.parametrize(
    ("unwraps", "kept"), [(True, ["answer.txt"]), (False, ["mine/answer.txt"])], ids=["unwrapped", "as it came"]
)
def test_predictions_in_a_folder(platform, unwraps, kept):
    stage = set_stage(platform, final={"unwrap_results": unwraps})
    stage.submit(make_zip({"mine/answer.txt": "0.5", "__MACOSX/mine/._answer.txt": "noise"}))
    claim = stage.claim()
    package = stage.worker.fetch(claim["spec"]["run_id"], claim["token"], "submission").content
    assert names_in(package) == kept


def test_a_container_loses_its_folder_whatever_is_said_of_predictions(platform):
    stage = set_stage(platform, final={"unwrap_results": False})
    stage.submit(make_zip({"mine/Dockerfile": "FROM python:3.11\n"}))
    claim = stage.claim()
    package = stage.worker.fetch(claim["spec"]["run_id"], claim["token"], "submission").content
    assert names_in(package) == ["Dockerfile"]


def by_field(stage):
    return stage.post("/challenges/tiny/submissions", stage.alice, files={"image": (None, REFERENCE)})


def by_json(stage):
    return stage.post("/challenges/tiny/submissions", stage.alice, json={"image": REFERENCE})


def by_file(stage):
    return stage.submit(f"{REFERENCE}\n".encode())


@pytest.mark.parametrize("send", [by_field, by_json, by_file])
def test_an_image_by_its_name(platform, send):
    stage = set_stage(platform, final=ALLOWED)
    answer = send(stage)
    assert answer.status_code == 201, answer.text
    plain = f"ghcr.io/team/model@{DIGEST}"
    assert (answer.json()["kind"], answer.json()["image_reference"]) == ("image", plain)
    claim = stage.claim()
    assert (claim["spec"]["kind"], claim["spec"]["image_reference"]) == ("image", plain)
    fetched = stage.worker.fetch(claim["spec"]["run_id"], claim["token"], "submission")
    assert (fetched.headers["content-type"].split(";")[0], fetched.text.strip()) == ("text/plain", REFERENCE)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (
            f"quay.io/team/model@{DIGEST}",
            "image_not_allowed",
            (
                "The image quay.io/team/model is not one that the phase 'Final' allows: its name must match "
                "ghcr.io/team/* or pytorch/*."
            ),
        ),
        (
            f"model@{DIGEST}",
            "image_not_allowed",
            (
                "The image docker.io/library/model is not one that the phase 'Final' allows: its name must match "
                "ghcr.io/team/* or pytorch/*."
            ),
        ),
        (
            "ghcr.io/team/model:v1",
            "image_without_digest",
            (
                "The image 'ghcr.io/team/model:v1' must be named with its digest, as in registry/name@sha256:… "
                "(`docker image inspect` shows it, `docker push` prints it): a tag alone may mean another image "
                "tomorrow."
            ),
        ),
        (f"Model Zoo@{DIGEST}", "bad_image_name", f"'Model Zoo@{DIGEST}' is not the name of an image."),
    ],
)
def test_a_name_that_is_refused(platform, name, code, message):
    stage = set_stage(platform, final=ALLOWED)
    before = stored(platform)
    answer = stage.post("/challenges/tiny/submissions", stage.alice, json={"image": name})
    assert (answer.json()["code"], answer.json()["message"]) == (code, message)
    assert stored(platform) == before


def test_no_names_where_none_is_allowed(platform):
    stage = set_stage(platform)
    answer = by_json(stage)
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "The phase 'Final' takes no images by reference: upload the image itself, as `docker save` writes it.",
    )


def test_a_kind_that_the_phase_does_not_take_names_those_that_it_does(platform, image):
    stage = set_stage(platform, final={"accepts": ["container", "results"]})
    before = stored(platform)
    for content, what in ((CODE_ZIP, "a code submission"), (image, "an image submission")):
        answer = stage.submit(content)
        assert (answer.status_code, answer.json()["code"]) == (400, "kind_not_accepted")
        message = answer.json()["message"]
        assert message.startswith(f"This is {what} (")
        assert message.endswith(
            "which the phase 'Final' does not take: it takes a container submission (a zip with a Dockerfile) or "
            "a result submission (a zip with predictions)."
        )
    assert stored(platform) == before
    assert stage.get("/challenges/tiny/quota").json()["used_total"] == 0


def test_a_check_stores_nothing(platform):
    stage = set_stage(platform, final={"accepts": ["results"]})
    before = stored(platform)
    seen = {}
    for name, content in (("results", RESULTS_ZIP), ("container", CONTAINER_ZIP)):
        answer = stage.submit(content, check=True)
        body = answer.json()
        seen[name] = (answer.status_code, body["kind"], body["accepted"], body["message"], body["quota_left"])
    assert seen == {
        "results": (
            200,
            "results",
            True,
            "The phase 'Final' takes it. Handing it in would use 1 of the 5 submissions that you have left now.",
            5,
        ),
        "container": (
            200,
            "container",
            False,
            (
                "This is a container submission (a zip with a Dockerfile), which the phase 'Final' does not take: "
                "it takes a result submission (a zip with predictions)."
            ),
            5,
        ),
    }
    assert stored(platform) == before
    assert not list((platform.context.settings.storage / "incoming").iterdir())


def test_a_check_tells_of_a_closed_phase_and_refuses_strangers_and_broken_files(platform):
    stage = set_stage(platform)
    closed = stage.submit(check=True, phase="Practice").json()
    assert (closed["accepted"], closed["message"]) == (
        False,
        "The phase 'Practice' is closed: it ended on 2026-06-01 00:00 UTC.",
    )
    assert stage.submit(b"hello", check=True).json()["code"] == "archive_rejected"
    assert stage.submit(token=platform.user("bob"), check=True).json()["code"] == "not_joined"


def test_the_form_says_what_a_phase_takes(platform):
    stage = set_stage(platform, final={"accepts": ["image", "results"], **ALLOWED})
    form = stage.get("/challenges/tiny/submission-form").json()
    form.pop("max_upload_bytes")
    assert form == {
        "challenge": "tiny",
        "phase": "Final",
        "phase_index": 1,
        "accepts": [
            {
                "kind": "image",
                "sentence": "an image submission (what `docker save` writes, or an image's name with its digest)",
            },
            {"kind": "results", "sentence": "a result submission (a zip with predictions)"},
        ],
        "has_ingestion": False,
        "unwrap_results": True,
        "allowed_images": ["ghcr.io/team/*", "pytorch/*"],
        "questions": [],
    }


def keep_outputs(stage, claim, content):
    with stage.platform.client(claim["token"]) as client:
        answer = client.put(
            f"/api/worker/v1/runs/{claim['spec']['run_id']}/outputs",
            content=content,
            headers={"X-Content-SHA256": hashlib.sha256(content).hexdigest()},
        )
    answer.raise_for_status()


@pytest.mark.parametrize("content", [CONTAINER_ZIP, CODE_ZIP], ids=["container", "code"])
def test_a_rescore_scores_the_kept_outputs(platform, content):
    stage = set_stage(platform)
    submission = stage.submit(content).json()
    claim = stage.claim()
    run_id, outputs = claim["spec"]["run_id"], make_zip({"answer.txt": "0.5"})
    for name in ("running", "scoring"):
        stage.worker.call(run_id, claim["token"], "stage", {"stage": name}).raise_for_status()
    keep_outputs(stage, claim, outputs)
    stage.worker.call(run_id, claim["token"], "report", {"scores": {"scores_txt": "f1: 1"}}).raise_for_status()
    stage.post(f"/submissions/{submission['id']}/rescore", stage.olga).raise_for_status()
    again = stage.claim(run_id)
    assert (again["spec"]["kind"], again["spec"]["outputs"]["role"]) == (submission["kind"], "outputs")
    assert again["spec"]["input_data"] is None
    assert stage.worker.fetch(run_id, again["token"], "outputs").content == outputs


def test_a_rescore_of_predictions_scores_them_again(platform):
    stage = set_stage(platform)
    submission = stage.submit().json()
    stage.score("f1: 0.1")
    stage.post(f"/submissions/{submission['id']}/rescore", stage.olga).raise_for_status()
    spec = stage.claim()["spec"]
    assert (spec["kind"], spec["outputs"], spec["submission"]["sha256"]) == ("results", None, submission["sha256"])


def test_the_first_report_pins_the_images_of_a_phase(platform):
    stage = set_stage(platform)
    for images in ({"medici/python:latest": "sha256:one"}, {"medici/python:latest": "sha256:two", "torch": "sha256:3"}):
        stage.submit(CONTAINER_ZIP)
        claim = stage.claim()
        report = {"failure": "run_failed", "images": images}
        stage.worker.call(claim["spec"]["run_id"], claim["token"], "report", report).raise_for_status()
    with platform.context.database.read() as session:
        pins = {phase.name: phase.image_pins for phase in session.scalars(select(Phase))}
    assert pins == {"Practice": {}, "Final": {"medici/python:latest": "sha256:one", "torch": "sha256:3"}}
    stage.submit(CONTAINER_ZIP)
    assert stage.claim()["spec"]["build"]["pins"] == pins["Final"]


def test_runs_wait_in_the_challenges_queue(platform):
    platform.worker("w2", queue="gpu")
    stage = set_stage(platform, queue="gpu", final={"limits": {"gpus": 1}})
    for content in (CONTAINER_ZIP, RESULTS_ZIP):
        stage.submit(content)
    assert [(hint.queue, hint.gpus) for hint in platform.hints.hints] == [("gpu", 1), ("gpu", 0)]


def test_an_organizer_starts_submissions_where_they_do_not_start_themselves(platform):
    stage = set_stage(platform, auto_run_submissions=False)
    waiting = stage.submit().json()
    assert (waiting["state"], waiting["waiting"]) == (
        "submitted",
        "It waits until an organizer of the challenge starts it.",
    )
    assert platform.hints.hints == []
    refused = stage.post(f"/submissions/{waiting['id']}/rerun", stage.olga)
    sentence = f"Submission {waiting['id']} has not been started: there is nothing to run again yet."
    assert (refused.status_code, refused.json()["message"]) == (409, sentence)
    path = f"/submissions/{waiting['id']}/start"
    assert stage.post(path, stage.alice).status_code == 403
    started = stage.post(path, stage.olga).json()
    assert (started["state"], started["waiting"]) == ("queued", "")
    assert stage.post(path, stage.olga).json()["message"] == (
        f"Submission {waiting['id']} has been started already: it is queued."
    )
    stage.score()
    assert stage.get(f"/submissions/{waiting['id']}").json()["state"] == "finished"


def test_a_waiting_submission_may_be_withdrawn_and_costs_nothing(platform):
    stage = set_stage(platform, auto_run_submissions=False)
    waiting = stage.submit().json()
    ended = stage.post(f"/submissions/{waiting['id']}/cancel", stage.alice).json()
    assert (ended["state"], ended["failure"], ended["costs_quota"]) == ("cancelled", "cancelled", False)
    assert stage.post(f"/submissions/{waiting['id']}/start", stage.olga).status_code == 409
