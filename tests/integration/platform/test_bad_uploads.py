"""Every refusal is one sentence, costs nothing and leaves nothing behind."""

import gzip
import lzma
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from medici_platform.accounts.rules import Role
from medici_platform.submissions.models import Submission
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    CONTAINER_ZIP,
    RESULTS_ZIP,
    FakeWorker,
    import_bundle,
    join,
    make_zip,
    running_platform,
    submit,
)
from tests.unit.bundles.saved_images import file, legacy, tar


@pytest.fixture
def alice(platform):
    import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
    token = platform.user("alice")
    join(platform, token)
    return token


def stored(platform):
    with platform.context.database.read() as session:
        rows = session.scalar(select(func.count()).select_from(Submission))
    files = sorted(path for path in platform.context.settings.storage.rglob("*") if path.is_file())
    return rows, files


IMAGE = tar([file(name, content) for name, content in legacy().items()])

# What is large is made when its test asks for it, and not whenever tests are collected.
BAD = {
    "not a zip": (b"hello", 422, "archive_rejected"),
    "empty file": (b"", 422, "no_file"),
    "empty zip": (make_zip({}), 422, "archive_rejected"),
    "no Dockerfile, no predictions": (make_zip({"model.pth": b"x", "run.py": "pass"}), 422, "archive_rejected"),
    "zip slip": (make_zip({"../answer.txt": "1"}), 422, "archive_rejected"),
    "a rar": (b"Rar!\x1a\x07\x01\x00" + bytes(64), 422, "archive_rejected"),
    "a 7z": (b"7z\xbc\xaf\x27\x1c" + bytes(64), 422, "archive_rejected"),
    "a page of a portal": (b"<!DOCTYPE html><html><body>Sign in</body></html>", 422, "archive_rejected"),
    "half a zip": (RESULTS_ZIP[: len(RESULTS_ZIP) // 2], 422, "archive_rejected"),
    "half a tar": (IMAGE[: len(IMAGE) // 2], 422, "archive_rejected"),
    "half a packed tar": (gzip.compress(IMAGE)[:-40], 422, "archive_rejected"),
    "half an xz": (lzma.compress(IMAGE)[:-40], 422, "archive_rejected"),
    "a tar without an image": (tar([file("answer.txt", b"0.5")]), 422, "archive_rejected"),
    "a packed text": (gzip.compress(b"0.5"), 422, "archive_rejected"),
    "a tar bomb": (lambda: gzip.compress(tar([file("blobs/big", bytes(300 * 1024**2))])), 422, "archive_rejected"),
    "a zip with an image in it": (make_zip({"image.tar": IMAGE}), 422, "archive_rejected"),
    "bomb": (lambda: make_zip({"answer.txt": b"\x00" * 200 * 1024**2}), 422, "archive_rejected"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow) if "bomb" in each else each for each in BAD]
)
def test_a_bad_archive_is_refused_with_one_sentence(platform, alice, name):
    content, status, code = BAD[name]
    before = stored(platform)
    answer = submit(platform, alice, content() if callable(content) else content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    message = answer.json()["message"]
    assert message.endswith(".")
    assert "Traceback" not in message
    assert stored(platform) == before
    with platform.client(alice) as client:
        assert client.get("/api/v1/challenges/tiny/quota").json()["used_total"] == 0


def test_a_closed_phase_is_refused_before_the_upload_is_read(platform, alice):
    before = stored(platform)
    answer = submit(platform, alice, phase="Practice")
    assert (answer.status_code, answer.json()["code"]) == (403, "phase_closed")
    assert answer.json()["message"] == "The phase 'Practice' is closed: it ended on 2026-06-01 00:00 UTC."
    assert stored(platform) == before


@pytest.mark.parametrize(
    ("params", "token", "status", "code"),
    [
        ({"slug": "nowhere"}, None, 404, "not_found"),
        ({"phase": "Semifinal"}, None, 404, "not_found"),
        ({}, "nonsense", 401, "bad_token"),
        ({}, "", 401, "not_signed_in"),
    ],
)
def test_wrong_names_and_tokens(platform, alice, params, token, status, code):
    answer = submit(platform, alice if token is None else token, **params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_somebody_who_has_not_joined(platform, alice):
    answer = submit(platform, platform.user("bob"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_joined")


def test_a_body_that_is_no_form(platform, alice):
    with platform.client(alice) as client:
        answer = client.post("/api/v1/challenges/tiny/submissions", content=b"raw")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_form")


def test_the_daily_quota(platform, alice):
    for _ in range(5):
        assert submit(platform, alice).status_code == 201
    answer = submit(platform, alice)
    assert (answer.status_code, answer.json()["code"]) == (409, "submission_limit_reached")
    platform.clock.advance(days=1)
    assert submit(platform, alice).status_code == 201


def test_a_kind_that_the_phase_does_not_take(platform):
    files = dict(BUNDLE_FILES)
    files["competition.yaml"] = COMPETITION.replace(
        "    max_submissions: 10\n", "    max_submissions: 10\n    accepts: [results]\n"
    )
    import_bundle(platform, platform.user("olga", Role.ORGANIZER), files).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    answer = submit(platform, alice, CONTAINER_ZIP)
    assert (answer.status_code, answer.json()["code"]) == (400, "kind_not_accepted")
    assert answer.json()["message"] == (
        "This is a container submission (a zip with a Dockerfile), which the phase 'Final' does not take: "
        "it takes a result submission (a zip with predictions)."
    )


def parallel_uploads(platform, token, count):
    with ThreadPoolExecutor(count) as pool:
        return sorted(answer.status_code for answer in pool.map(lambda _: submit(platform, token), range(count)))


def test_parallel_uploads_get_exactly_the_places_that_are_left(platform, alice):
    assert parallel_uploads(platform, alice, 12) == [201] * 5 + [409] * 7


def test_faults_of_organizer_and_platform_cost_no_quota(platform, alice):
    worker = FakeWorker(platform, platform.worker())
    for failure, costs in (("scoring_failed", False), ("system_error", False), ("run_failed", True)):
        submission = submit(platform, alice, CONTAINER_ZIP).json()
        run_id = platform.hints.hints[-1].run_id
        token = worker.claim(run_id).json()["token"]
        worker.call(run_id, token, "report", {"failure": failure}).raise_for_status()
        with platform.client(alice) as client:
            ended = client.get(f"/api/v1/submissions/{submission['id']}").json()
            assert (ended["failure"], ended["costs_quota"]) == (failure, costs)
    with platform.client(alice) as client:
        assert client.get("/api/v1/challenges/tiny/quota").json()["used_total"] == 1


def test_the_upload_comes_back_byte_for_byte(platform, alice):
    wrapped = make_zip({"mine/answer.txt": "0.5", "__MACOSX/._x": "noise"})
    submission = submit(platform, alice, wrapped).json()
    assert submission["kind"] == "results"
    with platform.client(alice) as client:
        assert client.get(f"/api/v1/submissions/{submission['id']}/file").content == wrapped
    with platform.client(platform.user("eve")) as client:
        assert client.get(f"/api/v1/submissions/{submission['id']}/file").status_code == 404


def test_an_upload_over_the_limit_is_refused(tmp_path):
    with running_platform(tmp_path / "small", max_upload_bytes=100_000) as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        before = stored(platform)
        for content in (b"x" * 3_000_000, b"x" * 100_001):
            answer = submit(platform, alice, content)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert stored(platform) == before
        assert submit(platform, alice, RESULTS_ZIP).status_code == 201


def test_a_faulty_bundle_names_all_its_faults_and_leaves_nothing(platform):
    olga = platform.user("olga", Role.ORGANIZER)
    files = dict(BUNDLE_FILES)
    files["competition.yaml"] = COMPETITION.replace("key: f1", "key: ''").replace("file: overview.md", "file: no.md")
    before = stored(platform)
    answer = import_bundle(platform, olga, files)
    assert (answer.status_code, answer.json()["code"]) == (422, "bundle_rejected")
    assert "competition.yaml:" in answer.json()["message"]
    assert stored(platform) == before
    assert import_bundle(platform, platform.user("bob")).status_code == 403


def test_a_slug_is_taken_once(platform):
    olga = platform.user("olga", Role.ORGANIZER)
    assert import_bundle(platform, olga).status_code == 201
    again = import_bundle(platform, olga)
    assert (again.status_code, again.json()["code"]) == (409, "slug_taken")
    assert import_bundle(platform, olga, slug="tiny-2").json()["slug"] == "tiny-2"
