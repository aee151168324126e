"""Published figures beside the board, and the notice on the data: on pages, in files, by the API and the commands."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest
import yaml

from tests.factories.platform import BUNDLE_FILES, make_zip
from tests.integration.platform.boards import F1, SECONDS, contest
from tests.integration.platform.page_client import PageClient

FILE = "reference_results.csv"
PUBLISHED = """\
method,task,f1,seconds,source,data
RN18 <28>,,0.9,,"A, 2021","published, real data"
SVM,Task A,0.5,10,"A, 2021","published, real data"
SVM,Task B,0.7,,B 2022,"published, real data"
Half,Task B,0.99,1,B 2022,published
"""
NOTICE = "Synthetic stand-in, <drawn> by a program (seed 0); shows no patient."
MEAN_RANK = {"title": "Mean rank", "key": "mean_rank", "index": 2, "sorting": "asc", "precision": 2} | {
    "computation": "avg_rank",
    "computation_indexes": [0],
    "over_tasks": True,
}


def board(*columns, primary: int = 0) -> dict:
    keys = {"title": "Results", "key": "main", "submission_rule": "Force_Best", "primary_index": primary}
    return {**keys, "reference_results": FILE, "columns": list(columns or (F1, SECONDS))}


def published(platform, *, tasks: int = 2, text: str = PUBLISHED, columns=(), primary: int = 0, **challenge):
    files = {FILE: text, "data_notice.txt": NOTICE + "\n"}
    boards = [board(*columns, primary=primary)]
    return contest(platform, tasks=tasks, boards=boards, files=files, data_notice="data_notice.txt", **challenge)


def test_the_api_gives_them_apart_from_entries(platform):
    place = published(platform)
    place.submit("alice", "f1: 0.6\nseconds: 2", "f1: 0.8\nseconds: 4")
    found = place.board()
    assert [(each["rank"], each["participant"]) for each in found["entries"]] == [(1, "alice")]
    assert found["data_notice"] == NOTICE
    assert found["reference"] == [
        {
            "method": "RN18 <28>",
            "data": "published, real data",
            "sources": ["A, 2021"],
            "scores": {"f1": 0.9},
            "task_scores": {},
        },
        {
            "method": "SVM",
            "data": "published, real data",
            "sources": ["A, 2021", "B 2022"],
            "scores": {"f1": 0.6},
            "task_scores": {"0": {"f1": 0.5, "seconds": 10.0}, "1": {"f1": 0.7}},
        },
        {
            "method": "Half",
            "data": "published",
            "sources": ["B 2022"],
            "scores": {},
            "task_scores": {"1": {"f1": 0.99, "seconds": 1.0}},
        },
    ]
    assert place.call("GET", "/challenges/tiny", None).json()["data_notice"] == NOTICE


def test_in_a_phase_of_one_task_its_figures_are_those_of_the_board(platform):
    place = published(platform, tasks=1, text=PUBLISHED.replace("Task B", "Task A").replace("SVM,Task A,0.7", "X,,0.7"))
    found = {each["method"]: (each["scores"], each["task_scores"]) for each in place.board()["reference"]}
    assert found == {
        "Half": ({"f1": 0.99, "seconds": 1.0}, {}),
        "RN18 <28>": ({"f1": 0.9}, {}),
        "X": ({"f1": 0.7}, {}),
        "SVM": ({"f1": 0.5, "seconds": 10.0}, {}),
    }


def test_the_page_has_no_column_in_which_nothing_was_published(platform):
    text = "method,task,f1,seconds,source,data\nA,,0.9,,S,D\n"
    published(platform, text=text)
    page = PageClient(platform).get("/challenges/tiny/leaderboard").text.split('id="references"')[1]
    assert ("F1" in page, "Seconds" in page, "0.9" in page) == (True, False, True)


def test_hidden_columns_and_boards_hide_them_too(platform):
    place = published(platform, columns=(F1, {**SECONDS, "hidden": True}))
    assert [each["scores"] | each["task_scores"].get("1", {}) for each in place.board()["reference"]] == [
        {"f1": 0.9},
        {"f1": 0.7},
        {"f1": 0.99},
    ]
    assert place.board("olga")["reference"][1]["task_scores"]["0"] == {"f1": 0.5, "seconds": 10.0}


def test_computed_columns_follow_from_published_numbers_where_these_are_not_published(platform):
    total = {"title": "Sum", "key": "sum", "index": 2, "computation": "sum", "computation_indexes": [0, 1]}
    text = "method,task,f1,seconds,sum,source,data\nA,,1,2,,S,D\nB,,1,2,7,S,D\nC,,1,,,S,D\n"
    place = published(platform, columns=(F1, SECONDS, total), text=text)
    found = [each["scores"].get("sum") for each in place.board()["reference"]]
    assert found == [3.0, 7.0, None]


def test_the_csv_file_has_them_last_without_rank_and_marked(platform):
    place = published(platform)
    place.submit("alice", "f1: 0.6\nseconds: 2", "f1: 0.8\nseconds: 4")
    text = PageClient(platform).get("/challenges/tiny/leaderboard.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    shown = [(row["rank"], row["participant"], row["f1"], row["Task B: f1"], row["reference"]) for row in rows]
    assert shown == [
        ("1", "alice", "0.7", "0.8", ""),
        ("", "RN18 <28>", "0.9", "", "published, real data"),
        ("", "SVM", "0.6", "0.7", "published, real data"),
        ("", "Half", "", "0.99", "published"),
    ]
    assert rows[2]["source"] == "A, 2021; B 2022"


def test_the_page_shows_them_in_a_table_of_their_own(platform):
    place = published(platform)
    empty = PageClient(platform).get("/challenges/tiny/leaderboard").text
    assert "No submission has been scored" in empty
    place.submit("alice", "f1: 0.95\nseconds: 2", "f1: 0.95\nseconds: 4")
    page = PageClient(platform).get("/challenges/tiny/leaderboard").text
    entries, references = page.split('id="references"')
    for each in (empty.split('id="references"')[1], references):
        assert "3 published results, not ranked; largest F1 first" in each
        assert "RN18 &lt;28&gt;" in each
        assert 'class="rank' not in each
        assert "<li>A, 2021</li>" in each
    assert "RN18" not in entries


def test_the_notice_stands_on_every_page_of_the_challenge(platform):
    place = published(platform)
    place.submit("alice", "f1: 0.6\nseconds: 2", "f1: 0.8\nseconds: 4")
    pages = ["", "/phases", "/terms", "/leaderboard", "/submit", "/submissions", "/participants", "/alerts", "/join"]
    pages = [f"/challenges/tiny{page}" for page in pages] + ["/submissions/1", "/submissions/1/facts"]
    shown = NOTICE.replace("<", "&lt;").replace(">", "&gt;")
    for page in pages:
        who = "alice" if page.endswith("facts") else "olga"
        assert PageClient(platform, who).get(page).text.count(shown) == 1, page


def test_a_new_version_replaces_both(platform):
    place = published(platform)
    definition = yaml.safe_load(BUNDLE_FILES["competition.yaml"])
    definition["tasks"] = [{**definition["tasks"][0], "index": at, "name": f"Task {'AB'[at]}"} for at in (0, 1)]
    definition["leaderboards"] = [board()]
    definition["data_notice"] = "data_notice.txt"
    files = {**BUNDLE_FILES, "competition.yaml": yaml.safe_dump(definition), "data_notice.txt": "Real data: A."}
    files[FILE] = "method,task,f1,source,data\nNew,,0.1,S,real\n"
    answer = place.call("PUT", "/challenges/tiny", files={"file": ("b.zip", make_zip(files))})
    assert answer.status_code == 200, answer.text
    found = place.board()
    assert ([each["method"] for each in found["reference"]], found["data_notice"]) == (["New"], "Real data: A.")
    export = place.call("GET", "/challenges/tiny/export").content
    again = place.call("POST", "/challenges?slug=again&publish=true", files={"file": ("b.zip", export)})
    assert again.status_code == 201, again.text
    returned = place.call("GET", "/challenges/again/leaderboard").json()
    assert (returned["reference"], returned["data_notice"]) == (found["reference"], "Real data: A.")


def test_faults_of_the_file_are_told_with_their_lines(platform):
    place = published(platform)
    definition = yaml.safe_load(BUNDLE_FILES["competition.yaml"])
    definition["leaderboards"] = [board()]
    files = {**BUNDLE_FILES, "competition.yaml": yaml.safe_dump(definition), FILE: PUBLISHED}
    answer = place.call("PUT", "/challenges/tiny", files={"file": ("b.zip", make_zip(files))})
    assert answer.status_code == 422
    assert [(fault["file"], fault["line"]) for fault in answer.json()["faults"]] == [(FILE, 3), (FILE, 4), (FILE, 5)]


def test_mean_rank_over_tasks(platform):
    """By task: alice 2 and 3, bob 3 and 1, carol 4 and 2; dave is the first in one and lacks the other, so is last."""
    place = published(platform, columns=(F1, SECONDS, MEAN_RANK), primary=2)
    place.submit("alice", "f1: 0.9", "f1: 0.1")
    place.submit("bob", "f1: 0.8", "f1: 0.3")
    place.submit("carol", "f1: 0.7", "f1: 0.2")
    place.submit("dave", "f1: 0.99", None)
    found = place.board()
    shown = [(each["rank"], each["participant"], each["scores"].get("mean_rank")) for each in found["entries"]]
    assert shown == [(1, "bob", 2.0), (2, "alice", 2.5), (3, "carol", 3.0), (None, "dave", None)]
    assert all("mean_rank" not in scores for each in found["entries"] for scores in each["task_scores"].values())
    assert [each["scores"].get("f1") for each in found["reference"]] == [0.9, 0.6, None]
    page = PageClient(platform).get("/challenges/tiny/leaderboard").text.split('id="references"')[1]
    assert ("Mean rank" in page, "not ranked; largest F1 first" in page) == (False, True)


WIDE = [f"organ{letter}mnist" for letter in "abcdefghij"]


@pytest.fixture
def wide(platform):
    """Ten tasks with two columns each."""
    text = "method,task,f1,seconds,source,data\n" + "".join(
        f"RN{depth},{name},0.{depth}{at},{at},Yang et al. 2023,published\n"
        for depth in (18, 50)
        for at, name in enumerate(WIDE)
    )
    place = published(platform, text=text, names=WIDE)
    for name in ("alice", "bob"):
        place.submit(name, *(f"f1: 0.{len(name)}{at}\nseconds: {at}" for at in range(10)))
    return place


def test_a_wide_board_shows_one_column_of_all_tasks_at_a_time(platform, wide):
    client = PageClient(platform)
    page = client.get("/challenges/tiny/leaderboard").text
    assert ("by=f1" in page, "organamnist" in page) == (True, False)
    page = client.get("/challenges/tiny/leaderboard?by=seconds").text
    entries = page.split('id="references"')[0]
    assert entries.count('<td data-label="organ') == 2 * 10
    assert entries.count('data-label="organamnist · Seconds"') == 2
    assert 'by=seconds" aria-current="true"' in page
    assert client.get("/challenges/tiny/leaderboard?by=no").status_code == 404
    header = client.get("/challenges/tiny/leaderboard.csv?by=f1").text.splitlines()[0]
    assert header.count("mnist: ") == 20


def medici(place, *words: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "medici_platform.cli", *words],
        env={**os.environ, "MEDICI_URL": place.platform.url, "MEDICI_TOKEN": place.olga, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout + ended.stderr


@pytest.mark.slow
def test_the_command_prints_a_wide_board_task_by_task(wide):
    said = medici(wide, "leaderboard", "tiny", "--by-task")
    assert max(map(len, said.splitlines())) <= 90
    assert said.count("alice") == 1 + 10
    for name in WIDE:
        assert f"Task {name}" in said
    assert said.count("RN18") == 1 + 10
    assert "not ranked" in said
    assert NOTICE in said
    assert json.loads(medici(wide, "leaderboard", "tiny", "--json"))["reference"][0]["method"] == "RN50"


@pytest.mark.slow
def test_the_command_prints_a_narrow_board_in_one_table(platform):
    place = published(platform)
    place.submit("alice", "f1: 0.6\nseconds: 2", "f1: 0.8\nseconds: 4")
    said = medici(place, "leaderboard", "tiny")
    lines = [line for line in said.splitlines() if "alice" in line or "SVM" in line or "published" in line]
    assert said.index("alice") < said.index("Published results, not ranked") < said.index("SVM")
    assert len([line for line in lines if "SVM" in line]) == 1
