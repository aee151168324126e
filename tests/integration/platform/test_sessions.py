"""Cookies, forms and sessions: what a browser keeps, what another site can do with it, and when it ends."""

import re
from datetime import timedelta

import httpx
import pytest

from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.rules import Role, Scope
from medici_platform.accounts.service import issue_token
from tests.factories.platform import PASSWORD, RESULTS_ZIP, import_bundle, join, running_platform, submit
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.test_permission_matrix import TINY, rows

FORMS = [row.split()[1] for row in rows(TINY) if row.startswith("POST") and not row.startswith("POST /api/")]
NEW_PASSWORD = "battery staple horse"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running_platform(tmp_path_factory.mktemp("sessions") / "data", sign_in_attempts="1000/minute") as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        submit(platform, alice).raise_for_status()
        yield platform


def signed_in(platform, username="alice", password=PASSWORD):
    browser = PageClient(platform)
    answer = browser.post("/sign-in", {"username": username, "password": password})
    assert answer.status_code == 303, answer.text
    return browser


def opens(browser):
    return browser.get("/account").status_code == 200


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("forged", ["no token", "another's token", "another site"])
def test_no_form_of_another_site_is_taken(shared, path, forged):
    browser = PageClient(shared, "alice")
    token = {"no token": "0" * 64, "another's token": PageClient(shared, "olga").form_token()}
    fields = {"form_token": token.get(forged) or browser.form_token(), "accept": "yes", "name": "x"}
    address = path.format(
        slug="tiny", scored=1, waiting=1, token_id=1, username="alice", decision="approve", alert_id=1
    )
    answer = browser.request(
        "POST",
        address,
        data=fields,
        files={"file": ("a.zip", RESULTS_ZIP)} if path.endswith("/submit") else None,
        headers={"Sec-Fetch-Site": "cross-site"} if forged == "another site" else {},
    )
    assert answer.status_code == 403
    assert ("sent by another site" if forged == "another site" else "form is out of date") in answer.text


def test_a_neighbouring_site_is_another_site(shared):
    browser = PageClient(shared, "alice")
    data = {"form_token": browser.form_token(), "name": "x"}
    for site, status in (("same-site", 403), ("same-origin", 303), ("none", 303)):
        headers = {"Sec-Fetch-Site": site}
        assert browser.request("POST", "/account/tokens", data=data, headers=headers).status_code == status


def test_a_cookie_opens_safe_methods_of_the_api_alone(shared):
    browser = PageClient(shared, "alice")
    assert browser.get("/api/v1/me").json()["username"] == "alice"
    assert browser.request("POST", "/api/v1/challenges/tiny/participants").status_code == 401


def test_cookies_are_out_of_scripts_and_other_sites_reach(shared):
    answer = PageClient(shared).post("/sign-in", {"username": "alice", "password": PASSWORD})
    session, form = answer.headers.get_list("set-cookie")
    assert re.fullmatch(r"medici_session=session_[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax", session)
    assert form.startswith('medici_form=""; expires=')


def test_over_https_cookies_belong_to_this_host_alone(tmp_path):
    with running_platform(tmp_path / "data", public_url="https://medici.example.org") as platform:
        platform.user("alice")
        with httpx.Client(base_url=platform.url) as http:
            page = http.get("/sign-in")
            (form,) = page.headers.get_list("set-cookie")
            token = re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text)[1]
            data = {"form_token": token, "username": "alice", "password": PASSWORD}
            sent = {"Cookie": form.partition(";")[0]}
            answer = http.post("/sign-in", data=data, headers=sent)
            plain = {"Cookie": sent["Cookie"].removeprefix("__Host-")}
            assert http.post("/sign-in", data=data, headers=plain).status_code == 403
        session = answer.headers.get_list("set-cookie")[0]
        assert session.startswith("__Host-medici_session=session_")
        assert session.endswith("; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax; Secure")
        assert "Domain" not in session
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_signing_in_makes_a_new_session_and_ends_the_one_before(shared):
    planted = signed_in(shared)
    before = planted.cookies["medici_session"]
    planted.post("/sign-in", {"username": "alice", "password": PASSWORD})
    after = planted.cookies["medici_session"]
    assert after != before
    stolen = PageClient(shared)
    stolen.cookies.set("medici_session", before)
    assert (opens(planted), opens(stolen)) == (True, False)


def test_a_session_that_an_attacker_plants_is_not_taken_over(shared):
    planted, token = PageClient(shared), PageClient(shared)
    form = {"form_token": token.form_token(), "username": "alice", "password": PASSWORD}
    planted.cookies = token.cookies
    planted.cookies.set("medici_session", "session_" + "x" * 43)
    assert not opens(planted)
    answer = planted.request("POST", "/sign-in", data=form)
    assert answer.status_code == 303
    assert "session_" + "x" * 43 not in answer.headers["set-cookie"]


def test_signing_out_ends_the_session_and_not_only_the_cookie(shared):
    browser, copy = signed_in(shared), PageClient(shared)
    copy.cookies.set("medici_session", browser.cookies["medici_session"])
    assert opens(copy)
    assert browser.post("/sign-out").status_code == 303
    assert not opens(copy)


