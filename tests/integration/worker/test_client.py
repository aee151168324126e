"""The worker's HTTP client against a server: what it sends, and what it makes of the answers."""

import hashlib
import time
import zipfile
from collections.abc import Iterator

import pytest

from medici_worker.client import ClaimRefused, HttpRunHost, PlatformClient
from medici_worker.host import HostRefuses, HostUnreachable, LeaseLost
from medici_worker.protocol import (
    PROTOCOL_VERSION,
    ClaimRequest,
    FailureKind,
    FileRef,
    FileRole,
    LogChunk,
    Report,
    ScoreFiles,
    Stage,
    WorkerHello,
)
from tests.factories.worker import Archives, RunMaker, make_zip
from tests.factories.worker_platform import CREDENTIAL, TinyPlatform, serving

HELLO = WorkerHello(version="1", hostname="h", slots=2, gpus=("NVIDIA A2",))


@pytest.fixture
def platform(tmp_path) -> Iterator[TinyPlatform]:
    made = TinyPlatform(Archives(tmp_path))
    with serving(made):
        yield made


@pytest.fixture
def client(platform) -> Iterator[PlatformClient]:
    made = PlatformClient(platform.url, CREDENTIAL, retry_s=2)
    yield made
    made.close()


@pytest.fixture
def host(platform, client, tmp_path) -> HttpRunHost:
    spec = RunMaker(tmp_path).container("FROM medici/python")
    platform.archives.by_sha256[spec.submission.sha256] = next(tmp_path.glob("submission-*.zip"))
    platform.specs[1] = spec
    return client.attempt(client.claim(ClaimRequest(run_id=1, free_gpus=1)))


def test_hello(platform, client):
    assert client.hello(HELLO).queue == "default"
    assert platform.hellos == [
        {"protocol": PROTOCOL_VERSION, "version": "1", "hostname": "h", "slots": 2, "gpus": ["NVIDIA A2"]}
        | {"is_low_on_disk": False, "is_engine_away": False, "engine": {}}
    ]


def test_what_is_not_a_platform(platform, client):
    platform.answer = lambda *_: (200, b"<h1>Please log in to the network</h1>")
    with pytest.raises(HostRefuses, match=r"POST http://\S+/hello was not answered by a MedICI platform .* MEDICI_URL"):
        client.hello(HELLO)


def test_a_credential_that_is_not_known(platform):
    client = PlatformClient(platform.url, "wrong", retry_s=0)
    with pytest.raises(HostUnreachable, match=r"was answered 401: Refused: bad_credential\."):
        client.hello(HELLO)
    client.close()


def test_a_run_that_is_not_to_be_had(client):
    with pytest.raises(ClaimRefused, match="Refused: not_queued") as refused:
        client.claim(ClaimRequest(run_id=9))
    assert refused.value.code == "not_queued"


def test_every_call_of_an_attempt(platform, host, tmp_path):
    host.heartbeat()
    assert host.enter(Stage.RUNNING) is None
    host.send_log(LogChunk(stage=Stage.RUNNING, position=0, text="hello"))
    archive = make_zip(tmp_path / "outputs.zip", {"y": "1"})
    host.save_outputs(archive, hashlib.sha256(archive.read_bytes()).hexdigest())
    table = tmp_path / "cases.csv"
    table.write_bytes(b"case,true\n")
    host.save_cases(table, hashlib.sha256(b"case,true\n").hexdigest())
    host.report(Report(exit_code=0))
    host.release()
    assert platform.calls == [
        "POST /claims 200",
        "POST /runs/1/heartbeat 200",
        "POST /runs/1/stage 200",
        "POST /runs/1/logs 204",
        "PUT /runs/1/outputs 204",
        "PUT /runs/1/cases 204",
        "POST /runs/1/report 204",
        "POST /runs/1/release 204",
    ]
    assert platform.claims == [{"protocol": PROTOCOL_VERSION, "run_id": 1, "free_gpus": 1}]
    assert platform.outputs == [archive.read_bytes()]
    assert platform.cases == [b"case,true\n"]


