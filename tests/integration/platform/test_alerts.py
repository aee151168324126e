"""A scoring program that fails: an alert, its page, and mail through a real server on the loopback."""

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from medici_platform.accounts.queries import user_by_name
from medici_platform.challenges.models import Challenge
from medici_platform.clock import Clock
from medici_platform.runs.models import Alert
from tests.factories.platform import BUNDLE_FILES, COMPETITION, RunningPlatform, import_bundle
from tests.integration.platform.boards import contest
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.stage import set_stage


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of SMTP as a client needs to hand in a letter."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.letters: list[str] = []
        self.fails = False
        self.refuses = ""
        """Letters with this text."""
        self.refusal = "554 this looks like spam"


class Conversation(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("421 not now" if self.server.fails else "220 ready")
        lines: list[str] = []
        while line := self.rfile.readline().decode().strip():
            command = line.split()[0].upper()
            lines.append(line)
            if command == "DATA":
                self._say("354 go on")
                lines += self._text()
                letter = "\n".join(lines)
                lines = []
                if self.server.refuses and self.server.refuses in letter:
                    self._say(self.server.refusal)
                    continue
                self.server.letters.append(letter)
            self._say("221 bye" if command == "QUIT" else "250 ok")
            if command == "QUIT":
                return

    def _text(self) -> list[str]:
        text: list[str] = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            text.append(line)
        return text

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def clock_with_mail(platform: RunningPlatform, mailbox: Mailbox) -> Clock:
    url = f"smtp://127.0.0.1:{mailbox.server_address[1]}"
    settings = platform.context.settings.model_copy(update={"smtp_url": url})
    return Clock(replace(platform.context, settings=settings))


def alerts(place):
    return [(each["submission"], each["task"]) for each in place.call("GET", "/challenges/tiny/alerts").json()["items"]]


def test_an_alert_lasts_until_the_run_has_ended_well(platform):
    place = contest(platform, tasks=2)
    number = place.submit("alice", "f1: 1", None)
    place.submit("bob", None, "f1: 1")
    assert alerts(place) == [(2, "Task A"), (number, "Task B")]
    text = place.call("GET", "/challenges/tiny/alerts").json()["items"][1]["message"]
    assert text == (
        "The scoring program of the task 'Task B' failed on submission 1, phase 'Final'.\nTraceback: KeyError"
    )
    place.call("POST", f"/submissions/{number}/rerun", params={"task": 1}).raise_for_status()
    assert len(alerts(place)) == 2
    place.end(platform.hints.hints[-1].run_id, "f1: 1")
    assert alerts(place) == [(2, "Task A")]


def test_its_page_counts_and_dismisses(platform):
    place = contest(platform)
    place.submit("alice", None)
    olga = PageClient(platform, "olga")
    tab = '/challenges/tiny/alerts">Alerts <span class="chip chip-failed">1</span>'
    assert tab in olga.get("/challenges/tiny/phases").text
    assert "alerts" not in PageClient(platform, "alice").get("/challenges/tiny/phases").text
    assert "Traceback: KeyError" in olga.get("/challenges/tiny/alerts").text
    assert olga.post("/challenges/tiny/alerts/1/dismiss").status_code == 303
    assert "Nothing waits for you." in olga.get("/challenges/tiny/alerts").text
    assert alerts(place) == []
    place.call("POST", "/submissions/1/rescore").raise_for_status()
    place.end(platform.hints.hints[-1].run_id, None)
    assert alerts(place) == [(1, "Task A")]


def test_organizers_are_mailed_once(platform, mailbox):
    place = contest(platform)
    with platform.context.database.write() as session:
        user_by_name(session, "olga").email = "olga@example.org"
    clock = clock_with_mail(platform, mailbox)
    assert clock.tick()
    assert mailbox.letters == []
    place.submit("alice", None)
    place.submit("bob", None)
    assert clock.tick()
    assert clock.tick()
    (letter,) = mailbox.letters
    for part in (
        "To: olga@example.org",
        "Subject: Tiny: the scoring program failed 2 times",
        "/submissions/1",
        "/submissions/2",
        "/challenges/tiny/alerts",
        "Traceback: KeyError",
    ):
        assert part in letter


def test_a_letter_tells_of_canaries_and_never_what_they_are(platform, mailbox):
    stage = set_stage(platform, task={"canaries": ["canary-7f3a9c51d2"]})
    with platform.context.database.write() as session:
        user_by_name(session, "olga").email = "olga@example.org"
    clock = clock_with_mail(platform, mailbox)
    for reports in ([], [{"failure": "scoring_failed", "private_detail": "Traceback"}]):
        stage.submit().raise_for_status()
        claim = stage.claim()
        run, token = claim["spec"]["run_id"], claim["token"]
        log = {"stage": "running", "position": 0, "text": "canary-7f3a9c51d2"}
        stage.worker.call(run, token, "logs", log).raise_for_status()
        for report in reports:
            stage.worker.call(run, token, "report", report).raise_for_status()
        assert clock.tick()
    first, second = mailbox.letters
    assert "Subject: Tiny: a canary was found\n" in first
    assert "quota" not in first
    assert "Subject: Tiny: the scoring program failed, a canary was found\n" in second
    assert "No failure of a scoring program costs quota." in second
    assert "canary-7f3a" not in first + second


def test_a_mail_server_that_fails_is_asked_again_later(platform, mailbox):
    place = contest(platform)
    with platform.context.database.write() as session:
        user_by_name(session, "olga").email = "olga@example.org"
    clock = clock_with_mail(platform, mailbox)
    mailbox.fails = True
    place.submit("alice", None)
    assert clock.tick()
    mailbox.fails = False
    assert clock.tick()
    assert mailbox.letters == []
    platform.clock.advance(minutes=6)
    assert clock.tick()
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize("address", ["=?utf-8?q?=0a?=@example.org", "olgä@example.org", "<@example.org"])
def test_an_address_that_cannot_be_written_keeps_back_nobody_elses_mail(platform, mailbox, address):
    place = contest(platform)
    platform.user("otto")
    with platform.context.database.write() as session:
        user_by_name(session, "olga").email = address
        user_by_name(session, "otto").email = "otto@example.org"
    place.call("PUT", "/challenges/tiny/collaborators/otto").raise_for_status()
    clock = clock_with_mail(platform, mailbox)
    place.submit("alice", None)
    assert clock.tick()
    (letter,) = mailbox.letters
    assert "To: otto@example.org" in letter


def test_a_letter_that_is_put_off_keeps_back_no_other(platform, mailbox):
    place = contest(platform)
    second = {**BUNDLE_FILES, "competition.yaml": COMPETITION.replace("slug: tiny", "slug: other")}
    import_bundle(platform, place.olga, second).raise_for_status()
    with platform.context.database.write() as session:
        user_by_name(session, "olga").email = "olga@example.org"
        for challenge_id in session.scalars(select(Challenge.id)):
            told = {"kind": "scoring_failed", "message": "It failed.", "created_at": platform.clock.now()}
            session.add(Alert(challenge_id=challenge_id, **told))
    clock = clock_with_mail(platform, mailbox)
    mailbox.refuses, mailbox.refusal = "/challenges/tiny/alerts", "451 try again later"
    assert clock.tick()
    (letter,) = mailbox.letters
    assert "/challenges/other/alerts" in letter
    mailbox.refuses = ""
    assert clock.tick()
    assert len(mailbox.letters) == 1
    platform.clock.advance(minutes=6)
    assert clock.tick()
    assert "/challenges/tiny/alerts" in mailbox.letters[1]
    assert len(mailbox.letters) == 2


def test_a_letter_that_is_refused_for_good_is_not_sent_again(platform, mailbox):
    place = contest(platform)
    with platform.context.database.write() as session:
        user_by_name(session, "olga").email = "olga@example.org"
    clock = clock_with_mail(platform, mailbox)
    mailbox.refuses = "/submissions/1"
    place.submit("alice", None)
    assert clock.tick()
    place.submit("bob", None)
    assert clock.tick()
    (letter,) = mailbox.letters
    assert "/submissions/2" in letter
