"""Attacks on the web process. Each is tried twice: as the platform is, and with the defence taken away."""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import sync_playwright

from medici_platform import bodies
from medici_platform.accounts import access, service
from medici_platform.accounts import pages as account_pages
from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.rules import Role, Scope
from medici_platform.accounts.service import issue_token
from medici_platform.challenges import html
from medici_platform.presentation import cookies, forms, headers, visitors
from medici_platform.runs import api as runs_api
from medici_platform.submissions import packages, queries
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    PASSWORD,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    running_platform,
    submit,
)
from tests.integration.platform.page_client import PageClient

pytestmark = pytest.mark.slow

EVIL = "evil.example"
SCRIPT = "<script>alert(1)</script>"
METADATA = f"169.254.169.254/latest@sha256:{'0' * 64}"
OPEN_PHASE = "    max_submissions: 10\n"
COMPETITION_WITH_IMAGES = COMPETITION.replace(
    OPEN_PHASE, f'{OPEN_PHASE}    allowed_images: ["*"]\n    accepts: [image, results]\n'
)


@dataclass
class Target:
    platform: RunningPlatform
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens["olga"] = self.platform.user("olga", Role.ORGANIZER)
        for name in ("alice", "mallory"):
            self.tokens[name] = self.platform.user(name)

    def open_challenge(self, **files: str) -> None:
        bundle = {**BUNDLE_FILES, "competition.yaml": COMPETITION_WITH_IMAGES}
        bundle |= {name.replace("_md", ".md"): text for name, text in files.items()}
        import_bundle(self.platform, self.tokens["olga"], bundle).raise_for_status()
        for name in ("alice", "mallory"):
            join(self.platform, self.tokens[name])

    def hand_in(self, name: str) -> int:
        answer = submit(self.platform, self.tokens[name])
        answer.raise_for_status()
        number: int = answer.json()["id"]
        return number

    def get(self, path: str, name: str | None = None, **options: Any) -> httpx.Response:
        with self.platform.client(self.tokens[name] if name else None) as client:
            return client.get(path, **options)


# ---- the attacks: each says whether it has succeeded ----


def form_of_another_site(target: Target) -> bool:
    sent = {"name": "mine now", "scope": "full"}
    answer = PageClient(target.platform, "alice").request(
        "POST", "/account/tokens", data=sent, headers={"Sec-Fetch-Site": "cross-site", "Origin": f"https://{EVIL}"}
    )
    return answer.status_code == 303


def session_used_after_signing_out(target: Target) -> bool:
    victim, thief = PageClient(target.platform, "alice"), PageClient(target.platform)
    thief.cookies.set("medici_session", victim.cookies["medici_session"])
    assert victim.post("/sign-out").status_code == 303
    return thief.get("/account").status_code == 200


def session_used_after_a_new_password(target: Target) -> bool:
    victim, thief = PageClient(target.platform, "alice"), PageClient(target.platform, "alice")
    answer = victim.post("/account/password", {"old": PASSWORD, "new": "battery staple horse"})
    assert answer.status_code == 303
    return thief.get("/account").status_code == 200


def session_read_by_a_script(target: Target, chromium: str) -> bool:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{target.platform.url}/sign-in")
        page.fill("#username", "alice")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/challenges")
        seen: str = page.evaluate("document.cookie")
        browser.close()
    return "medici_session=" in seen


def sign_in_that_leads_away(target: Target) -> bool:
    answer = PageClient(target.platform).post(
        "/sign-in", {"username": "alice", "password": PASSWORD, "next": f"//{EVIL}/"}
    )
    assert answer.status_code == 303
    return urlsplit(answer.headers["location"]).netloc == EVIL


def host_that_is_repeated(target: Target) -> bool:
    answer = target.get("/challenges/", headers={"Host": EVIL})
    return EVIL in answer.headers["location"]


def script_in_a_bundles_page(target: Target) -> bool:
    target.open_challenge(overview_md=f"# Welcome\n\n{SCRIPT}\n\n<img src=x onerror=alert(1)>")
    page = target.get("/challenges/tiny/pages/overview").text
    return SCRIPT in page or "onerror" in page


def script_in_detailed_results(target: Target) -> bool:
    target.open_challenge()
    target.hand_in("alice")
    worker, run = FakeWorker(target.platform, target.platform.worker()), target.platform.hints.hints[-1].run_id
    token = worker.claim(run).json()["token"]
    for stage in ("preparing", "running", "scoring"):
        worker.call(run, token, "stage", {"stage": stage}).raise_for_status()
    scores = {"scores_txt": "f1: 0.5", "detailed_html": f"<p>Fine</p>{SCRIPT}"}
    worker.call(run, token, "report", {"scores": scores}).raise_for_status()
    return SCRIPT in target.get(f"/api/v1/runs/{run}/detailed-results", "olga").text


def password_by_trying(target: Target) -> bool:
    guesses = [f"guess number {number}" for number in range(12)] + [PASSWORD]
    with target.platform.client() as client:
        statuses = [
            client.post("/api/v1/tokens", json={"username": "alice", "password": guess}).status_code
            for guess in guesses
        ]
    return statuses[-1] == 201


def password_by_trying_from_made_up_addresses(target: Target) -> bool:
    with target.platform.client() as client:
        statuses = [
            client.post(
                "/api/v1/tokens",
                json={"username": "alice", "password": PASSWORD if number == 12 else f"guess number {number}"},
                headers={"X-Forwarded-For": f"198.51.100.{number}"},
            ).status_code
            for number in range(13)
        ]
    return statuses[-1] == 201


