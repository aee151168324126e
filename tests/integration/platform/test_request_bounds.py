"""What is refused before it costs anything: bodies, slow senders, floods, foreign hosts. Asked by plain sockets."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from medici_platform import bodies, security
from medici_platform.accounts.rules import Role
from medici_platform.throttle import AWAY_S
from tests.factories.platform import PASSWORD, RESULTS_ZIP, FakeWorker, import_bundle, join, running_platform, submit

GIB = 1024**3
UPLOAD = "/api/v1/challenges/tiny/submissions"
MULTIPART = "Content-Type: multipart/form-data; boundary=b"


@contextmanager
def asking(platform, method, path, *headers, body=b"", token=None):
    """A connection on which the head of a request has been sent, and as much of its body as is given."""
    address = urlsplit(platform.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        authorization = [f"Authorization: Bearer {token}"] if token else []
        lines = [f"{method} {path} HTTP/1.1", f"Host: {address.netloc}", *authorization, *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        yield connection


def status(connection):
    return int(connection.recv(64).split()[1])


def answer(platform, *request, body=b"", token=None):
    with asking(platform, *request, body=body, token=token) as connection:
        return status(connection)


@pytest.fixture
def taking_part(platform):
    """Tokens of alice, who takes part, and bob, who does not."""
    import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    return alice, platform.user("bob")


# ---- before the body is read: only heads are sent here ----


def test_who_may_not_submit_is_refused_by_the_head_alone(platform, taking_part):
    alice, bob = taking_part
    announced = (f"Content-Length: {GIB}", MULTIPART)
    assert answer(platform, "POST", UPLOAD, *announced) == 401
    assert answer(platform, "POST", UPLOAD, *announced, token="medici_" + "x" * 43) == 401
    assert answer(platform, "POST", UPLOAD, *announced, token=bob) == 403
    assert answer(platform, "POST", f"{UPLOAD}?phase=Practice", *announced, token=alice) == 403  # it has ended
    for _ in range(5):
        submit(platform, alice).raise_for_status()
    assert answer(platform, "POST", UPLOAD, *announced, token=alice) == 409
    assert answer(platform, "POST", "/api/v1/challenges", *announced, token=alice) == 403
    assert answer(platform, "PUT", "/api/v1/challenges/tiny", *announced, token=alice) == 403


def test_too_much_is_refused_by_the_head_alone(platform, taking_part):
    alice, _ = taking_part
    assert answer(platform, "POST", UPLOAD, f"Content-Length: {9 * GIB}", MULTIPART, token=alice) == 413
    assert answer(platform, "POST", "/api/v1/tokens", f"Content-Length: {2 * 1024**2}") == 413
    assert answer(platform, "POST", "/sign-in", f"Content-Length: {2 * 1024**2}") == 413


def test_what_comes_in_chunks_is_cut_at_the_limit(tmp_path):
    with running_platform(tmp_path / "data", max_upload_bytes=1024**2) as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        chunk = head + bytes(2 * 1024**2)
        body = b"%x\r\n" % len(chunk) + chunk + b"\r\n"  # and no end
        assert answer(platform, "POST", UPLOAD, "Transfer-Encoding: chunked", MULTIPART, body=body, token=alice) == 413
        chunk = bytes(1024**2 + 1)
        body = b"%x\r\n" % len(chunk) + chunk + b"\r\n"
        assert answer(platform, "POST", "/api/v1/tokens", "Transfer-Encoding: chunked", body=body) == 413
        assert list((tmp_path / "data" / "storage").rglob("incoming/*")) == []


def test_a_head_without_end_is_refused_and_costs_nothing(platform):
    with asking(platform, "GET", "/healthz", body=b"") as connection:
        assert status(connection) == 200
    address = urlsplit(platform.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 100_000)
        assert status(connection) == 400


def test_only_a_report_of_an_attempt_may_be_large(platform, taking_part):
    """What is not is refused by its head, before 16 MiB have been taken for JSON."""
    submit(platform, taking_part[0]).raise_for_status()
    worker = FakeWorker(platform, platform.worker())
    run = platform.hints.hints[-1].run_id
    token = worker.claim(run).json()["token"]
    path, head = f"/api/worker/v1/runs/{run}/report", f"Content-Length: {15 * 1024**2}"
    assert answer(platform, "POST", path, head) == 413
    assert answer(platform, "POST", path, head, token=f"attempt_{'x' * 43}") == 413
    assert answer(platform, "POST", path, head, token=platform.user("mallory")) == 413
    large = {"failure": "run_failed", "private_detail": "x", "padding": "x" * 3 * 1024**2}
    assert worker.call(run, token, "report", large).status_code == 422


PART = 'Content-Disposition: form-data; name="file"; filename="a.zip"'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, b"--" + b"a" * 100_000),
        (MULTIPART, f"--b\r\n{PART}".encode() + b";a=b" * 30_000),
        (MULTIPART, b"--b\r\nX: " + b"(" * 2_000 + b"\r\n\r\n"),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\n' + b"x" * 100_000),
        (f"{MULTIPART}{';a=b' * 5_000}", b""),
        ("Content-Type: multipart/form-data; xboundary=c; boundary=b", b""),
    ],
    ids=["no head", "a long head", "a nested head", "another field", "a long type", "two boundaries"],
)
def test_what_stands_around_the_fields_of_a_form_is_bounded(platform, taking_part, content_type, body):
    announced = "Transfer-Encoding: chunked"
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b""
    assert (
        answer(platform, "POST", UPLOAD, content_type, announced, body=chunk + b"0\r\n\r\n", token=taking_part[0])
        == 422
    )


def test_a_sender_who_asks_first_is_not_told_to_go_on(platform, taking_part):
    _, bob = taking_part
    announced = (f"Content-Length: {GIB}", MULTIPART, "Expect: 100-continue")
    assert answer(platform, "POST", UPLOAD, *announced, token=bob) == 403


def test_whoever_sends_all_before_reading_still_reads_the_refusal(platform, taking_part):
    _, bob = taking_part
    refused = submit(platform, bob, RESULTS_ZIP + bytes(20 * 1024**2))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_joined")


# ---- slow senders ----


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/tokens"), ("POST", "/sign-in")])
def test_a_body_that_dribbles_in_is_given_up(platform, monkeypatch, method, path):
    monkeypatch.setattr(bodies, "WHOLE_WITHIN_S", 0.3)
    with asking(platform, method, path, "Content-Length: 1000", body=b"x") as connection:
        began = time.monotonic()
        assert status(connection) == 408
    assert time.monotonic() - began < 5


def test_an_upload_that_falls_silent_has_broken_off(platform, taking_part, monkeypatch):
    monkeypatch.setattr(bodies, "SILENCE_S", 0.3)
    alice, _ = taking_part
    with asking(platform, "POST", UPLOAD, f"Content-Length: {GIB}", MULTIPART, body=b"--b\r\n", token=alice) as slow:
        assert slow.recv(10_000).startswith(b"HTTP/1.1 422")
    assert list(platform.context.settings.storage.rglob("incoming/*")) == []


# ---- floods ----


@pytest.mark.slow
def test_addresses_in_a_header_do_not_widen_the_limit(tmp_path, monkeypatch):
    """Only a proxy that the operator names is believed; `MEDICI_PROXY_IPS` becomes this variable."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    with running_platform(tmp_path / "data", address_attempts="5/minute", sign_in_attempts="1000/minute") as platform:
        assert tried(platform, 7) == [401] * 5 + [429] * 2
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    with running_platform(tmp_path / "more", address_attempts="5/minute", sign_in_attempts="1000/minute") as platform:
        behind_a_proxy = tried(platform, 7, "203.0.113.9")
        assert behind_a_proxy == [401] * 5 + [429] * 2


