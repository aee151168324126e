"""What a submission's container can reach, and what comes out of it."""

import io
import json
import zipfile

import pytest

from tests.e2e.programs import CANARY_INPUT, CANARY_TRUTH, answering, phase, running

pytestmark = pytest.mark.slow

PROBE = f"""
import ctypes, json, os, pathlib, socket, subprocess, time

def refused(action):
    try:
        action()
    except OSError as error:
        return True
    return False

def mount():
    if ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")

def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")

def holds(path):
    try:
        return {CANARY_TRUTH[:14]!r}.encode() + {CANARY_TRUTH[14:]!r}.encode() in path.read_bytes()
    except OSError:
        return False

def files():
    for folder, names, found in os.walk("/"):
        names[:] = [name for name in names if os.path.join(folder, name) not in ("/proc", "/sys", "/dev", "/usr/lib")]
        for name in found:
            path = pathlib.Path(folder, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1024**2:
                yield path

def environments():
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/*") if path.name in ("environ", "cmdline", "mounts")]

found = {{
    "tcp": refused(lambda: socket.create_connection(("1.1.1.1", 53), 2)),
    "tcp6": refused(lambda: socket.create_connection(("2606:4700:4700::1111", 53), 2)),
    "gateway": refused(lambda: socket.create_connection(("172.17.0.1", 80), 2)),
    "dns": refused(lambda: socket.getaddrinfo("example.org", 80)),
    "udp": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53))),
    "raw": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "reference folder": refused(lambda: os.listdir("/app/input/ref")),
    "write /": refused(lambda: open("/spoilt", "w")),
    "write /usr": refused(lambda: open("/usr/spoilt", "w")),
    "write /mnt/in": refused(lambda: open("/mnt/in/spoilt", "w")),
    "change /mnt/in": refused(lambda: open("/mnt/in/case.txt", "a")),
    "remove from /mnt/in": refused(lambda: os.unlink("/mnt/in/case.txt")),
    "become root": refused(lambda: os.setuid(0)),
    "mount": refused(mount),
    "user namespace": refused(unshare),
    "docker socket": refused(lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")),
    "device": refused(lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0))),
    "kernel": refused(lambda: open("/proc/sys/kernel/core_pattern", "w")),
}}
looked_at = list(files())
answers = [str(path) for path in [*looked_at, *environments()] if holds(path)]
see = {{
    "refused": found,
    "uid": os.getuid(),
    "answers": answers,
    "looked at enough": len(looked_at) > 300,
    "input": open("/mnt/in/case.txt").read(),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]) < 5,
}}
open("/mnt/out/found.json", "w").write(json.dumps(see))
open("/mnt/out/answer.txt", "w").write("0.5")
"""

SHOUT = """
import pathlib, sys
secret = pathlib.Path("/mnt/in/case.txt").read_text()
print(secret, flush=True)
print(secret, file=sys.stderr, flush=True)
"""
SHOUTING = {
    "finished": running(SHOUT + "open('/mnt/out/answer.txt', 'w').write('0.5')\n"),
    "raised": running(SHOUT + "raise ValueError(secret)\n"),
    "in the predictions": running(SHOUT + "open('/mnt/out/answer.txt', 'w').write(secret)\n"),
    "in a file's name": running(
        SHOUT + "open('/mnt/out/' + secret, 'w').write(secret)\nopen('/mnt/out/answer.txt', 'w').write('0.5')\n"
    ),
    "in a name that is left out": running(SHOUT + "import os\nos.symlink('/mnt/in', '/mnt/out/' + secret)\n"),
    "scorer crashes": answering("crash"),
}


def test_a_submission_reaches_nothing_but_its_input(platform):
    submission = platform.run_files(running(PROBE))
    assert submission["failure"] is None, submission
    (run,) = platform.runs(submission["id"])
    with (
        platform.client("olga") as client,
        zipfile.ZipFile(io.BytesIO(client.get(f"/runs/{run['id']}/outputs").content)) as outputs,
    ):
        assert sorted(outputs.namelist()) == ["answer.txt", "found.json"]
        found = json.loads(outputs.read("found.json"))
    assert [attempt for attempt, refused in found["refused"].items() if not refused] == []
    assert len(found.pop("refused")) == 18
    assert found == {
        "uid": 65534,
        "answers": [],
        "looked at enough": True,
        "input": CANARY_INPUT,
        "processes": True,
    }


@pytest.fixture(scope="module")
def shouted(platform):
    """Submissions that tell their input wherever they can, in a hidden phase, after their end."""
    phases = [phase(0, "Final", outputs=["*.txt", "canary*"])]
    slug = platform.import_challenge(platform.folder / "shouts", slug="shouts", title="Shouts", phases=phases)
    assert platform.medici("join", slug, user="alice").code == 0
    numbers = {name: platform.hand_in(files, slug=slug) for name, files in SHOUTING.items()}
    return {name: platform.await_end(number) for name, number in numbers.items()}


def test_they_end_as_they_should(shouted):
    assert {name: submission["failure"] for name, submission in shouted.items()} == {
        "finished": None,
        "raised": "run_failed",
        "in the predictions": "predictions_invalid",
        "in a file's name": None,
        "in a name that is left out": "output_missing",
        "scorer crashes": "scoring_failed",
    }


def surfaces(platform, submission, run, user):
    """Everything of one submission that can be asked for, in the API and on pages, by its address."""
    api = "/api/v1"
    number = submission["id"]
    addresses = [
        f"{api}/submissions/{number}",
        f"{api}/submissions/{number}/runs",
        f"{api}/submissions/{number}/logs",
        f"{api}/runs/{run}/outputs",
        f"{api}/runs/{run}/detailed-results",
        f"{api}/challenges/shouts/submissions",
        f"{api}/challenges/shouts/leaderboard",
        f"/submissions/{number}",
        f"/submissions/{number}/log",
        "/challenges/shouts/submissions",
        "/challenges/shouts/leaderboard",
    ]
    with platform.client(user) as client:
        return {address: client.get(platform.url + address) for address in addresses}


@pytest.mark.parametrize("name", SHOUTING)
def test_no_participant_sees_the_test_set_or_the_answers(platform, shouted, name):
    submission = shouted[name]
    (run,) = platform.runs(submission["id"])
    answers = surfaces(platform, submission, run["id"], "alice")
    refused = [address for address, answer in answers.items() if not answer.is_success]
    assert refused == [f"/api/v1/runs/{run['id']}/outputs", f"/api/v1/runs/{run['id']}/detailed-results"]
    leaks = [
        address
        for address, answer in answers.items()
        if any(canary.encode() in answer.content for canary in (CANARY_INPUT, CANARY_TRUTH))
    ]
    assert leaks == []


def test_the_organizer_reads_them_in_log_detail_and_outputs(platform, shouted):
    """What the test above looks for is there to be found."""
    (run,) = platform.runs(shouted["raised"]["id"], user="olga")
    assert f"ValueError: {CANARY_INPUT}" in run["private_detail"]
    log = platform.get(f"/submissions/{shouted['finished']['id']}/logs", user="olga")
    text = "".join(piece["text"] for piece in log["pieces"])
    assert text.count(CANARY_INPUT) == 2
    assert text.count(CANARY_TRUTH) == 1
