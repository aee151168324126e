"""Strangers' programs in real containers: what they try, and how the run ends."""

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.engine import BuildOrder
from medici_worker.protocol import FailureKind, Stage
from medici_worker.run import execute
from tests.factories.worker import IMAGE, python_program, python_submission
from tests.integration.worker.conftest import MIB, SMALL

pytestmark = pytest.mark.slow

PROBE = """
import json, os, socket, pathlib

def refused(action):
    try:
        action()
    except (OSError, PermissionError) as error:
        return type(error).__name__ + ":" + str(error.errno)
    return "ALLOWED"

status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
found = {
    "uid": os.getuid(), "gid": os.getgid(), "home": os.environ["HOME"],
    "capabilities": [status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")],
    "no_new_privileges": status["NoNewPrivs"], "seccomp": status["Seccomp"],
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "connect": refused(lambda: socket.create_connection(("1.1.1.1", 53), 2)),
    "dns": refused(lambda: socket.getaddrinfo("example.org", 80)),
    "raw_socket": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "write_root": refused(lambda: open("/spoilt", "w")),
    "write_etc": refused(lambda: open("/etc/passwd", "a")),
    "write_input": refused(lambda: open("/mnt/in/spoilt", "w")),
    "setuid": refused(lambda: os.setuid(0)),
    "chown": refused(lambda: os.chown("/tmp", 0, 0)),
    "mount_host": refused(lambda: os.listdir("/proc/1/root/var/lib/docker")),
    "docker_socket": refused(lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")),
    "reference": os.path.exists("/app"),
    "kernel": refused(lambda: open("/proc/sys/kernel/core_pattern", "w")),
    "kmsg": refused(lambda: open("/dev/kmsg")),
}
open("/tmp/scratch", "w").write("fine")
open("/mnt/out/found.json", "w").write(json.dumps(found))
"""


def test_what_a_container_may_do(run):
    report, host = run(PROBE)
    assert report.failure is None, report
    assert host.stages == [Stage.RUNNING, Stage.SCORING]
    assert json.loads(host.outputs["found.json"]) == {
        "uid": 65534,
        "gid": 65534,
        "home": "/tmp",
        "capabilities": ["0000000000000000"] * 4,
        "no_new_privileges": "1",
        "seccomp": "2",
        "interfaces": ["lo"],
        "connect": "OSError:101",
        "dns": "gaierror:-3",
        "raw_socket": "PermissionError:1",
        "write_root": "OSError:30",
        "write_etc": "PermissionError:13",
        "write_input": "OSError:30",
        "setuid": "PermissionError:1",
        "chown": "PermissionError:1",
        "mount_host": "FileNotFoundError:2",
        "docker_socket": "FileNotFoundError:2",
        "reference": False,
        "kernel": "OSError:30",
        "kmsg": "FileNotFoundError:2",
    }


def test_too_much_memory_is_memory_limit(run):
    report, _ = run("x = bytearray(400 * 1024**2)\nfor i in range(0, len(x), 4096): x[i] = 1\n")
    assert report.failure is FailureKind.MEMORY_LIMIT
    assert report.public_detail == "The limit is 128 MiB."


def test_too_much_memory_in_a_child_is_memory_limit_too(run):
    child = "x = bytearray(400 * 1024**2)\nfor i in range(0, len(x), 4096): x[i] = 1"
    code = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])\n"
        "open('/mnt/out/y', 'w').write('1')\n"
    )
    report, host = run(code)
    assert report.failure is FailureKind.MEMORY_LIMIT
    assert host.outputs is None


def test_the_time_limit_ends_a_container_that_ignores_sigterm(run):
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)\n"
    began = time.monotonic()
    report, _ = run(code, limits=SMALL.model_copy(update={"time_s": 1}))
    assert report.failure is FailureKind.TIME_LIMIT
    assert report.public_detail == "The limit is 1 s."
    assert 1 <= report.stage_seconds[Stage.RUNNING] < 4
    assert time.monotonic() - began < 10