def submission_of_another(target: Target) -> bool:
    target.open_challenge()
    number = target.hand_in("alice")
    return target.get(f"/api/v1/submissions/{number}/file", "mallory").status_code == 200


def act_with_a_token_for_reading(target: Target) -> bool:
    with target.platform.context.database.write() as session:
        alice = user_by_name(session, "alice")
        assert alice
        token = issue_token(session, alice, name="r", now=target.platform.clock.now(), scope=Scope.READ)
    with target.platform.client(token) as client:
        return client.delete("/api/v1/tokens/2").status_code == 204


def machine_of_the_operators_network(target: Target) -> bool:
    target.open_challenge()
    with target.platform.client(target.tokens["mallory"]) as client:
        return client.post("/api/v1/challenges/tiny/submissions", json={"image": METADATA}).status_code == 201


def body_that_never_ends(target: Target) -> bool:
    address = urlsplit(target.platform.url)
    with socket.create_connection((address.hostname, address.port), timeout=2) as connection:
        connection.sendall(
            f"POST /api/v1/tokens HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 9\r\n\r\nx".encode()
        )
        try:
            return not connection.recv(100).startswith(b"HTTP/1.1 408")
        except TimeoutError:
            return True


# ---- their defences, and how they are taken away ----


@dataclass(frozen=True)
class Defence:
    name: str
    attack: Callable[..., bool]
    take_away: Callable[[pytest.MonkeyPatch], None]
    settings: dict[str, Any] = field(default_factory=dict)
    without: dict[str, Any] = field(default_factory=dict)
    """Settings when the defence is taken away."""


def nothing(*_: Any, **__: Any) -> None:
    return None


def takes_any_form(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(forms, "require_own_page", nothing)
    patch.setattr(visitors.Visitor, "owns_form", lambda *_: True)


def keeps_sessions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(service, "close_web_session", nothing)


def keeps_sessions_with_a_new_password(patch: pytest.MonkeyPatch) -> None:
    def only_set(_session: Any, user: Any, **_: Any) -> None:
        assert user

    patch.setattr(service, "change_password", only_set)


def shows_cookies_to_scripts(patch: pytest.MonkeyPatch) -> None:
    def set_cookie(response: Any, _settings: Any, name: str, value: str, *, hours: float, path: str = "/") -> None:
        response.set_cookie(name, value, max_age=int(hours * 3600), path=path)

    patch.setattr(cookies, "set_cookie", set_cookie)
    patch.setattr(visitors, "set_cookie", set_cookie)


def goes_anywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(account_pages, "local_path", lambda path: path or "/challenges")
    patch.setattr(headers, "without_host", lambda location: location)


def repeats_hosts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(headers, "without_host", lambda location: location)


def believes_pages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(html, "clean", lambda text, *_: text)


def believes_reports(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(runs_api, "clean_detailed_results", lambda text: text)


def shows_all_to_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queries, "may_see", lambda *_: True)


def forgets_scopes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(access, "_require_scope", nothing)


def asks_any_registry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(packages, "require_registry", nothing)


def believes_all_proxies(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("FORWARDED_ALLOW_IPS", "*")


def waits_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bodies, "WHOLE_WITHIN_S", 3600)


OFTEN = {"sign_in_attempts": "1000/minute"}
DEFENCES = [
    Defence("a form that another site sends", form_of_another_site, takes_any_form),
    Defence("a session after signing out", session_used_after_signing_out, keeps_sessions),
    Defence("a session after a new password", session_used_after_a_new_password, keeps_sessions_with_a_new_password),
    Defence("a session's cookie read by a script", session_read_by_a_script, shows_cookies_to_scripts),
    Defence("signing in that leads to another site", sign_in_that_leads_away, goes_anywhere),
    Defence("a made-up host repeated in a redirect", host_that_is_repeated, repeats_hosts),
    Defence("a script in a bundle's page", script_in_a_bundles_page, believes_pages),
    Defence("a script in detailed results", script_in_detailed_results, believes_reports),
    Defence("a password by trying", password_by_trying, nothing, without=OFTEN),
    Defence(
        "a password by trying from made-up addresses", password_by_trying_from_made_up_addresses, believes_all_proxies
    ),
    Defence("another's submission by its number", submission_of_another, shows_all_to_all),
    Defence("an act with a token for reading", act_with_a_token_for_reading, forgets_scopes),
    Defence("an image on a machine of the operator's network", machine_of_the_operators_network, asks_any_registry),
    Defence("a body that never ends", body_that_never_ends, waits_for_ever),
]


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: re.sub(r"\W+", "-", defence.name))
def test_an_attack_is_stopped_and_succeeds_without_its_defence(defence, request, tmp_path, monkeypatch, trust):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")  # no proxy stands before the tests' platform
    monkeypatch.setattr(bodies, "WHOLE_WITHIN_S", 0.5)
    more = [request.getfixturevalue("chromium")] if defence.attack is session_read_by_a_script else []
    with running_platform(tmp_path / "defended", **defence.settings) as platform:
        stopped = not defence.attack(Target(platform), *more)
    defence.take_away(monkeypatch)
    with running_platform(tmp_path / "bare", **defence.settings | defence.without) as platform:
        succeeds = defence.attack(Target(platform), *more)
    trust.note_attack("web", defence.name, stopped=stopped, succeeds_without=succeeds)
    assert (stopped, succeeds) == (True, True)
