"""Builds on a real engine: what is offline, what is cached, what is stopped."""

import time
import uuid

import pytest

from medici_worker.protocol import BuildPolicy, FailureKind, Stage
from medici_worker.run import execute
from tests.factories.worker import IMAGE, python_program
from tests.integration.worker.conftest import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture
def build(site, make):
    """Build and run a Dockerfile; returns the report and what the host saw."""

    def build_it(dockerfile: str, policy: BuildPolicy | None = None, files: dict | None = None):
        host = make.host(python_program())
        spec = make.container(
            f"{dockerfile}\n# {uuid.uuid4()}\n",
            files,
            limits=SMALL,
            scoring_limits=SMALL,
            build=policy or BuildPolicy(memory_bytes=512 * 1024**2),
        )
        return execute(spec, host, site), host

    return build_it


def test_a_build_has_no_network_and_says_what_to_do(build):
    report, host = build(f"FROM {IMAGE}\nRUN pip install --retries 0 no-such-package-of-medici\n")
    assert report.failure is FailureKind.BUILD_FAILED
    assert report.public_detail == (
        "Step 2 of the Dockerfile failed. The build has no network: bring your wheels along in the zip, or use a "
        "curated base such as medici/python."
    )
    assert "Step 2/" in host.logs[Stage.PREPARING]
    assert "pip install" in host.logs[Stage.PREPARING]


def test_a_build_over_its_time_is_stopped(build, engine):
    policy = BuildPolicy(time_s=3, memory_bytes=512 * 1024**2)
    began = time.monotonic()
    report, _ = build(f"FROM {IMAGE}\nRUN sleep 100\n", policy)
    assert (report.failure, report.public_detail) == (FailureKind.BUILD_TIMEOUT, "The limit is 3 s.")
    assert time.monotonic() - began < 15
    deadline = time.monotonic() + 15
    while any("sleep 100" in (one["Command"] or "") for one in engine.api.containers(all=True)):
        assert time.monotonic() < deadline, "the build's container is still there"
        time.sleep(0.2)


def test_a_build_over_its_memory_fails(build):
    policy = BuildPolicy(memory_bytes=64 * 1024**2)
    code = "x = bytearray(300 * 1024**2)"
    report, _ = build(f'FROM {IMAGE}\nRUN ["python", "-c", "{code}"]\n', policy)
    assert report.failure is FailureKind.BUILD_FAILED
    assert report.public_detail == "Step 2 of the Dockerfile failed."


def test_public_names_lead_to_local_images(build):
    policy = BuildPolicy(image_map={"python:3.*": IMAGE}, memory_bytes=512 * 1024**2, pull="never")
    dockerfile = 'ARG V=3.11\nFROM python:${V}-slim\nCMD ["sh", "-c", "cp /mnt/in/x.csv /mnt/out/"]\n'
    assert build(dockerfile, policy)[0].failure is None


def test_a_base_that_is_not_here_is_named(build):
    report, _ = build("FROM medici/no-such-base:1\n", BuildPolicy(pull="never"))
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert report.public_detail == (
        "Line 1 of the Dockerfile: the base image medici/no-such-base:1 does not exist on the worker, and could not be "
        "fetched; allowed are medici/*, python:3.*, projectmonai/monai:*."
    )


def test_the_same_archive_is_built_once(site, make):
    spec = make.container(
        f'FROM {IMAGE}\nCMD ["sh", "-c", "cp /mnt/in/x.csv /mnt/out/"]\n# {uuid.uuid4()}\n',
        limits=SMALL,
        scoring_limits=SMALL,
    )
    first, again = make.host(python_program()), make.host(python_program())
    one = execute(spec, first, site)
    two = execute(spec.model_copy(update={"attempt": 2}), again, site)
    assert one.image_digest == two.image_digest
    assert again.fetched == []
    assert again.logs[Stage.PREPARING] == "This archive has been built before; its image is used again.\n"


@pytest.mark.parametrize(
    ("user", "uid"),
    [("1234", "1234"), ("root", "65534"), ("app", "2345"), ("toor", "65534"), ("nobody-knows", "65534")],
)
def test_an_image_runs_as_its_own_user_unless_that_is_root(build, user, uid):
    dockerfile = (
        f"FROM {IMAGE}\nRUN echo app:x:2345:2345::/: >> /etc/passwd && echo toor:x:0:0::/: >> /etc/passwd\n"
        f'USER {user}\nCMD ["sh", "-c", "id -u > /mnt/out/uid"]\n'
    )
    report, host = build(dockerfile)
    assert report.failure is None, report
    assert host.outputs == {"uid": f"{uid}\n".encode()}


def test_a_scoring_program_with_an_image_of_its_own(site, make):
    program = {
        "Dockerfile": f'FROM {IMAGE}\nWORKDIR /elsewhere\nCMD ["sh", "-c", "pwd > output/cwd.txt; '
        'echo PROGRAM=$PROGRAM IN=$IN OUT=$OUT; cat input/ref/truth.txt > output/scores.txt"]\n'
    }
    host = make.host(program)
    report = execute(make.results({"y.csv": "1"}, limits=SMALL, scoring_limits=SMALL), host, site)
    assert report.failure is None, report
    assert report.scores.scores_txt == "f1: 0.5\n"
    assert host.logs[Stage.SCORING].endswith("PROGRAM=/app/program IN=/app/input OUT=/app/output\n")
