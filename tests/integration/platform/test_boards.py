"""What a board shows to whom, and when: embargo, freeze, late submissions, reports, facts, downloads."""

from datetime import timedelta

from medici_platform.clock import Clock
from medici_platform.leaderboards.service import renumber_boards
from medici_platform.submissions.models import Submission
from tests.integration.platform.boards import F1, contest
from tests.integration.platform.page_client import PageClient

REPORT = {"scores": {"scores_txt": "f1: 0.5", "detailed_html": "<p>Case 7 was hard</p>"}}


def stored(platform, number, **values):
    with platform.context.database.write() as session:
        submission = session.get_one(Submission, number)
        for name, value in values.items():
            setattr(submission, name, value)


def test_until_the_embargo_ends_organizers_alone_see_the_board(platform):
    place = contest(platform, phase={"embargo_until": "2126-12-24T12:00:00Z"}, enable_detailed_results=True)
    place.submit("alice", "f1: 0.5", report=REPORT["scores"])
    sentence = "The board of the phase Final opens on 24 Dec 2126, 12:00 UTC."
    refused = place.call("GET", "/challenges/tiny/leaderboard", "alice")
    assert (refused.status_code, refused.json()) == (403, {"code": "embargo", "message": sentence})
    page = PageClient(platform, "alice").get("/challenges/tiny/leaderboard")
    assert (page.status_code, sentence in page.text, "<table" in page.text) == (200, True, False)
    table = PageClient(platform, "alice").get("/challenges/tiny/leaderboard.csv")
    assert (table.status_code, sentence in table.text) == (403, True)
    entry = place.board("olga")["entries"][0]
    assert place.call("GET", f"/entries/{entry['id']}/detailed-results", "alice").status_code == 404
    assert place.call("GET", f"/entries/{entry['id']}/detailed-results", "olga").status_code == 200
    platform.clock.advance(days=37_000)
    assert place.ranks() == [(1, "alice", 1)]


def test_a_frozen_board_is_brought_up_to_date_when_the_phase_has_ended(platform):
    now = platform.clock.now()
    times = {"freeze_at": (now + timedelta(hours=1)).isoformat(), "end": (now + timedelta(hours=2)).isoformat()}
    place = contest(platform, phase=times)
    first = place.submit("alice", "f1: 0.1")
    platform.clock.advance(hours=1, minutes=1)
    better = place.submit("alice", "f1: 0.9")
    place.submit("bob", "f1: 0.8")
    assert place.ranks() == [(1, "alice", first)]
    assert place.board()["frozen_since"] is not None
    assert "frozen since" in PageClient(platform).get("/challenges/tiny/leaderboard").text
    assert Clock(platform.context).tick()
    assert place.ranks() == [(1, "alice", first)]
    platform.clock.advance(hours=1)
    assert Clock(platform.context).tick()
    assert place.ranks() == [(1, "alice", better), (2, "bob", 3)]
    assert place.board()["frozen_since"] is None


def test_what_was_handed_in_late_stands_on_no_board(platform):
    place = contest(platform, rule="Add_And_Delete")
    number = place.submit("alice", "f1: 0.9")
    stored(platform, number, is_late=True)
    with platform.context.database.write() as session:
        renumber_boards(session, platform.context, 1)
    assert place.ranks() == []
    assert place.call("POST", f"/submissions/{number}/leaderboard", "alice").json()["message"] == (
        f"Submission {number} was handed in after the phase's end: it stands on no board."
    )


def test_all_boards_are_numbered_anew(platform):
    place = contest(platform)
    place.submit("alice", "f1: 0.1")
    place.submit("bob", "f1: 0.2")
    stored(platform, 1, scores={"f1": 0.3})
    with platform.context.database.write() as session:
        renumber_boards(session, platform.context, 1)
    assert place.ranks() == [(1, "alice", 1), (2, "bob", 2)]


def test_the_organizer_shows_reports_in_a_hidden_phase_on_the_page_and_the_board(platform):
    place = contest(platform, phase={"detailed_results": True})
    number = place.submit("alice", "f1: 0.5", report=REPORT["scores"])
    run = place.call("GET", f"/submissions/{number}/runs", "alice").json()[0]
    assert run["has_detailed_results"]
    assert "Case 7" in place.call("GET", f"/runs/{run['id']}/detailed-results", "alice").text
    (path,) = place.board()["entries"][0]["detailed_results"]
    answer = place.call("GET", path.removeprefix("/api/v1"), None)
    assert (answer.status_code, "Case 7" in answer.text) == (200, True)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert path in PageClient(platform).get("/challenges/tiny/leaderboard").text
    assert (
        place.call("GET", f"/entries/{place.board()['entries'][0]['id']}/detailed-results?task=3", None).status_code
        == 404
    )