def test_a_full_output_is_output_limit(run):
    code = "f = open('/mnt/out/big', 'wb')\nfor _ in range(100): f.write(b'0' * 1024**2); f.flush()\n"
    report, host = run(code)
    assert report.failure is FailureKind.OUTPUT_LIMIT
    assert report.public_detail == "The limit is 8 MiB and 50 files."
    assert host.outputs is None


def test_a_full_output_that_is_hidden_by_exit_0_is_output_limit(run):
    code = "import os\nos.system('head -c 99999999 /dev/zero > /mnt/out/big')\nos._exit(0)\n"
    assert run(code)[0].failure is FailureKind.OUTPUT_LIMIT


def test_a_sparse_output_is_output_limit(run):
    code = "for i in range(4):\n    os_file = open(f'/mnt/out/{i}', 'wb'); os_file.truncate(4 * 1024**2)\n"
    assert run(code)[0].failure is FailureKind.OUTPUT_LIMIT


def test_too_many_files_is_output_limit(run):
    code = "for i in range(60): open(f'/mnt/out/{i}', 'w').write('1')\n"
    assert run(code)[0].failure is FailureKind.OUTPUT_LIMIT


def test_as_much_output_as_the_limit_is_fine(run):
    report, host = run("open('/mnt/out/y', 'wb').write(b'0' * (8 * 1024**2))\n")
    assert report.failure is None
    assert len(host.outputs["y"]) == 8 * MIB


def test_exit_1_after_output_is_run_failed_without_scores(run):
    report, host = run("open('/mnt/out/y', 'w').write('1')\nraise SystemExit(1)\n")
    assert report.failure is FailureKind.RUN_FAILED
    assert report.exit_code == 1
    assert (report.public_detail, report.exit_code) == ("", 1)
    assert report.scores is None
    assert host.stages == [Stage.RUNNING]


def test_nothing_written_is_output_missing(run):
    assert run("print('nothing')\n")[0].failure is FailureKind.OUTPUT_MISSING


def test_only_a_link_to_the_answers_is_output_missing(run):
    report, host = run("import os\nos.symlink('/app/input/ref/truth.txt', '/mnt/out/y.csv')\n")
    assert report.failure is FailureKind.OUTPUT_MISSING
    assert report.private_detail == "'y.csv' is no regular file"
    assert host.outputs is None


def test_the_scorer_never_sees_a_link(run):
    code = (
        "import os\nopen('/mnt/out/a.csv', 'w').write('1')\nos.symlink('/app/input/ref/truth.txt', '/mnt/out/b.csv')\n"
        "os.link('/mnt/out/a.csv', '/mnt/out/c.csv')\nos.mkfifo('/mnt/out/pipe')\n"
    )
    scorer = (
        "import os\nfound = ' '.join(sorted(os.listdir('/app/input/res')))\n"
        "open('/app/output/scores.txt', 'w').write('files: ' + found)\n"
    )
    report, host = run(code, scorer=python_program(scorer))
    assert report.failure is None
    assert report.scores.scores_txt == "files: a.csv c.csv metadata"
    assert host.outputs == {"a.csv": b"1", "c.csv": b"1"}


def test_a_file_that_only_its_owner_may_read_is_scored_all_the_same(run):
    code = "import os\nopen('/mnt/out/y', 'w').write('1')\nos.chmod('/mnt/out/y', 0o600)\n"
    scorer = "open('/app/output/scores.txt', 'w').write('y: ' + open('/app/input/res/y').read())\n"
    report, _ = run(code, scorer=python_program(scorer))
    assert report.scores.scores_txt == "y: 1"


def test_a_fork_bomb_is_held(run, engine):
    code = (
        "import os, time\nmade = 0\nend = time.time() + 5\n"
        "while time.time() < end:\n"
        "    try:\n        pid = os.fork()\n"
        "    except OSError:\n        break\n"
        "    if pid == 0: time.sleep(20); os._exit(0)\n"
        "    made += 1\n"
        "open('/mnt/out/made', 'w').write(str(made))\n"
    )
    report, host = run(code)
    assert report.failure is None
    assert 10 < int(host.outputs["made"]) < SMALL.pids
    assert engine.image("medici/python:latest") is not None


