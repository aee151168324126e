"""Outputs that lead elsewhere, deceive, or go on: what of them is handed on; and what a careless reader takes."""

import json
import time
import uuid
from typing import NamedTuple

import pytest

from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.run import execute
from medici_worker.settings import default_lock_folder
from medici_worker.worksite import open_worksite
from tests.factories.worker import IMAGE, RunMaker, python_program, python_submission
from tests.integration.worker.conftest import SMALL, clear
from tests.trust import controls

pytestmark = pytest.mark.slow

HOSTILE = """
import os, socket, time
os.makedirs('/mnt/out', exist_ok=True)
os.chdir('/mnt/out')

def attempt(action):
    try: action()
    except OSError as error: print('refused:', error)

open('y.csv', 'w').write('1')
attempt(lambda: os.symlink('/etc/passwd', 'link.csv'))
attempt(lambda: os.symlink('/app/input/ref', 'answers'))
attempt(lambda: os.link('/etc/passwd', 'hard.csv'))
attempt(lambda: os.link('y.csv', 'twin.csv'))
attempt(lambda: os.mkfifo('pipe'))
attempt(lambda: socket.socket(socket.AF_UNIX).bind('socket'))
attempt(lambda: os.mknod('device', 0o60666, os.makedev(7, 0)))
for name in (b'caf\\xe9', b'a\\nb', b'Y.csv', b'..\\\\x', 'a\\u202eb'.encode()):
    open(name, 'w').write('2')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.2)
            open('/mnt/out/y.csv', 'w').write('changed')
            open('/mnt/out/late.csv', 'w').write('changed')
    os._exit(0)
"""
CARELESS = """
import json, os, shutil, stat, time
time.sleep(1)
found = os.listdir(b'/mnt/out')
kinds = {name.decode('utf-8', 'surrogateescape'): stat.S_IFMT(os.lstat(b'/mnt/out/' + name).st_mode) for name in found}
text = {}
for name in ('link.csv', 'hard.csv', 'answers/truth.txt', 'y.csv'):
    try: text[name] = open('/mnt/out/' + name).read()
    except OSError: text[name] = ''
print(json.dumps([kinds, text]))
"""


class Seen(NamedTuple):
    """Name → kind of file, and name → what a reader finds in it."""

    kinds: dict[str, int]
    text: dict[str, str]


ATTEMPTS = {
    "a symbolic link to a file of the machine": lambda seen: "root:" in seen.text["link.csv"],
    "a symbolic link to the answers": lambda seen: seen.text["answers/truth.txt"] == "secret\n",
    "a hard link to a file of the image": lambda seen: "root:" in seen.text["hard.csv"],
    "a named pipe": lambda seen: seen.kinds["pipe"] == 0o010000,
    "a socket": lambda seen: seen.kinds["socket"] == 0o140000,
    "a device": lambda seen: seen.kinds["device"] == 0o060000,
    "a name that is not UTF-8": lambda seen: "caf\udce9" in seen.kinds,
    "a line break in a name": lambda seen: "a\nb" in seen.kinds,
    "another spelling of a name": lambda seen: {"y.csv", "Y.csv"} <= set(seen.kinds),
    "a backslash in a name": lambda seen: "..\\x" in seen.kinds,
    "text turned around": lambda seen: "a\u202eb" in seen.kinds,
    "outputs that change while they are read": lambda seen: seen.text["y.csv"] == "changed",
}
"""Name → whether a careless reader, beside the reference data, is taken in."""


@pytest.fixture(scope="module")
def engine():
    opened = DockerEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def handed_on(engine, tmp_path_factory):
    """What came of the run: the outputs, and how long it took."""
    folder = tmp_path_factory.mktemp("outputs")
    worker = f"medici-test-{uuid.uuid4().hex[:8]}"
    site = open_worksite(engine, folder / "state", worker=worker, lock_folder=default_lock_folder(), prewarm=False)
    make = RunMaker(folder)
    host = make.host(python_program(), {"truth.txt": "f1: 0.5\n"})
    began = time.monotonic()
    report = execute(make.container(*python_submission(HOSTILE), limits=SMALL, scoring_limits=SMALL), host, site)
    elapsed = time.monotonic() - began
    site.close()
    clear(engine, folder / "state", worker)
    assert report.failure is None, report
    assert elapsed < SMALL.time_s, "whoever is left behind ends with the container"
    return host.outputs


@pytest.fixture(scope="module")
def careless(engine):
    control = controls.Control("a reader that looks first", {"network_mode": "none"}, (), controls.ROOT)
    fill = "mkdir -p /app/input/ref; echo secret > /app/input/ref/truth.txt"
    said = controls.run(
        engine, IMAGE, control, ["sh", "-c", f'{fill}; python -c "$HOSTILE"; python -c "$CARELESS"'],
        {"HOSTILE": HOSTILE, "CARELESS": CARELESS},
    )  # fmt: skip
    return Seen(*json.loads(said.splitlines()[-1]))


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_output_that_leads_elsewhere_is_not_handed_on(handed_on, careless, trust, name):
    """Of the two spellings of one name, the first in the alphabet stays."""
    stopped = handed_on == {"Y.csv": b"2", "twin.csv": b"1"}
    succeeds = bool(ATTEMPTS[name](careless))
    trust.note_attack("outputs", name, stopped=stopped, succeeds_without=succeeds)
    assert stopped, handed_on
    assert succeeds, careless
