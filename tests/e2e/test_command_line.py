"""`medici`: what every command says of itself, and what the commands for one's own machine do."""

import signal
import subprocess
from zipfile import ZipFile

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from medici_platform.cli.app import app
from tests.e2e.programs import CANARY_TRUTH, COPYING, answering, running, write_bundle, write_zip
from tests.e2e.stack import MEDICI, engine, until
from tests.e2e.test_platform_refusals import NO_ZIP

pytestmark = pytest.mark.slow


def commands(group, *words):
    """Every command, as the words that call it."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        yield (*words, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, *words, name)


EVERY_COMMAND = list(commands(get_group(app)))


def test_the_commands_that_there_are():
    assert {" ".join(words) for words in EVERY_COMMAND} >= {
        "up",
        "worker",
        "worker enroll",
        "worker revoke",
        "admin create-user",
        "challenge import",
        "challenge list",
        "submit",
        "watch",
        "leaderboard",
        "try",
        "score",
        "bundle check",
        "bundle kit",
        "images build",
        "join",
        "participants",
        "cancel",
        "rerun",
        "rescore",
        "demo",
    }


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("local") / "tiny")


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help(words):
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: medici {' '.join(words)}" in result.output


def tried(platform, archive, bundle):
    ended = platform.medici("try", archive, "--bundle", bundle, json=True)
    assert ended.errors == ""
    return ended


@pytest.mark.parametrize("files", [COPYING, answering(0.125)], ids=["container", "results"])
def test_try_prints_what_the_platform_prints(platform, bundle, tmp_path, files):
    archive = write_zip(tmp_path / "mine.zip", files)
    ended = tried(platform, archive, bundle)
    told = {key: ended.json[key] for key in ("task", "state", "failure", "message")}
    assert (ended.code, told) == (0, {"task": "Main", "state": "finished", "failure": None, "message": ""})
    assert ended.json["scores"] == platform.submit(files)["scores"]


def test_try_of_a_folder_in_words(platform, bundle, tmp_path):
    for name, content in running("open('/mnt/out/answer.txt', 'w').write('0.625')\n").items():
        (tmp_path / name).write_text(content)
    ended = platform.medici("try", tmp_path, "--bundle", bundle)
    assert (ended.code, ended.output) == (0, "f1: 0.625\nseconds: 2\n")
    for stage in ("preparing", "running", "scoring"):
        assert f"  {stage}\n" in ended.errors


@pytest.mark.parametrize(
    ("files", "failure"),
    [
        ({"Dockerfile": 'FROM ubuntu:22.04\nCMD ["true"]\n'}, "image_refused"),
        (running("raise SystemExit(3)\n"), "run_failed"),
        (answering("no number"), "predictions_invalid"),
    ],
)
def test_try_fails_as_the_platform_fails(platform, bundle, tmp_path, files, failure):
    ended = tried(platform, write_zip(tmp_path / "mine.zip", files), bundle)
    assert (ended.code, ended.json["failure"], ended.json["scores"]) == (1, failure, {})
    submission = platform.run_files(files)
    message = ended.json["message"].replace("answer.txt", "[withheld]")  # the test data have a file of that name too
    assert (submission["failure"], submission["message"]) == (failure, message)


def test_try_refuses_what_the_platform_refuses(platform, bundle, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(b"no zip")
    ended = platform.medici("try", archive, "--bundle", bundle)
    assert (ended.code, ended.errors) == (1, f"Error: {NO_ZIP}\n")


def test_try_leaves_nothing_but_caches(platform, bundle, tmp_path):
    def lying_about():
        with engine() as client:
            containers = {container.name for container in client.containers.list(all=True, ignore_removed=True)}
            volumes = {volume.name for volume in client.volumes.list()}
        names = containers | {name for name in volumes if not name.startswith(("medici-data-", "medici-done-"))}
        return {name for name in names if "try-" in name}

    before = lying_about()
    tried(platform, write_zip(tmp_path / "mine.zip", answering(0.5)), bundle)
    assert lying_about() <= before


def test_score_without_containers(platform, bundle, tmp_path):
    predictions = tmp_path / "mine"
    predictions.mkdir()
    (predictions / "answer.txt").write_text("0.375")
    output = tmp_path / "scored"
    ended = platform.medici("score", "--bundle", bundle, "--predictions", predictions, "--output", output, json=True)
    assert (ended.code, ended.json) == (0, {"scores": {"f1": 0.375, "seconds": 2.0}, "problem": None})
    assert (output / "scores.txt").read_text() == "f1: 0.375\nseconds:2\n"


def test_score_of_bad_predictions(platform, bundle, tmp_path):
    (tmp_path / "answer.txt").write_text("no number")
    ended = platform.medici("score", "--bundle", bundle, "--predictions", tmp_path, "--output", tmp_path / "scored")
    assert (ended.code, ended.errors) == (1, "Error: Line 1 of answer.txt holds no number.\n")


def test_bundle_check_and_kit(platform, bundle, tmp_path):
    assert platform.medici("bundle", "check", bundle, json=True).json["faults"] == []
    kit = tmp_path / "kit.zip"
    made = platform.medici("bundle", "kit", bundle, "--output", kit)
    assert (made.code, made.output) == (0, f"{kit}\n")
    with ZipFile(kit) as archive:
        assert all(
            CANARY_TRUTH.encode() not in archive.read(name) for name in archive.namelist() if "score" not in name
        )
        assert not [name for name in archive.namelist() if name.startswith(("reference_data", "input_data"))]


def test_people_and_challenges(platform):
    platform.import_challenge(
        platform.folder / "closed", slug="closed", title="Closed", registration_auto_approve=False
    )
    joined = platform.medici("join", "closed", user="alice", json=True)
    assert (joined.code, joined.json["status"]) == (0, "pending")
    refused = platform.post_files(answering(0.5), slug="closed")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_approved")
    assert platform.medici("participants", "closed", "approve", "alice", user="olga").code == 0
    assert platform.run_files(answering(0.5), slug="closed")["state"] == "finished"
    assert platform.medici("participants", "closed", "deny", "alice", user="olga").code == 0
    assert platform.post_files(answering(0.5), slug="closed").status_code == 403
    listed = platform.medici("challenge", "list", user="alice", json=True).json
    assert [(each["slug"], each["published"]) for each in listed if each["slug"] == "closed"] == [("closed", True)]


def test_a_revoked_worker_is_welcome_no_more(platform):
    enrolled = platform.medici("worker", "enroll", "mine", user="root", json=True)
    assert list(enrolled.json) == ["name", "queue", "credential"]
    assert platform.medici("worker", "revoke", "mine", user="root").code == 0
    ended = platform.medici(
        "worker",
        MEDICI_WORKER_CREDENTIAL=enrolled.json["credential"],
        MEDICI_BROKER_URL=f"folder://{platform.data / 'broker'}",
        MEDICI_WORKER_STATE_DIR=str(platform.folder / "worker-mine"),
    )
    assert ended.code == 1
    assert ended.errors == (
        "POST /api/worker/v1/hello was answered 401: This worker's credential is unknown or revoked: enrol it with "
        "`medici worker enroll`.\n"
    )


def test_a_try_that_is_ended_leaves_no_container(bundle, tmp_path, docker_engine):
    def tried():
        found = docker_engine.containers.list(filters={"label": "medici.run-image=try"}, ignore_removed=True)
        return {each.name for each in found}

    archive = write_zip(tmp_path / "mine.zip", running("import time; time.sleep(600)\n"))
    before = tried()
    trying = subprocess.Popen([*MEDICI, "try", archive, "--bundle", bundle], stderr=subprocess.DEVNULL)
    until(lambda: tried() - before, "its container runs")
    trying.terminate()
    assert trying.wait(30) == 128 + signal.SIGTERM
    assert tried() - before == set()