def tried(platform, times, last=""):
    """Sign-ins with another made-up address each; `last`: what a proxy appends, the address that it saw."""
    with platform.client() as client:
        return [
            client.post(
                "/api/v1/tokens",
                json={"username": f"user{number}", "password": "wrong"},
                headers={"X-Forwarded-For": f"198.51.100.{number}" + (f", {last}" if last else "")},
            ).status_code
            for number in range(times)
        ]


@pytest.mark.slow
def test_a_flood_of_sign_ins_leaves_the_others_their_threads(platform, monkeypatch):
    """As many as would take every thread: few are hashed, a few wait, the rest are told so at once."""
    platform.user("alice")
    at_once, lock, most = 0, threading.Lock(), 0
    verify = security._PASSWORDS.verify

    def slow(password, hashed):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        matches = verify(password, hashed)
        with lock:
            at_once -= 1
        return matches

    monkeypatch.setattr(security._PASSWORDS, "verify", slow)

    def sign_in(number):
        with platform.client() as client:
            body = {"username": f"user{number}", "password": PASSWORD}
            return client.post("/api/v1/tokens", json=body)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(sign_in, range(50)))
        health = httpx.get(f"{platform.url}/readyz")
    statuses = {answer.status_code for answer in answers}
    assert health.status_code == 200
    assert most <= security.HASHED_AT_ONCE
    assert statuses == {401, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.json() == {
        "code": "busy",
        "message": "Too many people are signing in at this moment: try again in a few seconds.",
    }


@pytest.mark.slow
def test_web_processes_on_one_redis_count_together_and_alone_without_it(tmp_path, redis_url):
    settings = {"broker_url": redis_url, "sign_in_attempts": "4/minute"}
    with (
        running_platform(tmp_path / "one", **settings) as one,
        running_platform(tmp_path / "two", **settings) as two,
    ):
        statuses = [signing_in(platform) for platform in (one, two, one, two, one, two)]
        assert statuses == [401, 401, 401, 401, 429, 429]
    with running_platform(tmp_path / "alone", **{**settings, "broker_url": "redis://127.0.0.1:9/0"}) as alone:
        began = time.monotonic()
        assert [signing_in(alone) for _ in range(6)] == [401] * 4 + [429] * 2
        assert time.monotonic() - began < AWAY_S


def signing_in(platform):
    with platform.client() as client:
        return client.post("/api/v1/tokens", json={"username": "alice", "password": "wrong"}).status_code
