"""Strangers' Dockerfiles on a real engine: what they try, and what is left of it."""

import gzip
import re
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.build_marks import marking
from medici_worker.containers.disk import Disk
from medici_worker.containers.engine import (
    LABEL_BUILD,
    BuildBroken,
    BuildOrder,
    ContainerPlan,
    DiskNearlyFull,
    ImageTooLarge,
)
from medici_worker.containers.profile import hardened
from medici_worker.protocol import BuildPolicy, FailureKind, Stage
from medici_worker.run import execute
from tests.factories.worker import IMAGE, python_program
from tests.integration.worker.conftest import MIB, SMALL

pytestmark = pytest.mark.slow

SECRET = "another participant's weights"


@pytest.fixture
def others(engine) -> Iterator[str]:
    """The id of an image that another participant's submission was built into."""
    tag = f"medici/run-image:test{uuid.uuid4().hex[:8]}"
    context = [*tar_file("Dockerfile", f'FROM {IMAGE}\nRUN echo "{SECRET}" > /secret\n'.encode()), tar_end()]
    image_id = engine.build(context, BuildOrder(tag, 60, 512 * MIB, 1, {"medici.run-image": "w"}), bytearray().extend)
    yield image_id
    engine.remove_image(tag)


@pytest.fixture
def attack(site, make):
    def build(dockerfile: str, files: dict | None = None, **policy):
        host = make.host(python_program())
        build_policy = BuildPolicy(memory_bytes=512 * MIB, **policy)
        spec = make.container(dockerfile, files, limits=SMALL, scoring_limits=SMALL, build=build_policy)
        return execute(spec, host, site), host

    return build


STEAL = 'CMD ["sh", "-c", "cp /secret /mnt/out/y; cp /x /mnt/out/x"]\n'


@pytest.mark.parametrize(
    "lines",
    [
        "RUN true \\\x0c\nFROM {id}\n",
        "RUN true \\\u00a0\nFROM {id}\n",
        "RUN true \\\n\x1c# x\nFROM {id}\n",
        'COPY --chown="a b" --from={id} /secret /x\n',
        "COPY --chown=\u00e0--from={id} /secret /x\n",
        "COPY --from={id} /secret /x\n",
        "FROM {short}\n",
        "ONBUILD COPY --from={id} /secret /x\n",
    ],
)
def test_anothers_image_is_out_of_reach(attack, others, lines):
    known = {"id": others, "short": others.removeprefix("sha256:")[:12]}
    report, host = attack(f"FROM {IMAGE}\n{lines.format(**known)}{STEAL}", allowed_bases=("*",))
    assert report.failure is FailureKind.IMAGE_REFUSED, report
    assert host.outputs is None
    assert host.logs.get(Stage.PREPARING, "") == ""


@pytest.mark.parametrize(
    "above", ["# check=skip=all\n# escape=`\n", "ARG X=st\nARG A=1 X={id}\nFROM medici/python:latest AS st\n"]
)
def test_anothers_image_is_out_of_reach_from_above(attack, others, above):
    body = f"FROM {IMAGE}\nRUN true `\nFROM {others}\n" if "`" in above else "FROM $X\n"
    report, _ = attack(above.format(id=others) + body + STEAL, allowed_bases=("*",))
    assert report.failure is FailureKind.IMAGE_REFUSED


def test_anothers_image_is_out_of_reach_by_the_organizers_map(attack, others, engine):
    (tag,) = engine.image(others).tags
    for target in (tag, f"docker.io/{tag}", others):
        report, _ = attack("FROM x:1\n" + STEAL, allowed_bases=("*",), image_map={"x:*": target})
        assert report.failure is FailureKind.IMAGE_REFUSED, target


def test_comments_and_continuations_reach_the_builder_as_they_were_meant(attack):
    dockerfile = (
        f"# escape=\\\n# about\nFROM {IMAGE}\r\nRUN echo one \\\n  # two\n\n   && echo 'three  four' > /t \\\t\n"
        f'   && echo {uuid.uuid4()}\nENV A="b c" \\\n    D=e\ncmd [ "sh", "-c",  "cp /t /mnt/out/t; echo $A$D" ]\n'
    )
    report, host = attack(dockerfile)
    assert report.failure is None, report
    assert host.outputs == {"t": b"three  four\n"}
    assert host.logs[Stage.RUNNING] == "b ce\n"
    assert "Step 2/4 : RUN echo one    && echo 'three  four' > /t " in host.logs[Stage.PREPARING]