def test_a_flood_of_log_is_cut(run):
    limits = SMALL.model_copy(update={"log_bytes": 10_000})
    report, host = run("for i in range(300000): print('x' * 50)\nopen('/mnt/out/y', 'w').write('1')\n", limits=limits)
    assert report.failure is None
    log = host.logs[Stage.RUNNING]
    assert log.endswith("[The log was cut here: it is longer than 10000 bytes.]\n")
    assert len(log) < 10_100


def test_the_input_is_there_and_the_scores_come_back(run):
    code = "import shutil\nshutil.copy('/mnt/in/x.csv', '/mnt/out/y.csv')\nprint('copied')\n"
    report, host = run(code)
    assert report.failure is None
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert host.outputs == {"y.csv": b"file,class\n"}
    assert host.logs[Stage.RUNNING] == "copied\n"
    assert set(report.stage_seconds) == {Stage.PREPARING, Stage.RUNNING, Stage.SCORING}
    assert report.image_digest.startswith("sha256:")


@pytest.fixture
def base_with_volumes(engine) -> Iterator[Callable[[str], str]]:
    """Makes a base image, as an administrator might have one, that declares volumes; returns its name."""
    name = f"medici/test-volumes:{uuid.uuid4().hex[:8]}"

    def make_it(volumes: str) -> str:
        context = [*tar_file("Dockerfile", f"FROM {IMAGE}\nVOLUME {volumes}\n".encode()), tar_end()]
        engine.build(context, BuildOrder(name, 60, 512 * MIB, 1), bytearray().extend)
        return name

    yield make_it
    engine.remove_image(name)


def anonymous(engine) -> set[str]:
    return {one.name for one in engine.volumes() if len(one.name) == 64}


def test_a_volume_of_the_base_is_no_storage_without_limit(run, make, site, engine, base_with_volumes):
    base, before = base_with_volumes("/data /mnt/out/deep"), anonymous(engine)
    dockerfile, files = python_submission("open('/data/big', 'w')\n", base=base)
    spec = make.container(dockerfile + "USER daemon\n", files, limits=SMALL, scoring_limits=SMALL)
    host = make.host(python_program())
    report = execute(spec, host, site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail.startswith("The image, or its base, declares a volume at '/data', which is not allowed")
    assert anonymous(engine) <= before


def test_volumes_where_the_container_has_its_places_keep_their_limits(make, site, engine, base_with_volumes):
    base, before = base_with_volumes("/mnt/in /mnt/out /tmp"), anonymous(engine)
    code = (
        "import os\nfor path in ('/tmp', '/mnt/out'):\n    assert os.statvfs(path).f_blocks * 4096 < 10 * 1024**2\n"
        "assert not os.access('/mnt/in', os.W_OK)\nopen('/mnt/out/y', 'w').write('1')\n"
    )
    dockerfile, files = python_submission(code, base=base)
    host = make.host(python_program())
    report = execute(make.container(dockerfile, files, limits=SMALL, scoring_limits=SMALL), host, site)
    assert report.failure is None, (report, host.logs)
    site.benches.later(lambda: None)
    deadline = time.monotonic() + 10
    while not anonymous(engine) <= before:
        assert time.monotonic() < deadline, "an anonymous volume is still there"
        time.sleep(0.1)


def test_a_scoring_image_with_a_volume_is_refused(make, site, base_with_volumes):
    spec = make.results({"y": "1"}, limits=SMALL, scoring_limits=SMALL, program_image=base_with_volumes("/data"))
    report = execute(spec, make.host(python_program()), site)
    assert report.failure is FailureKind.SCORING_FAILED
    assert "declares a volume at '/data'" in report.private_detail


def test_a_command_that_is_not_there(run, make, site):
    host = make.host(python_program())
    spec = make.container('FROM medici/python:latest\nCMD ["no-such"]\n', limits=SMALL, scoring_limits=SMALL)
    report = execute(spec, host, site)
    assert report.failure is FailureKind.RUN_FAILED
    assert report.public_detail == "Its command was not found."