def test_reports_that_the_organizer_does_not_show(platform):
    place = contest(platform, phase={"hide_score_output": True})
    number = place.submit("alice", "f1: 0.5", report=REPORT["scores"])
    entry = place.board()["entries"][0]
    run = place.call("GET", f"/submissions/{number}/runs", "alice").json()[0]
    assert (entry["detailed_results"], run["has_detailed_results"]) == ([], False)
    assert place.call("GET", f"/entries/{entry['id']}/detailed-results", "alice").status_code == 403
    assert place.call("GET", f"/runs/{run['id']}/detailed-results", "alice").status_code == 403
    assert place.call("GET", f"/entries/{entry['id']}/detailed-results", "olga").status_code == 200


def test_a_hidden_phase_that_does_not_say_so_shows_no_reports(platform):
    """What a report tells of single cases it tells of the test set."""
    place = contest(platform)
    number = place.submit("alice", "f1: 0.5", report=REPORT["scores"])
    entry = place.board()["entries"][0]
    run = place.call("GET", f"/submissions/{number}/runs", "alice").json()[0]
    assert (entry["detailed_results"], run["has_detailed_results"]) == ([], False)
    for path in (f"/entries/{entry['id']}/detailed-results", f"/runs/{run['id']}/detailed-results"):
        assert place.call("GET", path, "alice").status_code == 403
        assert place.call("GET", path, "olga").status_code == 200


def test_the_panel_and_the_board_are_told_apart(platform):
    switches = {"in_submission_panel": False, "in_leaderboard": True}
    shown = {f"show_detailed_results_{place}": says for place, says in switches.items()}
    place = contest(platform, phase={"detailed_results": True}, **shown)
    number = place.submit("alice", "f1: 0.5", report=REPORT["scores"])
    assert place.call("GET", f"/submissions/{number}/runs", "alice").json()[0]["has_detailed_results"] is False
    assert len(place.board()["entries"][0]["detailed_results"]) == 1


def test_answers_of_the_fact_sheet_and_public_submissions_stand_on_the_board(platform):
    sheet = {
        "team": {"key": "team", "type": "text", "title": "Team", "is_on_leaderboard": True},
        "open": {"key": "open", "type": "checkbox", "title": "Open source", "is_on_leaderboard": True},
        "secret": {"key": "secret", "type": "text", "title": "Secret"},
    }
    place = contest(platform, fact_sheet=sheet)
    number = place.submit("alice", "f1: 0.5")
    facts = {"team": "=1+1", "open": True, "secret": "hush"}
    stored(platform, number, fact_sheet=facts, is_public=True)
    board = place.board()
    assert board["facts"] == [{"key": "team", "title": "Team"}, {"key": "open", "title": "Open source"}]
    entry = board["entries"][0]
    assert entry["facts"] == {"team": "=1+1", "open": True}
    assert entry["file"] == f"/api/v1/submissions/{number}/file"
    page = PageClient(platform).get("/challenges/tiny/leaderboard").text
    assert ("Open source" in page, ">yes<" in page, entry["file"] in page, "hush" in page) == (True, True, True, False)
    assert ",'=1+1,yes,1," in PageClient(platform).get("/challenges/tiny/leaderboard.csv").text


def test_an_anonymous_board_names_nobody_but_to_organizers_and_to_themselves(platform):
    board = {"title": "Results", "key": "main", "submission_rule": "Force_Best", "anonymous": True, "columns": [F1]}
    place = contest(platform, boards=[board])
    for user, score in (("alice", "f1: 0.5"), ("bob", "f1: 0.4")):
        place.submit(user, score)
    assert [name for _, name, _ in place.ranks()] == ["Participant 1", "Participant 2"]
    assert [entry["participant"] for entry in place.board("olga")["entries"]] == ["alice", "bob"]
    assert [entry["participant"] for entry in place.board("bob")["entries"]] == ["Participant 1", "bob"]
    for path in ("leaderboard", "leaderboard.csv"):
        shown = PageClient(platform).get(f"/challenges/tiny/{path}").text
        assert "Participant 1" in shown
        assert "alice" not in shown
