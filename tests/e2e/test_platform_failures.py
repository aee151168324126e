"""How a run can fail: its type, whose fault it is, what the participant reads, and what it costs."""

import pytest

from medici_worker.protocol import FailureKind
from tests.e2e.programs import LIMITS, answering, answering_in_container, phase, running

pytestmark = pytest.mark.slow

CHILD = "held = bytearray(200 * 1024**2)\\nfor place in range(0, len(held), 4096): held[place] = 1"
PROGRAMS = {
    "time_limit": running("import time; time.sleep(60)\n"),
    "memory_limit": running(
        "held = bytearray(200 * 1024**2)\nfor place in range(0, len(held), 4096): held[place] = 1\n"
    ),
    "memory_limit of a child": running(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', '{CHILD}'])\n"
        "open('/mnt/out/answer.txt', 'w').write('0.9')\n"
    ),
    "output_limit": running("open('/mnt/out/answer.txt', 'wb').write(bytes(8 * 1024**2))\n"),
    "output_missing": running("print('nothing')\n"),
    "run_failed": running("open('/mnt/out/answer.txt', 'w').write('0.9')\nraise SystemExit(1)\n"),
    "build_failed": {"Dockerfile": "FROM medici/python:latest\nRUN false\n"},
    "image_refused": {"Dockerfile": 'FROM ubuntu:22.04\nCMD ["true"]\n'},
    "predictions_invalid": answering("no number"),
    "predictions_invalid of a container": answering_in_container("no number"),
    "scoring_failed": answering("crash"),
}
MESSAGES = {
    "time_limit": "The container was stopped because it ran over the time limit. The limit is 2 s.",
    "memory_limit": "The container was stopped because it used more memory than the limit. The limit is 64 MiB.",
    "output_limit": "The outputs are more than the limit for /mnt/out. The limit is 4 MiB and 10000 files.",
    "output_missing": "The container ended without writing any file to /mnt/out.",
    "run_failed": FailureKind.RUN_FAILED.sentence,
    "build_failed": (
        "The image could not be built; the build log says at which step. Step 2 of the Dockerfile failed."
    ),
    "image_refused": (
        "The image, or its Dockerfile, is not one that this challenge can run. "
        "Line 1 of the Dockerfile: the base "
        "image 'ubuntu:22.04' is not allowed; allowed are medici/*, codalab/codalab-legacy*, python:3*, "
        "projectmonai/monai:0.[0-6]*, projectmonai/monai:*."
    ),
    "predictions_invalid": (
        "The predictions could not be scored because they do not follow the challenge's format. "
        "Line 1 of [withheld] holds no number."
    ),
    "scoring_failed": (
        "The scoring program failed; the organizers have been told, and this submission costs no quota."
    ),
}


@pytest.fixture(scope="module")
def ended(platform):
    """Every program's submission after its end, by the program's name; and one upload that was refused."""
    phases = [phase(0, "Hasty", end="2100-01-01", limits={**LIMITS, "time_s": 2}), phase(1, "Final")]
    slug = platform.import_challenge(platform.folder / "failures", slug="failures", title="Failures", phases=phases)
    assert platform.medici("join", slug, user="alice").code == 0
    numbers = {
        name: platform.hand_in(files, slug=slug, phase="Hasty" if name == "time_limit" else "Final")
        for name, files in PROGRAMS.items()
    }
    assert platform.post_bytes(b"no zip", slug=slug).status_code == 422
    return {name: platform.await_end(number) for name, number in numbers.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_failure_is_typed_and_told(platform, ended, name):
    kind = name.partition(" ")[0]
    submission = ended[name]
    told = {key: submission[key] for key in ("state", "failure", "fault", "message", "scores", "costs_quota")}
    organizers = kind == "scoring_failed"
    assert told == {
        "state": "failed",
        "failure": kind,
        "fault": "organizer" if organizers else "participant",
        "message": MESSAGES[kind],
        "scores": {},
        "costs_quota": not organizers,
    }
    (run,) = platform.runs(submission["id"])
    assert [attempt["outcome"] for attempt in run["attempts"]] == [kind]


def test_none_of_them_stands_on_the_board(platform, ended):
    assert platform.get("/challenges/failures/leaderboard")["entries"] == []


def test_participants_faults_cost_quota_and_nothing_else_does(platform, ended):
    quota = platform.get("/challenges/failures/quota", phase="Final")
    assert quota["used_total"] == len(PROGRAMS) - 2  # one of them is in the other phase, one the organizer's fault
    assert platform.get("/challenges/failures/quota", phase="Hasty")["used_total"] == 1


def test_the_build_log_is_shown_and_names_the_step(platform, ended):
    log = platform.get(f"/submissions/{ended['build_failed']['id']}/logs")
    text = "".join(piece["text"] for piece in log["pieces"])
    assert {piece["stage"] for piece in log["pieces"]} == {"preparing"}
    assert "Step 2/2 : RUN false" in text
    assert "returned a non-zero code: 1" in text


def test_the_organizer_reads_why_the_scoring_failed(platform, ended):
    (run,) = platform.runs(ended["scoring_failed"]["id"], user="olga")
    assert run["exit_code"] == 1
    assert run["private_detail"].startswith("The scoring program ended with exit code 1.\n\nThe end of its log:\n")
