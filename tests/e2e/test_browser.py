"""The pages in a real browser: with scripts, without them, by keyboard alone, on a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from medici_platform.accounts.rules import Role
from tests.e2e.page_checks import faults_of
from tests.factories.platform import (
    PASSWORD,
    RESULTS_ZIP,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    running_platform,
    submit,
)

pytestmark = pytest.mark.slow

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[RunningPlatform]:
    with running_platform(tmp_path / "data") as platform:
        import_bundle(platform, platform.user("olga", Role.ORGANIZER)).raise_for_status()
        yield platform


@pytest.fixture
def page(browser: Browser, platform: RunningPlatform) -> Iterator[Page]:
    """With scripts, on a desk. Whatever the browser complains about fails the test."""
    with browser.new_context(base_url=platform.url, viewport=DESK) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert [each for each in complaints if "a status of 4" not in each] == []  # it notes every refusal


def submit_a_file(page: Page, name: str) -> None:
    """From the list of challenges through sign-up, joining and the upload, as a visitor would."""
    page.goto("/")
    page.get_by_role("link", name="Tiny").click()
    page.get_by_role("link", name="Join this challenge").click()
    page.get_by_role("link", name="Sign up").last.click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_label("I accept the terms").check()
    page.get_by_role("button", name="Join").click()
    zipped = {"name": "answer.zip", "mimeType": "application/zip", "buffer": RESULTS_ZIP}
    page.get_by_label("Your submission").set_input_files(zipped)
    page.get_by_role("button", name="Upload and submit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("queued")
    expect(page.locator("main")).to_contain_text("no worker is connected at the moment")


def see_the_board(page: Page, name: str) -> None:
    page.get_by_role("link", name="Tiny").click()
    page.get_by_role("link", name="Leaderboard").click()
    cells = page.locator("tbody tr").first
    expect(cells.locator("td.rank")).to_have_text("1")
    expect(cells.locator("th")).to_contain_text(name)
    expect(cells.locator("td.primary")).to_contain_text("0.500")


def test_a_submission_from_sign_up_to_rank_one_updates_itself(page, platform):
    submit_a_file(page, "alice")
    page.evaluate("window.notReloaded = true")
    FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 2")
    expect(page.get_by_role("heading", level=1)).to_contain_text("finished", timeout=10_000)
    expect(page.locator(".scores")).to_contain_text("0.500")
    expect(page.locator("#announcement")).to_have_text("The submission is finished.")
    assert page.evaluate("window.notReloaded") is True
    see_the_board(page, "alice")


def test_log_text_arrives_while_the_run_goes_on(page, platform):
    submit_a_file(page, "alice")
    worker, run_id = FakeWorker(platform, platform.worker()), platform.hints.hints[-1].run_id
    token = worker.claim(run_id).json()["token"]
    worker.call(run_id, token, "stage", {"stage": "preparing"}).raise_for_status()
    position = 0
    for line in ("fetched\n", "\x1b[31mchecked\x1b[0m\n", "<b>ready</b>\n"):
        chunk = {"stage": "preparing", "position": position, "text": line}
        worker.call(run_id, token, "logs", chunk).raise_for_status()
        position += len(line)
        expect(page.locator("pre.log")).to_contain_text(line.replace("\x1b[31m", "").replace("\x1b[0m", "").strip())
    assert page.locator("pre.log").inner_text() == "fetched\nchecked\n<b>ready</b>\n"
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancelled")


def test_the_same_without_scripts(browser, platform):
    with browser.new_context(base_url=platform.url, viewport=PHONE, java_script_enabled=False) as context:
        page = context.new_page()
        submit_a_file(page, "alice")
        FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 2")
        expect(page.get_by_role("heading", level=1)).to_contain_text("finished", timeout=10_000)
        see_the_board(page, "alice")


def test_signing_in_by_keyboard_alone(page, platform):
    platform.user("alice")
    page.goto("/challenges/tiny/submit")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{platform.url}/challenges/tiny/submit")
    expect(page.get_by_role("link", name="Account of alice")).to_be_visible()


def test_a_refused_upload_says_why_on_the_same_page(page, platform):
    join(platform, platform.user("alice"))
    sign_in(page, "alice", "/challenges/tiny/submit")
    page.get_by_label("Your submission").set_input_files({"name": "a.zip", "mimeType": "", "buffer": b"not a zip"})
    page.get_by_role("button", name="Upload and submit").click()
    expect(page.get_by_role("alert")).to_contain_text("zip")
    expect(page.get_by_role("button", name="Upload and submit")).to_be_visible()


def sign_in(page: Page, name: str, after: str) -> None:
    page.goto(after)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_is_labelled_readable_and_fits(browser, platform, viewport, scheme):
    fill(platform)
    faults = {}
    for who, paths in PAGES.items():
        with browser.new_context(base_url=platform.url, viewport=viewport, color_scheme=scheme) as context:
            page = context.new_page()
            if who:
                sign_in(page, who, "/account")
            for path in paths:
                page.goto(path)
                if found := faults_of(page):
                    faults[f"{who} {path}"] = found
    assert faults == {}


def test_the_check_sees_faults(page):
    page.set_content('<h1>a</h1><h3>b</h3><input id="x"><img src=""><p style="color: #aaa; background: #fff">faint</p>')
    found = "\n".join(faults_of(page))
    for fault in (
        "no language",
        "heading level skipped",
        "no label",
        "no alt",
        "no main",
        "inline style",
        "contrast 2.32",
    ):
        assert fault in found


PAGES = {
    None: ["/challenges", "/challenges/tiny", "/sign-in", "/sign-up", "/api", "/nowhere"],
    "alice": [
        *("/account", "/submissions/1", "/submissions/2", "/submissions/3"),
        *(f"/challenges/tiny/{tab}" for tab in ("terms", "phases", "leaderboard", "submit", "submissions", "join")),
        "/challenges/tiny/submit?phase=0",
        "/challenges/tiny/leaderboard?phase=0",
    ],
    "bob": ["/challenges/tiny/join", "/challenges/tiny/submit", "/challenges/tiny/submissions"],
    "ada": ["/admin/workers", "/challenges/tiny/participants", "/challenges/tiny/submissions", "/submissions/2"],
}


def fill(platform: RunningPlatform) -> None:
    """One submission that is scored, and again with another number; one that failed, one that waits."""
    ada = platform.user("ada", Role.ADMIN)
    platform.user("bob")
    token = platform.user("alice")
    join(platform, token)
    worker = FakeWorker(platform, platform.worker())
    submit(platform, token).raise_for_status()
    worker.score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 2")
    with platform.client(ada) as client:
        client.post("/api/v1/submissions/1/rerun").raise_for_status()
    worker.score(platform.hints.hints[-1].run_id, "f1: 0.6\nseconds: 2")
    submit(platform, token).raise_for_status()
    run_id = platform.hints.hints[-1].run_id
    attempt = worker.claim(run_id).json()["token"]
    report = {"failure": "scoring_failed", "private_detail": "KeyError: 7", "exit_code": 1}
    worker.call(run_id, attempt, "report", report).raise_for_status()
    submit(platform, token).raise_for_status()