@pytest.mark.parametrize("line", ["ENV X", "USER", "COPY --foo=1 a b", "COPY a", "EXPOSE abc", "COPY --from=0 /a /b"])
def test_a_fault_that_the_builder_finds_is_the_participants(attack, line):
    report, host = attack(f"FROM {IMAGE}\n{line}\n")
    assert report.failure is FailureKind.BUILD_FAILED, report
    assert host.logs[Stage.PREPARING] != ""


MARK = f"test{uuid.uuid4().hex[:8]}-0"


def order(**values) -> BuildOrder:
    return BuildOrder(f"medici/run-image:test{uuid.uuid4().hex[:8]}", 60, 512 * MIB, 1, mark=MARK, **values)


def context(text: str, **files: bytes) -> list[bytes]:
    """With the line that the worker writes behind each FROM."""
    marked = re.sub(r"^(FROM .*)$", rf"\1\n{marking(MARK)}", text, flags=re.MULTILINE)
    held = {"Dockerfile": marked.encode(), **files}
    return [*(chunk for name, content in held.items() for chunk in tar_file(name, content)), tar_end()]


def test_a_build_step_has_a_limit_on_processes_and_files(engine):
    log = bytearray()
    limit = "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null"
    text = (
        f"FROM {IMAGE}\nRUN for i in $(seq 40); do {limit} | grep -q 123 && break; sleep 0.5; done; {limit};"
        " ulimit -c; head -c 3000000 /dev/zero > /big; ls -l /big; false\n"
    )
    with pytest.raises(BuildBroken):
        engine.build(context(text), order(pids=123, file_bytes=MIB), log.extend)
    said = log.decode().split("\n")
    assert "123" in said
    assert "0" in said
    assert any(" 1048576 " in line and line.endswith("/big") for line in said)


def unnamed(engine) -> set[str]:
    """Of these tests' builds: others may be at work on the same engine."""
    found = engine.api.images(filters={"dangling": True, "label": LABEL_BUILD})
    return {one["Id"] for one in found if one["Labels"][LABEL_BUILD].startswith(MARK)}


def test_a_failed_build_leaves_nothing(engine):
    before = unnamed(engine)
    text = f"FROM {IMAGE} AS a\nRUN echo {uuid.uuid4()} > /a\nFROM {IMAGE}\nRUN echo {uuid.uuid4()} > /b\nRUN false\n"
    base = engine.image(IMAGE).image_id
    with pytest.raises(BuildBroken):
        engine.build(context(text), order(bases=frozenset([base])), bytearray().extend)
    assert unnamed(engine) <= before
    assert engine.image(IMAGE).image_id == base


def test_an_archive_is_never_unpacked_by_the_engine(attack):
    packed = gzip.compress(b"".join([*tar_file("inner", b"unpacked"), tar_end()]))
    files = {"d/weights.bin": packed, "plain.gz": gzip.compress(b"text")}
    report, _ = attack(f"FROM {IMAGE}\nADD d/*.bin /x/\n", files)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail == (
        "Line 2 of the Dockerfile: ADD would unpack 'd/weights.bin': use COPY, and a RUN line that unpacks it."
    )
    lists = 'CMD ["sh", "-c", "cd /x && find . -type f | sort > /mnt/out/y"]\n'
    report, host = attack(f'FROM {IMAGE}\nADD . /x/\nADD ["plain.gz", "/x/y"]\n{lists}', files)
    assert report.failure is None, report
    assert host.outputs == {"y": b"./Dockerfile\n./d/weights.bin\n./plain.gz\n./y\n"}


def test_layers_are_used_again_by_other_submissions(attack):
    """The worker's label differs between its builds at a time alone."""
    step = f"RUN echo {uuid.uuid4()} > /a"
    for number in range(2):
        _, host = attack(f"FROM {IMAGE}\n{step}\nCOPY x /\nCMD true\n", {"x": f"{number} {uuid.uuid4()}"})
        after = host.logs[Stage.PREPARING].partition(f"{step}\n")[2]
        assert after.startswith(" ---> Using cache\n") is (number == 1), after


FORGING = """
for n in range(3000):
    print(f" ---> {n:012x}")
    print(f" ---> Running in {n:012x}", flush=True)
"""


def test_what_a_step_prints_hides_nothing(engine):
    """Neither a step that writes, nor what a build leaves when it fails."""
    before = unnamed(engine)
    for end in ("open('/x', 'wb').write(b'0' * 60_000_000); import time; time.sleep(30)", "raise SystemExit(1)"):
        text = f"FROM {IMAGE}\nCOPY forge /\nRUN echo {uuid.uuid4()} > /a\nRUN python /forge\n"
        limited = order(image_bytes=50 * MIB, bases=frozenset([engine.image(IMAGE).image_id]))
        began = time.monotonic()
        with pytest.raises(ImageTooLarge if "sleep" in end else BuildBroken):
            engine.build(context(text, forge=(FORGING + end).encode()), limited, bytearray().extend)
        assert time.monotonic() - began < 20
        assert unnamed(engine) <= before


