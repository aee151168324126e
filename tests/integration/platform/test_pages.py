"""What the pages say and refuse, over HTTP, without a browser."""

import csv
import io

import pytest

from medici_platform.accounts.rules import Role
from medici_platform.presentation.headers import CONTENT_POLICY
from medici_platform.presentation.visitors import local_path
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    CONTAINER_ZIP,
    PASSWORD,
    RESULTS_ZIP,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    make_zip,
    running_platform,
    submit,
)
from tests.integration.platform.page_client import PageClient


@pytest.fixture
def tiny(platform: RunningPlatform) -> RunningPlatform:
    """A platform with the challenge `tiny` of olga's."""
    import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
    return platform


def taking_part(platform: RunningPlatform, name: str) -> tuple[str, PageClient]:
    token = platform.user(name)
    join(platform, token)
    return token, PageClient(platform, name)


def test_a_visitor_signs_up_joins_submits_and_signs_out(tiny):
    visitor = PageClient(tiny)
    fields = {"username": "alice", "password": PASSWORD, "email": "", "next": "/challenges/tiny/join"}
    answer = visitor.post("/sign-up", fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/challenges/tiny/join")
    answer = visitor.post("/challenges/tiny/join", {"accept": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/challenges/tiny/submit")
    answer = visitor.upload("/challenges/tiny/submit?phase=1", RESULTS_ZIP)
    assert (answer.status_code, answer.headers["location"]) == (303, "/submissions/1")
    page = visitor.get("/submissions/1").text
    assert "Waiting: no worker is connected at the moment" in page
    assert '<meta http-equiv="refresh" content="3">' in page
    before = dict(visitor.cookies)
    assert visitor.post("/sign-out").status_code == 303
    visitor.cookies.update(before)
    assert visitor.get("/account").headers["location"] == "/sign-in?next=%2Faccount"


def test_a_refused_sign_up_keeps_what_was_typed(platform):
    visitor = PageClient(platform)
    answer = visitor.post("/sign-up", {"username": "Al!", "email": "al@example.org", "password": "short"})
    assert answer.status_code == 422
    assert "The user name must be 3 to 40 characters" in answer.text
    assert 'value="Al!"' in answer.text
    assert 'value="al@example.org"' in answer.text
    assert "short" not in answer.text


def test_a_wrong_password_says_so_and_costs_attempts(tmp_path):
    with running_platform(tmp_path / "data", sign_in_attempts="2/minute") as platform:
        platform.user("alice")
        visitor = PageClient(platform)
        answers = [visitor.post("/sign-in", {"username": "alice", "password": "wrong"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert "The user name or the password is wrong." in answers[0].text
        assert 'value="alice"' in answers[0].text


def test_no_sign_up_where_it_is_switched_off(tmp_path):
    with running_platform(tmp_path / "data", allow_sign_up=False) as platform:
        visitor = PageClient(platform)
        assert visitor.get("/sign-up").status_code == 403
        assert visitor.post("/sign-up", {"username": "alice", "password": PASSWORD}).status_code == 403
        assert "/sign-up" not in visitor.get("/challenges").text


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("/challenges/tiny?phase=1", "/challenges/tiny?phase=1"),
        (None, "/challenges"),
        ("", "/challenges"),
        ("https://example.org/", "/challenges"),
        ("//example.org/", "/challenges"),
        ("/\\example.org", "/challenges"),
        ("/\t/example.org", "/challenges"),
        ("javascript:alert(1)", "/challenges"),
    ],
)
def test_after_signing_in_only_paths_of_this_platform_are_followed(given, taken):
    assert local_path(given) == taken


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(tmp_path):
    for public_url, secure in (("http://127.0.0.1", False), ("https://medici.example", True)):
        with running_platform(tmp_path / str(secure), public_url=public_url) as platform:
            platform.user("alice")
            with platform.client() as client:
                page = client.get("/sign-in")
                form_cookie = page.headers["set-cookie"]
                token = page.text.split('name="form_token" value="')[1][:64]
                answer = client.post(
                    "/sign-in",
                    data={"form_token": token, "username": "alice", "password": PASSWORD},
                    headers={"Cookie": form_cookie.partition(";")[0]},
                )
            assert answer.status_code == 303
            for cookie in (form_cookie, answer.headers["set-cookie"]):
                parts = {part.strip().lower() for part in cookie.split(";")[1:]}
                assert {"httponly", "samesite=lax"} <= parts
                assert ("secure" in parts) is secure
            assert ("strict-transport-security" in answer.headers) is secure


@pytest.mark.parametrize("path", ["/challenges", "/nowhere", "/static/medici.css", "/api/v1/challenges", "/healthz"])
def test_every_answer_carries_the_security_headers(platform, path):
    headers = PageClient(platform).get(path).headers
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


def test_a_failure_shows_a_sentence_and_no_stack_trace(platform):
    platform.context.database.engine.dispose()

    def broken() -> None:
        raise RuntimeError("the secret reason")

    object.__setattr__(platform.context, "now", broken)
    answer = PageClient(platform).get("/challenges")
    assert answer.status_code == 500
    assert answer.text == "The platform failed to answer this request; its operators find the reason in the log."
    assert answer.headers["content-security-policy"] == CONTENT_POLICY


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/nowhere", 404, "There is no such page here"),
        ("/challenges/nothing", 404, "There is no challenge named &#39;nothing&#39;"),
        ("/challenges/tiny/pages/nothing", 404, "has no page"),
        ("/challenges/tiny/leaderboard?phase=nothing", 404, "it has Practice, Final"),
        ("/challenges?page=0", 422, "greater than or equal to 1"),
        ("/submissions/99999999999999999999999", 404, "You have no submission"),
        ("/submissions/x", 404, "You have no submission x"),
        ("/static/nothing.css", 404, "There is no such page here"),
    ],
)
def test_errors_are_pages_with_a_sentence(tiny, path, status, sentence):
    tiny.user("alice")
    answer = PageClient(tiny, "alice").get(path)
    assert answer.status_code == status
    assert sentence in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_a_form_from_another_site_is_refused(tiny):
    _, alice = taking_part(tiny, "alice")
    data = {"form_token": alice.form_token(), "name": "stolen"}
    answer = alice.request("POST", "/account/tokens", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    _, bob = taking_part(tiny, "bob")
    data["form_token"] = bob.form_token()
    assert alice.request("POST", "/account/tokens", data=data).status_code == 403


def test_a_new_token_is_shown_once_and_opens_the_api(platform):
    platform.user("alice")
    alice = PageClient(platform, "alice")
    assert alice.post("/account/tokens", {"name": "laptop", "days": "30"}).status_code == 303
    first, second = alice.get("/account").text, alice.get("/account").text
    token = first.split('readonly value="')[1].split('"')[0]
    assert token not in second
    with platform.client(token) as client:
        assert client.get("/api/v1/me").json()["username"] == "alice"


def test_joining_needs_the_terms_accepted_and_may_need_approval(platform):
    files = {**BUNDLE_FILES, "competition.yaml": COMPETITION.replace("auto_approve: true", "auto_approve: false")}
    import_bundle(platform, platform.user("olga", Role.ORGANIZER), files).raise_for_status()
    platform.user("alice")
    alice, olga = PageClient(platform, "alice"), PageClient(platform, "olga")
    answer = alice.post("/challenges/tiny/join")
    assert answer.status_code == 422
    assert "you have to accept the terms" in answer.text
    assert alice.post("/challenges/tiny/join", {"accept": "yes"}).headers["location"] == "/challenges/tiny/join"
    assert "The organizers have not decided yet" in alice.get("/challenges/tiny/join").text
    assert "have not approved your request" in alice.get("/challenges/tiny/submit").text
    assert olga.post("/challenges/tiny/participants/alice/approve").status_code == 303
    assert "Upload and submit" in alice.get("/challenges/tiny/submit").text


def test_the_submit_page_tells_the_rules_before_the_upload(tiny):
    token, alice = taking_part(tiny, "alice")
    page = alice.get("/challenges/tiny/submit").text
    assert "<code>FROM python:3*</code>" in page
    assert "<code>medici/python:latest</code>" in page
    assert "5<span> submissions now" in page
    for _ in range(5):
        submit(tiny, token).raise_for_status()
    page = alice.get("/challenges/tiny/submit").text
    assert "You have used all 5 submissions of today" in page
    assert "Upload and submit" not in page
    assert "The phase &#39;Practice&#39; is closed" in alice.get("/challenges/tiny/submit?phase=0").text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no zip at all", "zip"), (b"", "The file is empty"), (make_zip({"../up.txt": "x"}), "up.txt")],
)
def test_a_refused_upload_shows_the_form_again_and_costs_nothing(tiny, content, sentence):
    _, alice = taking_part(tiny, "alice")
    answer = alice.upload("/challenges/tiny/submit?phase=1", content)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'action="/challenges/tiny/submit?phase=1"' in answer.text
    assert "0 of 5 used" in answer.text


def test_the_board_ranks_ties_and_puts_the_unscored_last_with_a_dash(tiny):
    worker = FakeWorker(tiny, tiny.worker())
    scores = {"alice": "f1: 0.5\nseconds: 3", "bob": "f1: 0.75", "carol": "f1: 0.75\nseconds: 1", "dave": "seconds: 9"}
    for name, text in scores.items():
        token, client = taking_part(tiny, name)
        submit(tiny, token).raise_for_status()
        worker.score(tiny.hints.hints[-1].run_id, text)
    answer = client.get("/challenges/tiny/leaderboard.csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["rank", "participant", "f1", "seconds", "submissions", "submission", "scored_at"]
    assert [row[:5] for row in rows[1:]] == [
        ["1", "bob", "0.75", "", "1"],
        ["1", "carol", "0.75", "1.0", "1"],
        ["3", "alice", "0.5", "3.0", "1"],
        ["", "dave", "", "9.0", "1"],
    ]
    page = client.get("/challenges/tiny/leaderboard").text
    last = page.rsplit("<tr", 1)[1]
    assert '<td class="rank">—</td>' in last
    assert '<span class="unseen">not scored</span>' in last
    assert "0.000" not in page
    assert 'aria-sort="descending"' in page


def test_hidden_columns_are_the_organizers_alone(platform):
    hidden = COMPETITION.replace("sorting: asc, precision: 1", "sorting: asc, precision: 1, hidden: true")
    import_bundle(platform, platform.user("olga", Role.ORGANIZER), {**BUNDLE_FILES, "competition.yaml": hidden})
    token, alice = taking_part(platform, "alice")
    submit(platform, token).raise_for_status()
    FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 7.7")
    paths = ("leaderboard", "leaderboard.csv", "submissions")
    addresses = [*(f"/challenges/tiny/{path}" for path in paths), "/submissions/1"]
    assert [("7.7" in alice.get(path).text) for path in addresses] == [False] * 4
    olga = PageClient(platform, "olga")
    assert [("7.7" in olga.get(path).text) for path in addresses] == [True] * 4


def test_a_hidden_phase_shows_participants_neither_log_nor_detail(tiny):
    token, alice = taking_part(tiny, "alice")
    submit(tiny, token, CONTAINER_ZIP).raise_for_status()
    _fail_in_scoring(tiny)
    page, log = alice.get("/submissions/1").text, alice.get("/submissions/1/log").text
    assert "built it" in page
    assert "The scoring program failed" in page
    assert "the organizers&#39; fault" in page
    for secret in ("case_0042", "truth is 7", "KeyError"):
        assert secret not in page + log
    olga = PageClient(tiny, "olga")
    page, log = olga.get("/submissions/1").text, olga.get("/submissions/1/log").text
    assert "KeyError" in page
    assert "case_0042" in page
    assert "truth is 7" in log
    assert "\x1b" not in log


def _fail_in_scoring(platform: RunningPlatform) -> None:
    worker = FakeWorker(platform, platform.worker())
    run_id = platform.hints.hints[-1].run_id
    token = worker.claim(run_id).json()["token"]
    texts = {"preparing": "\x1b[32mbuilt it\x1b[0m", "running": "read case_0042", "scoring": "truth is 7"}
    for stage, text in texts.items():
        worker.call(run_id, token, "stage", {"stage": stage}).raise_for_status()
        worker.call(run_id, token, "logs", {"stage": stage, "position": 0, "text": text}).raise_for_status()
    report = {"failure": "scoring_failed", "private_detail": "KeyError: 7", "exit_code": 1}
    worker.call(run_id, token, "report", report).raise_for_status()


def test_what_people_write_is_text_and_never_markup(platform):
    evil = COMPETITION.replace("title: Tiny", "title: '<script>alert(1)</script>'").replace(
        "title: Overview", "title: '<b>Over</b>'"
    )
    files = {
        **BUNDLE_FILES,
        "competition.yaml": evil,
        "overview.md": "# Hi\n\n<script>alert(2)</script><p onclick=x>a</p>",
    }
    import_bundle(platform, platform.user("olga", Role.ORGANIZER), files).raise_for_status()
    for path in ("/challenges", "/challenges/tiny", "/challenges/tiny/leaderboard"):
        page = PageClient(platform).get(path).text
        assert "<script>alert" not in page
        assert "onclick" not in page
        assert "<b>Over" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_api_page_lists_every_endpoint(platform):
    visitor = PageClient(platform)
    page = visitor.get("/api").text
    for path in visitor.get("/api/v1/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in page