def test_a_new_password_ends_all_other_sessions(platform):
    platform.user("alice")
    here, elsewhere = signed_in(platform), signed_in(platform)
    before = here.cookies["medici_session"]
    wrong = here.post("/account/password", {"old": "no idea at all", "new": NEW_PASSWORD})
    assert (wrong.status_code, "The old password is wrong." in wrong.text) == (403, True)
    weak = here.post("/account/password", {"old": PASSWORD, "new": "short"})
    assert (weak.status_code, "10 to 200 characters" in weak.text) == (422, True)
    changed = here.post("/account/password", {"old": PASSWORD, "new": NEW_PASSWORD})
    assert (changed.status_code, changed.headers["location"]) == (303, "/account?changed=1")
    assert "All other browsers have been signed out" in here.get("/account?changed=1").text
    assert (opens(here), opens(elsewhere)) == (True, False)
    assert here.cookies["medici_session"] != before
    assert opens(signed_in(platform, password=NEW_PASSWORD))


def test_a_program_changes_the_password_with_a_full_token_and_the_old_password(platform):
    full = platform.user("alice")
    browser = signed_in(platform)
    with platform.client(full) as client:
        body = {"old": "no idea at all", "new": NEW_PASSWORD}
        assert client.post("/api/v1/me/password", json=body).json()["code"] == "wrong_password"
        assert client.post("/api/v1/me/password", json=body | {"old": PASSWORD}).status_code == 204
    assert not opens(browser)


def test_guessing_the_old_password_is_bounded_as_signing_in_is(tmp_path):
    with (
        running_platform(tmp_path / "data", sign_in_attempts="3/minute") as platform,
        platform.client(platform.user("alice")) as client,
    ):
        body = {"old": "no idea at all", "new": NEW_PASSWORD}
        statuses = [client.post("/api/v1/me/password", json=body).status_code for _ in range(4)]
    assert statuses == [403, 403, 403, 429]


# ---- tokens ----


def test_a_token_has_a_scope_and_an_end(platform):
    platform.user("alice")
    credentials = {"username": "alice", "password": PASSWORD, "name": "ci"}
    with platform.client() as client:
        made = client.post("/api/v1/tokens", json=credentials | {"scope": "read", "days": 30}).json()
        assert client.post("/api/v1/tokens", json=credentials | {"scope": "all"}).status_code == 422
        assert client.post("/api/v1/tokens", json=credentials | {"days": 0}).status_code == 422
    assert (made["scope"], made["expires_at"][:10]) == (
        "read",
        f"{platform.clock.now() + timedelta(days=30):%Y-%m-%d}",
    )
    with platform.client(made["token"]) as client:
        assert [(token["name"], token["scope"]) for token in client.get("/api/v1/tokens").json()] == [
            ("test", "full"),
            ("ci", "read"),
        ]
        refused = client.post("/api/v1/challenges/tiny/participants")
        assert (refused.status_code, refused.json()) == (
            403,
            {
                "code": "token_scope",
                "message": "This token has the scope 'read', which reads, and changes nothing: "
                "use one with the scope 'submit' for this.",
            },
        )
        platform.clock.advance(days=31)
        assert client.get("/api/v1/me").json()["code"] == "bad_token"


def test_a_token_made_on_the_page_has_the_scope_that_was_chosen(platform):
    platform.user("alice")
    browser = PageClient(platform, "alice")
    browser.post("/account/tokens", {"name": "ci", "scope": "submit", "days": "30"})
    page = browser.get("/account").text
    token = re.search(r'value="(medici_[\w-]{43})"', page)[1]
    assert '<td data-label="Opens"><span class="chip">submit</span></td>' in page
    assert "medici_" not in browser.get("/account").text.replace("medici_form", "")
    with platform.client(token) as client:
        assert client.get("/api/v1/me").status_code == 200
        assert client.delete("/api/v1/tokens/1").json()["code"] == "token_scope"
        assert client.post("/account/tokens", data={"name": "wider", "scope": "full"}).status_code == 403


def test_a_participants_token_does_nothing_to_others_submissions(platform):
    olga = platform.user("olga", Role.ORGANIZER)
    import_bundle(platform, olga).raise_for_status()
    alice = platform.user("alice")
    join(platform, alice)
    with platform.context.database.write() as session:
        limited = issue_token(
            session, user_by_name(session, "olga"), name="x", now=platform.clock.now(), scope=Scope.SUBMIT
        )
    with platform.client(alice) as client:
        client.post("/api/v1/challenges/tiny/submissions", files={"file": ("a.zip", RESULTS_ZIP)}).raise_for_status()
    with platform.client(limited) as client:
        refused = client.post("/api/v1/submissions/1/cancel")
        assert (refused.status_code, refused.json()["code"]) == (403, "token_scope")
    with platform.client(olga) as client:
        assert client.post("/api/v1/submissions/1/cancel").status_code == 200
