import json
import os
import subprocess
import sys

import pytest

from tests.factories.platform import RESULTS_ZIP
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.stage import set_stage
from tests.integration.platform.test_bad_uploads import stored

FACT_SHEET = {
    "method": {"key": "method", "type": "text", "title": "Method", "is_required": "true", "is_on_leaderboard": "true"},
    "external": {"key": "external", "type": "checkbox", "title": "Uses external data", "is_required": "false"},
    "family": {
        "key": "family",
        "type": "select",
        "title": "Model family",
        "selection": ["CNN", "Transformer"],
        "is_required": "false",
    },
}
GOOD = {"method": "U-Net", "external": True, "family": "CNN"}


@pytest.fixture
def stage(platform):
    return set_stage(platform, fact_sheet=FACT_SHEET)


def send(stage, answers, content=RESULTS_ZIP):
    return stage.submit(content, fields={"fact_sheet": json.dumps(answers)})


def test_answers_as_one_json_field(stage):
    assert send(stage, GOOD).json()["fact_sheet"] == GOOD


def test_answers_as_fields_of_their_own(stage):
    answer = stage.submit(fields={"fact_method": " U-Net ", "fact_external": "on", "fact_family": ""})
    assert answer.json()["fact_sheet"] == {"method": "U-Net", "external": True}


def test_a_box_that_is_not_ticked_is_an_answer(stage):
    assert send(stage, {"method": "x"}).json()["fact_sheet"] == {"method": "x", "external": False}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "The question 'Method' (method) needs an answer."),
        ({"method": "  "}, "The question 'Method' (method) needs an answer."),
        ({"method": "x" * 1001}, "The answer to 'Method' (method) has more than 1000 characters."),
        ({"method": ["x"]}, "The question 'Method' (method) is answered with a text."),
        (
            {"method": "x", "family": "RNN"},
            "The question 'Model family' (family) is answered with one of: CNN, Transformer.",
        ),
        (
            {"method": "x", "external": "perhaps"},
            "The question 'Uses external data' (external) is answered with true or false.",
        ),
        (
            {"method": "x", "colour": "red"},
            "The fact sheet has no question 'colour': it asks 'method', 'external', 'family'.",
        ),
    ],
)
def test_a_sheet_that_will_not_do_names_the_question_and_costs_nothing(stage, answers, message):
    before = stored(stage.platform)
    refused = send(stage, answers)
    assert (refused.status_code, refused.json()["code"], refused.json()["message"]) == (422, "fact_sheet", message)
    assert stored(stage.platform) == before
    assert stage.get("/challenges/tiny/quota").json()["used_total"] == 0


@pytest.mark.parametrize("sheet", ["method", "[" * 60_000])
def test_a_sheet_that_is_no_json(stage, sheet):
    refused = stage.submit(fields={"fact_sheet": sheet})
    assert (refused.status_code, refused.json()["message"]) == (422, "The field 'fact_sheet' is not JSON.")


HALF = r'{"method": "\ud800"}'
"""JSON that is no text: half of a pair of surrogates."""


def test_an_answer_that_no_page_could_show_costs_nothing(stage):
    before = stored(stage.platform)
    refused = stage.submit(fields={"fact_sheet": HALF})
    message = "The answer to 'Method' (method) holds half of a character; write it anew."
    assert (refused.status_code, refused.json()["message"]) == (422, message)
    assert stored(stage.platform) == before
    assert stage.get("/challenges/tiny/quota").json()["used_total"] == 0
    number = send(stage, GOOD).json()["id"]
    with stage.platform.client(stage.alice) as client:
        body = f'{{"fact_sheet": {HALF}}}'
        headers = {"Content-Type": "application/json"}
        assert client.patch(f"/api/v1/submissions/{number}", content=body, headers=headers).status_code == 422
    assert stage.get(f"/submissions/{number}").json()["fact_sheet"] == GOOD


@pytest.mark.parametrize("body", [r'{"image": "\ud800"}', '{"image": ' + "[" * 60_000, HALF])
def test_a_body_that_is_no_text(stage, body):
    with stage.platform.client(stage.alice) as client:
        headers = {"Content-Type": "application/json"}
        refused = client.post("/api/v1/challenges/tiny/submissions", content=body, headers=headers)
    assert (refused.status_code, refused.json()["message"]) == (422, "The body is not JSON in UTF-8.")


def test_its_participant_may_change_the_answers(stage):
    number = send(stage, GOOD).json()["id"]
    path = f"/api/v1/submissions/{number}"
    with stage.platform.client(stage.alice) as client:
        changed = client.patch(path, json={"fact_sheet": {"family": "Transformer"}})
        refused = client.patch(path, json={"fact_sheet": {"method": ""}})
    assert changed.json()["fact_sheet"] == {**GOOD, "family": "Transformer"}
    assert (refused.status_code, refused.json()["message"]) == (422, "The question 'Method' (method) needs an answer.")
    with stage.platform.client(stage.olga) as client:
        assert client.patch(path, json={"fact_sheet": {"method": "mine"}}).status_code == 403
    assert stage.get(f"/submissions/{number}").json()["fact_sheet"] == {**GOOD, "family": "Transformer"}


