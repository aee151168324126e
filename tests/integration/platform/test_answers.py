"""What every answer carries, and what none does: headers, hosts, redirects, files."""

import httpx
import pytest

from medici_platform.accounts.rules import Role
from tests.factories.platform import FakeWorker, import_bundle, join, make_zip, running_platform
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.permission_stage import FILES

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
EVERYWHERE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
PUBLIC_URL = "https://medici.example.org"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running_platform(tmp_path_factory.mktemp("answers") / "data") as platform:
        olga = platform.user("olga", Role.ORGANIZER)
        import_bundle(platform, olga, FILES).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        with platform.client(alice) as client:
            file = {"file": ('a"b\r\nSet-Cookie: x=1.html', make_zip({"answer.txt": "0.5"}))}
            client.post("/api/v1/challenges/tiny/submissions", files=file).raise_for_status()
        FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5", b"case,truth\n1,1\n")
        yield platform, olga


@pytest.mark.parametrize(
    "path",
    [
        "/challenges",
        "/challenges/tiny",
        "/account",
        "/sign-in",
        "/no-such-page",
        "/submissions/1",
        "/submissions/999",
        "/api/v1/me",
        "/api/v1/submissions/1",
        "/api/v1/submissions/1/file",
        "/api/v1/runs/1/cases",
        "/api/v1/challenges/tiny/export",
        "/api/v1/no-such-thing",
        "/metrics",
    ],
)
def test_every_answer_is_private_and_kept_to_itself(shared, path):
    answer = PageClient(shared[0], "olga").get(path)
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert "strict-transport-security" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_what_may_be_kept_says_so_and_never_to_others(shared):
    browser = PageClient(shared[0], "olga")
    kept = {
        path: browser.get(path).headers["cache-control"]
        for path in (
            "/static/medici.css",
            "/api/v1/challenges/tiny/logo",
            "/challenges/tiny/files/pictures/scanner.png",
        )
    }
    assert list(kept.values()) == ["public, max-age=86400", "private, max-age=3600", "private, max-age=300"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/submissions/1/file",
        "/api/v1/runs/1/cases",
        "/api/v1/challenges/tiny/kit",
        "/api/v1/challenges/tiny/export",
        "/challenges/tiny/phases/0/public-data",
        "/challenges/tiny/phases/0/starting-kit",
        "/challenges/tiny/solutions/0",
        "/challenges/tiny/leaderboard.csv",
    ],
)
def test_files_are_saved_and_never_shown(shared, path):
    answer = PageClient(shared[0], "olga").get(path)
    if answer.status_code == 404:
        pytest.fail(f"{path}: {answer.text}")
    assert answer.headers["content-disposition"].startswith("attachment; filename")
    assert "\n" not in answer.headers["content-disposition"]
    assert "x=1" not in answer.headers.get("set-cookie", "")
    assert not answer.headers["content-type"].startswith("text/html")


def test_other_origins_and_other_methods_get_nothing(shared):
    platform, olga = shared
    with platform.client(olga) as client:
        asked = client.options("/api/v1/me", headers={"Origin": "https://evil.example", **PREFLIGHT})
        assert (asked.status_code, "access-control-allow-origin" in asked.headers) == (405, False)
        answer = client.get("/api/v1/me", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
        for overridden in (
            {"headers": {"X-HTTP-Method-Override": "DELETE"}},
            {"headers": {"X-HTTP-Method": "DELETE"}},
            {"params": {"_method": "DELETE"}},
        ):
            assert client.get("/api/v1/tokens/1", **overridden).status_code == 405
        assert client.get("/api/v1/tokens").json() != []
        assert client.request("TRACE", "/api/v1/me").status_code == 405


PREFLIGHT = {"Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize(
    "path",
    [
        "/challenges/tiny/files/..%2f..%2f..%2fmedici.sqlite3",
        "/challenges/tiny/files/%2e%2e/%2e%2e/secret_key",
        "/challenges/tiny/files//etc/passwd",
        "/challenges/tiny/files/reference_data/truth.txt",
        "/static/..%2f..%2fsettings.py",
        "/static/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/challenges/..%2f..%2fetc",
        "/challenges/tiny;/../../x",
        "/api/v1/challenges/%2e%2e",
        "/api/v1/submissions/1%2ffile",
        "/api/v1/submissions/-1",
        "/api/v1/submissions/1e0",
        "/challenges/a%00b",
        "//challenges/tiny",
    ],
)
def test_tricks_with_paths_find_nothing(shared, path):
    with httpx.Client(base_url=shared[0].url) as client:
        request = client.build_request("GET", "/")
        request.url = httpx.URL(shared[0].url).copy_with(raw_path=path.encode())
        answer = client.send(request)
    assert answer.status_code in (404, 401, 422), answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "after",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/\tevil", "javascript:alert(1)", "/%0d%0aX: y"],
)
def test_signing_in_leads_nowhere_else(shared, after):
    browser = PageClient(shared[0], "olga")
    answer = browser.request("GET", "/sign-in", params={"next": after})
    location = answer.headers["location"]
    assert location in ("/challenges", "/%0d%0aX: y", "/%250d%250aX:%20y")


def test_no_answer_repeats_the_host_that_was_asked_for(shared):
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/challenges/", "/api/v1/challenges/", "/", "/account", "/sign-in", "/challenges", "/nothing"):
        answer = httpx.get(f"{shared[0].url}{path}", headers=evil, timeout=30)
        assert "evil.example" not in answer.text + str(answer.headers)
    assert httpx.get(f"{shared[0].url}/challenges/", headers=evil, timeout=30).headers["location"] == "/challenges"


def test_in_production_only_its_own_names_open_the_platform(tmp_path):
    with running_platform(
        tmp_path / "data",
        environment="production",
        secret_key="0123456789abcdef" * 2,
        public_url=PUBLIC_URL,
        trusted_hosts="web, other.example.org",
    ) as platform:
        statuses = {
            host: httpx.get(f"{platform.url}/challenges", headers={"Host": host}, timeout=30).status_code
            for host in ("medici.example.org", "MEDICI.example.org:443", "web:8000", "other.example.org", "127.0.0.1:1")
        }
        assert set(statuses.values()) == {200}, statuses
        evil = {"Host": "medici.example.org.evil.example"}
        refused = httpx.get(f"{platform.url}/api/v1/challenges", headers=evil, timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (421, "foreign_host")
        assert refused.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("{", "application/json", "The request's body cannot be read as JSON."),
        (
            "{}",
            "text/plain",
            "The request's body is no JSON object: send one, with the header Content-Type: application/json.",
        ),
        ("{}", "application/json", "username: Field required."),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_a_sentence(shared, content, kind, message):
    platform, _ = shared
    with platform.client() as client:
        answer = client.post("/api/v1/tokens", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()) == (422, {"code": "invalid_request", "message": message})