def test_what_a_dead_worker_left_goes_when_it_starts_anew(engine):
    before = unnamed(engine)
    text = f"FROM {IMAGE}\n{marking(f'{MARK}1')}\nRUN echo {uuid.uuid4()} > /a\nRUN false\n"
    with pytest.raises(BuildBroken):
        engine.build([*tar_file("Dockerfile", text.encode()), tar_end()], order(), bytearray().extend)
    (left,) = unnamed(engine) - before
    engine.clear_builds(now=time.time(), idle="another")
    assert left in unnamed(engine)
    engine.clear_builds(now=time.time(), idle=MARK)
    assert left not in unnamed(engine)


def test_an_images_own_health_check_does_not_run(engine):
    """And its containers are no build's steps, whatever it says of itself."""
    kept = order()
    text = f"FROM {IMAGE}\nHEALTHCHECK --interval=1s CMD touch /tmp/checked\n"
    engine.build(context(text), kept, bytearray().extend)
    command = ("python", "-c", "import os, time; time.sleep(3); print(os.listdir('/tmp'))")
    name, log = f"medici-test-health-{uuid.uuid4().hex[:8]}", bytearray()
    running = engine.start(ContainerPlan(name, kept.tag, hardened(SMALL, engine_cpus=1), command=command), log.extend)
    try:
        said = engine.api.inspect_container(name)["Config"]
        assert (said["Healthcheck"]["Test"], said["Labels"][LABEL_BUILD]) == (["NONE"], "")
        assert running.wait(30).code == 0
        assert log == b"[]\n"
    finally:
        running.remove()
        engine.remove_image(kept.tag)


def test_a_step_can_not_have_other_images_removed(engine):
    kept = order()
    engine.build(context(f"FROM {IMAGE}\nRUN echo {uuid.uuid4()} > /a\n"), kept, bytearray().extend)
    bystander = engine.image(kept.tag).image_id
    text = f"FROM {IMAGE}\nRUN echo ' ---> {bystander[7:19]}'; echo {uuid.uuid4()}; false\n"
    with pytest.raises(BuildBroken):
        engine.build(context(text), order(bases=frozenset([engine.image(IMAGE).image_id])), bytearray().extend)
    assert engine.image(kept.tag).image_id == bystander
    engine.remove_image(kept.tag)


class FillingDisk(Disk):
    """Gets full when the test says so."""

    full = threading.Event()

    @property
    def is_low(self) -> bool:
        return self.full.is_set()


def test_a_build_is_stopped_when_the_disk_gets_full(engine, tmp_path):
    before = unnamed(engine)
    timer = threading.Timer(2, FillingDisk.full.set)
    timer.start()
    began = time.monotonic()
    watched = order(disk=FillingDisk(tmp_path, 1), bases=frozenset([engine.image(IMAGE).image_id]))
    text = f"FROM {IMAGE}\nRUN echo {uuid.uuid4()} > /a\nRUN sleep 30\n"
    with pytest.raises(DiskNearlyFull):
        engine.build(context(text), watched, bytearray().extend)
    assert time.monotonic() - began < 15
    assert unnamed(engine) <= before


MUCH = "head -c 100000000 /dev/zero > {0}"
TOO_LARGE = {
    "one step": f"FROM {IMAGE}\nRUN {MUCH.format('/a')}; sleep 60\n",
    "many steps": f"FROM {IMAGE}\n" + "".join(f"RUN head -c 20000000 /dev/zero > /{one}\n" for one in "abcd"),
    "copies": f"FROM {IMAGE}\n" + "".join(f"COPY big /{one}\n" for one in "abcd"),
    "stages": f"FROM {IMAGE} AS x\nRUN head -c 40000000 /dev/zero > /a\nFROM {IMAGE}\n"
    "COPY --from=x /a /b\nRUN sleep 20\n",
    "the last step": f"FROM {IMAGE}\nRUN {MUCH.format('/a')}\n",
}


@pytest.mark.parametrize("how", TOO_LARGE)
def test_a_build_that_adds_too_much_is_stopped_and_undone(engine, how):
    before = unnamed(engine)
    limited = order(image_bytes=50 * MIB, bases=frozenset([engine.image(IMAGE).image_id]), stages=2)
    sent = context(TOO_LARGE[how], big=b"0" * 20_000_000)
    began = time.monotonic()
    with pytest.raises(ImageTooLarge):
        engine.build(sent, limited, bytearray().extend)
    assert time.monotonic() - began < 30
    assert engine.image(limited.tag) is None
    assert unnamed(engine) <= before