def test_the_page_asks_shows_what_is_wrong_and_keeps_what_was_typed(stage):
    page = PageClient(stage.platform, "alice")
    form = page.get("/challenges/tiny/submit").text
    assert '<input id="fact-1" type="text" name="fact_method" value="" maxlength="1000" required>' in form
    data = {"form_token": page.form_token(), "fact_method": "", "fact_family": "CNN", "fact_external": "true"}
    file = {"file": ("a.zip", RESULTS_ZIP)}
    refused = page.request("POST", "/challenges/tiny/submit?phase=1", data=data, files=file)
    assert refused.status_code == 422
    assert "The question &#39;Method&#39; (method) needs an answer." in refused.text
    assert '<option value="CNN" selected>CNN</option>' in refused.text
    assert 'name="fact_external" value="true" checked>' in refused.text
    accepted = page.request("POST", "/challenges/tiny/submit?phase=1", data={**data, "fact_method": "a"}, files=file)
    assert accepted.status_code == 303
    number = accepted.headers["location"].rpartition("/")[2]
    assert stage.get(f"/submissions/{number}").json()["fact_sheet"] == {
        "method": "a",
        "external": True,
        "family": "CNN",
    }


def test_the_page_of_the_answers(stage):
    number = send(stage, GOOD).json()["id"]
    page = PageClient(stage.platform, "alice")
    assert 'value="U-Net"' in page.get(f"/submissions/{number}/facts").text
    refused = page.post(f"/submissions/{number}/facts", {"fact_method": "", "fact_family": "CNN"})
    assert (refused.status_code, "needs an answer" in refused.text) == (422, True)
    saved = page.post(f"/submissions/{number}/facts", {"fact_method": "Better", "fact_family": ""})
    assert (saved.status_code, saved.headers["location"]) == (303, f"/submissions/{number}")
    assert stage.get(f"/submissions/{number}").json()["fact_sheet"] == {"method": "Better", "external": False}
    assert PageClient(stage.platform, "olga").get(f"/submissions/{number}/facts").status_code == 403


def test_the_check_button_says_what_it_is_and_stores_nothing(stage):
    before = stored(stage.platform)
    page = PageClient(stage.platform, "alice")
    answer = page.upload("/challenges/tiny/submit?phase=1&check=true", RESULTS_ZIP)
    assert answer.status_code == 200
    assert "This is a result submission: a zip with predictions (1 file, 3 bytes)." in answer.text
    assert stored(stage.platform) == before


@pytest.mark.parametrize(
    ("answers", "still_asked"),
    [
        (GOOD, []),
        ({"family": "RNN"}, ["'Method' (method) needs an answer.", "'Model family' (family) is answered with one of"]),
        ({"method": "x", "colour": "red"}, ["has no question 'colour'"]),
    ],
    ids=["complete", "two", "unknown"],
)
def test_a_check_names_every_open_question_and_refuses_nothing(stage, answers, still_asked):
    found = stage.submit(fields={"fact_sheet": json.dumps(answers)}, check=True).json()
    assert found["accepted"] is True
    assert len(found["still_asked"]) == len(still_asked)
    assert all(part in sentence for part, sentence in zip(still_asked, found["still_asked"], strict=True))


def test_the_check_button_names_the_open_questions(stage):
    page = PageClient(stage.platform, "alice")
    answer = page.upload("/challenges/tiny/submit?phase=1&check=true", RESULTS_ZIP)
    assert "<li>The question &#39;Method&#39; (method) needs an answer.</li>" in answer.text


def test_answers_stand_on_the_board(stage):
    send(stage, GOOD)
    stage.score("f1: 0.5\nseconds: 1")
    board = stage.get("/challenges/tiny/leaderboard?phase=1").json()
    assert (board["facts"], board["entries"][0]["facts"]) == (
        [{"key": "method", "title": "Method"}],
        {"method": "U-Net"},
    )
    page = PageClient(stage.platform, "alice")
    assert '<td data-label="Method" class="fact">U-Net</td>' in page.get("/challenges/tiny/leaderboard?phase=1").text
    header, row = page.get("/challenges/tiny/leaderboard.csv?phase=1").text.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["method"] == "U-Net"
    assert "U-Net" in medici(stage, "leaderboard", "tiny", "--phase", "Final").stdout


def medici(stage, *arguments):
    environment = {**os.environ, "MEDICI_URL": stage.platform.url, "MEDICI_TOKEN": stage.alice}
    command = [sys.executable, "-m", "medici_platform.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_says_what_it_uploads_and_refuses_before_it_does(stage, tmp_path):
    (tmp_path / "a.zip").write_bytes(RESULTS_ZIP)
    (tmp_path / "facts.yaml").write_text("method: U-Net\nfamily: CNN\n")
    submit = ["submit", "tiny", tmp_path / "a.zip"]
    before = stored(stage.platform)
    refused = medici(stage, *submit)
    assert (refused.returncode, refused.stderr) == (1, "Error: The question 'Method' (method) needs an answer.\n")
    checked = medici(stage, *submit, "--check")
    assert (checked.returncode, stored(stage.platform)) == (0, before)
    assert checked.stderr == (
        "a.zip is a result submission: a zip with predictions (1 file, 3 bytes).\n"
        "The phase 'Final' takes it. Handing it in would use 1 of the 5 submissions that you have left now.\n"
        "Before you hand it in: The question 'Method' (method) needs an answer.\n"
    )
    answers = ["--facts", tmp_path / "facts.yaml", "--fact", "external=yes", "--fact", "family=Transformer"]
    sent = medici(stage, *submit, *answers, "--json")
    assert json.loads(sent.stdout)["fact_sheet"] == {"method": "U-Net", "external": True, "family": "Transformer"}


def test_the_submissions_page_shows_the_answers_and_its_participant_the_way_to_change_them(stage):
    number = send(stage, GOOD).json()["id"]
    pages = {name: PageClient(stage.platform, name).get(f"/submissions/{number}").text for name in ("alice", "olga")}
    for page in pages.values():
        assert "<dt>Method</dt><dd>U-Net</dd>" in page
        assert "<dt>Uses external data</dt><dd>yes</dd>" in page
    link = f'href="/submissions/{number}/facts"'
    assert {name: link in page for name, page in pages.items()} == {"alice": True, "olga": False}