def submission_of(platform: TinyPlatform) -> FileRef:
    (sha256,) = (key for key, path in platform.archives.by_sha256.items() if path.name.startswith("submission"))
    return FileRef(role=FileRole.SUBMISSION, sha256=sha256, size_bytes=1)


def test_a_file_is_streamed_and_checked(platform, host, tmp_path):
    host.fetch(submission_of(platform), tmp_path / "got.zip")
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        assert archive.read("Dockerfile") == b"FROM medici/python"


def test_a_damaged_file_is_not_kept(platform, host, tmp_path):
    platform.damage = True
    with pytest.raises(HostUnreachable, match="The submission arrived damaged"):
        host.fetch(submission_of(platform), tmp_path / "got.zip")
    assert not (tmp_path / "got.zip").exists()


def test_a_file_that_may_not_be_read_yet(platform, host, tmp_path):
    file = FileRef(role=FileRole.REFERENCE_DATA, sha256="0" * 64, size_bytes=1)
    with pytest.raises(HostUnreachable, match="was answered 403"):
        host.fetch(file, tmp_path / "got.zip")


@pytest.mark.parametrize("call", ["heartbeat", "report", "log", "stage", "fetch", "release"])
def test_410_means_that_the_lease_is_lost(platform, host, tmp_path, call):
    platform.gone.set()
    calls = {
        "heartbeat": host.heartbeat,
        "report": lambda: host.report(Report()),
        "log": lambda: host.send_log(LogChunk(stage=Stage.RUNNING, position=0, text="x")),
        "stage": lambda: host.enter(Stage.RUNNING),
        "fetch": lambda: host.fetch(submission_of(platform), tmp_path / "got.zip"),
        "release": host.release,
    }
    with pytest.raises(LeaseLost):
        calls[call]()


def test_trouble_that_passes_is_waited_for(platform, host):
    platform.trouble = 2
    host.report(Report(exit_code=0))
    assert platform.reports == {1: Report(exit_code=0)}


def test_trouble_that_stays_is_told(platform, host):
    platform.trouble = 1000
    with pytest.raises(HostUnreachable, match="did not answer"):
        host.enter(Stage.RUNNING)


class ChokingPlatform(TinyPlatform):
    """Fails over every report that `is_bad` says so of."""

    is_bad = staticmethod(lambda report: report.scores is not None)

    def answer(self, path, token, body, headers):
        if path.endswith("/report") and self.is_bad(Report.model_validate_json(body)):
            return self.status, b"a fault of the platform's"
        return super().answer(path, token, body, headers)


@pytest.fixture(params=[500, 422])
def choking(request, tmp_path, monkeypatch) -> Iterator[ChokingPlatform]:
    monkeypatch.setattr("medici_worker.client.BROKEN_REPORT_S", 0.5)
    made = ChokingPlatform(Archives(tmp_path))
    made.status = request.param
    with serving(made):
        yield made


@pytest.fixture
def choking_host(choking, tmp_path) -> Iterator[HttpRunHost]:
    client = PlatformClient(choking.url, CREDENTIAL)
    choking.specs[1] = RunMaker(tmp_path).container("FROM medici/python")
    yield client.attempt(client.claim(ClaimRequest(run_id=1)))
    client.close()


def test_a_report_over_which_the_platform_fails_is_replaced_by_a_short_one(choking, choking_host):
    began = time.monotonic()
    choking_host.report(Report(exit_code=0, scores=ScoreFiles(scores_txt="f1: 0.5"), private_detail="log"))
    assert time.monotonic() - began < 5
    assert choking.reports == {
        1: Report(
            failure=FailureKind.SYSTEM_ERROR,
            private_detail=(
                "The platform could not take this run's report; the worker's log and the platform's say why."
            ),
        )
    }


def test_a_platform_that_fails_over_every_report_is_left_alone(choking, choking_host):
    choking.is_bad = lambda _: True
    began = time.monotonic()
    with pytest.raises(HostUnreachable):
        choking_host.report(Report(exit_code=0))
    assert time.monotonic() - began < 5


def test_a_platform_that_is_not_there():
    client = PlatformClient("http://127.0.0.1:9", CREDENTIAL, retry_s=0)
    with pytest.raises(HostUnreachable):
        client.hello(HELLO)
    client.close()
