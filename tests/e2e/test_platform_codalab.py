"""Bundles of CodaLab 1.5 and Codabench as they are: imported, submitted to, scored and ranked, in real containers."""

import zipfile

import pytest

from tests.e2e.bundles import codabench, codalab15
from tests.e2e.bundles.codabench import CASES, CLINICS
from tests.e2e.programs import write_zip

pytestmark = pytest.mark.slow


def approve(platform, slug, *users):
    for user in users:
        assert platform.medici("join", slug, user=user).code == 0


@pytest.fixture(scope="module")
def people(platform):
    for name in ("bob", "carol"):
        if name not in platform.tokens:
            platform.create_user(name)
    return platform


# ---- CodaLab 1.5 ----

GRADING = {
    "Dockerfile": 'FROM python:3.8\nCOPY grade.py /\nCMD ["python", "/grade.py"]\n',
    "grade.py": (
        "grades = [int(g) for g in open('/mnt/in/grades.txt').read().split()]\n"
        "grades[0] += 1\n"
        "open('/mnt/out/grades.txt', 'w').write(' '.join(map(str, grades)))\n"
    ),
}
"""Reads the hidden test set, and errs once."""


@pytest.fixture(scope="module")
def grading(people):
    bundle = codalab15.write_bundle(people.folder / "codalab15")
    ended = people.medici("challenge", "import", bundle, "--publish", user="olga", json=True)
    assert ended.code == 0, ended.errors
    approve(people, ended.json["slug"], "alice", "bob", "carol")
    return ended.json


def test_what_the_import_of_a_15_bundle_reports(grading):
    assert grading["format"] == "CodaLab 1.5"
    said = "\n".join([*grading["ignored"], *grading["mapped"], *grading["notes"], *grading["remarks"]])
    for word in ("color", "computed", "nobody-here", "is_scoring_only"):
        assert word in said, f"{word} is not in the report:\n{said}"


def test_its_three_phases_follow_each_other(people, grading):
    phases = people.get(f"/challenges/{grading['slug']}")["phases"]
    told = [(phase["name"], phase["status"], phase["starts_at"], phase["ends_at"]) for phase in phases]
    assert told == [
        ("Practice", "ended", "2026-01-01T00:00:00Z", "2026-02-01T09:30:00Z"),
        ("Validation", "open", "2026-02-01T09:30:00Z", "2099-01-01T00:00:00Z"),
        ("Final", "upcoming", "2099-01-01T00:00:00Z", "2099-06-30T16:00:00Z"),
    ]


def test_its_board_ranks_by_the_mean_rank_of_the_columns(people, grading):
    slug = grading["slug"]
    docker = people.submit(GRADING, slug=slug)
    results = people.submit({"grades.txt": codalab15.grades(2)}, slug=slug, user="bob")
    far_off = people.submit({"grades.txt": codalab15.grades(1, by=9)}, slug=slug, user="carol")
    assert (docker["kind"], docker["state"], docker["scores"]) == (
        "container", "finished", {"score_1": 0.875, "score_2": 0.125},
    )  # fmt: skip
    assert (results["kind"], results["scores"]) == ("results", {"score_1": 0.75, "score_2": 0.25})
    assert far_off["scores"] == {"score_1": 0.875, "score_2": 1.125}
    board = people.medici("leaderboard", slug, json=True).json
    assert [(column["key"], column["sorting"]) for column in board["columns"]] == [
        ("AVERAGE", "asc"), ("score_1", "desc"), ("score_2", "asc"),
    ]  # fmt: skip
    # Dense ranks: score_1 gives alice 1, carol 1, bob 2; score_2 gives alice 1, bob 2, carol 3.
    assert [(entry["rank"], entry["participant"], entry["scores"]["AVERAGE"]) for entry in board["entries"]] == [
        (1, "alice", 1.0), (2, "bob", 2.0), (2, "carol", 2.0),
    ]  # fmt: skip


def test_its_pages_are_shown_cleaned_with_their_pictures(people, grading):
    slug = grading["slug"]
    with people.client(None) as client:
        base = people.url
        overview = client.get(f"{base}/challenges/{slug}").text
        docker_page = client.get(f"{base}/challenges/{slug}/pages/docker-submission").text
        picture = client.get(f"{base}/challenges/{slug}/files/logo.png")
    assert "Grade lesions." in overview
    assert "steal" not in overview
    assert f'src="/challenges/{slug}/files/logo.png"' in overview
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert "Upload a zip with a Dockerfile at its root." in docker_page


def test_a_collaborator_who_exists_organizes(people, grading):
    assert (
        people.medici("challenge", "export", grading["slug"], "-o", people.folder / "by-bob.zip", user="bob").code == 0
    )
    refused = people.medici("challenge", "export", grading["slug"], "-o", people.folder / "by-alice.zip", user="alice")
    assert refused.code != 0
    assert "organizers" in refused.errors


def test_what_is_exported_is_imported_again_as_the_same(people, grading, tmp_path):
    exported = tmp_path / "exported.zip"
    assert people.medici("challenge", "export", grading["slug"], "-o", exported, user="olga").code == 0
    again = people.medici("challenge", "import", exported, "--slug", "graded-again", user="olga", json=True)
    assert again.code == 0, again.errors
    second = tmp_path / "second.zip"
    assert people.medici("challenge", "export", "graded-again", "-o", second, user="olga").code == 0
    assert contents(second, but="graded-again") == contents(exported, but=grading["slug"])


def contents(path, *, but):
    """Name → bytes of every file, data zips as their own listing; the slug taken out."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).replace(but.encode(), b"SLUG") for name in archive.namelist()}


# ---- Codabench ----


@pytest.fixture(scope="module")
def clinics(people):
    bundle = codabench.write_bundle(people.folder / "codabench")
    ended = people.medici("challenge", "import", bundle, "--publish", user="olga", json=True)
    assert ended.code == 0, ended.errors
    approve(people, ended.json["slug"], "alice", "bob", "carol")
    return ended.json


def hand_in(platform, slug, files, *facts, user):
    archive = write_zip(platform.folder / f"code-{user}.zip", files)
    ended = platform.medici("submit", slug, archive, "--wait", *facts, user=user, json=True)
    assert ended.output, ended.errors
    return ended.json


def test_three_tasks_under_an_ingestion_program(people, clinics):
    slug = clinics["slug"]
    assert clinics["format"] == "Codabench 2"
    assert any(line.startswith("ignored: queue") or "queue" in line for line in clinics["ignored"] + clinics["notes"])
    first = hand_in(people, slug, codabench.model(0.25), "--fact", "method=threshold", user="alice")
    assert (first["kind"], first["state"]) == ("code", "finished"), first
    assert {run["task"]: run["scores"]["accuracy"] for run in people.runs(first["id"])} == {
        f"Clinic {clinic.upper()}": accuracy for clinic, accuracy in codabench.accuracies(0.25).items()
    }
    second = hand_in(
        people, slug, codabench.model(0.5, fails_below=0), "--fact", "method=half", "--fact", "family=tree", user="bob"
    )
    states = {run["task"]: (run["state"], run["failure"]) for run in people.runs(second["id"], user="bob")}
    assert states == {
        "Clinic A": ("finished", None), "Clinic B": ("finished", None), "Clinic C": ("failed", "run_failed"),
    }  # fmt: skip
    assert second["state"] == "finished"
    assert "Clinic C" in second["message"]
    board = people.medici("leaderboard", slug, json=True).json
    assert [(entry["rank"], entry["participant"]) for entry in board["entries"]] == [(1, "alice"), (None, "bob")]
    expected = codabench.accuracies(0.25)
    assert {task: scores["accuracy"] for task, scores in board["entries"][0]["task_scores"].items()} == {
        str(index): expected[clinic] for index, clinic in enumerate("abc")
    }
    assert board["entries"][0]["scores"]["accuracy"] == pytest.approx(sum(expected.values()) / 3, abs=1e-12)
    half = codabench.accuracies(0.5)
    assert {task: scores["accuracy"] for task, scores in board["entries"][1]["task_scores"].items()} == {
        "0": half["a"], "1": half["b"],
    }  # fmt: skip
    assert board["entries"][0]["facts"]["method"] == "threshold"
    number = board["entries"][0]["id"]
    assert board["entries"][0]["detailed_results"] == [
        f"/api/v1/entries/{number}/detailed-results?task={index}" for index in range(3)
    ]


def test_a_missing_required_answer_is_refused_and_costs_nothing(people, clinics):
    archive = write_zip(people.folder / "code-carol.zip", codabench.model(0.5))
    ended = people.medici("submit", clinics["slug"], archive, user="carol")
    assert ended.code != 0
    assert "Method" in ended.errors
    assert people.get(f"/challenges/{clinics['slug']}/quota", user="carol")["used_total"] == 0


def test_one_task_is_run_again(people, clinics):
    number = hand_in(people, clinics["slug"], codabench.model(0.5), "--fact", "method=again", user="carol")["id"]
    before = {run["task"]: run["attempt"] for run in people.runs(number, user="carol")}
    assert people.medici("rerun", number, "--task", 1, user="olga").code == 0
    people.await_end(number, user="carol")
    after = {run["task"]: run["attempt"] for run in people.runs(number, user="carol")}
    assert after == {**before, "Clinic B": before["Clinic B"] + 1}


def test_predictions_are_scored_though_an_ingestion_program_stands_before_the_scoring(people, clinics):
    """It finds no model in them and fails; the clinics whose cases they fit are scored."""
    predictions = {"predictions.txt": "\n".join("1" * 8)}
    number = hand_in(people, clinics["slug"], predictions, "--fact", "method=none", user="carol")["id"]
    ended = people.await_end(number, user="carol")
    assert (ended["kind"], ended["state"]) == ("code", "finished")
    told = {run["task"]: (run["failure"], run["scores"].get("accuracy")) for run in people.runs(number, user="carol")}
    true = {clinic: sum(case > CLINICS[clinic] for case in CASES if case > 0) / 8 for clinic in "ab"}
    assert told == {"Clinic A": (None, true["a"]), "Clinic B": (None, true["b"]), "Clinic C": ("scoring_failed", None)}


def test_a_program_that_fails_under_the_ingestion_program_is_the_participants(people, clinics):
    files = {"main.py": "", "predictions.txt": "1"}
    number = hand_in(people, clinics["slug"], files, "--fact", "method=none", user="carol")["id"]
    ended = people.await_end(number, user="carol")
    assert (ended["kind"], ended["state"], ended["failure"]) == ("code", "failed", "run_failed")


def test_dry_run_tells_all_and_stores_nothing(people, tmp_path):
    bundle = codabench.write_bundle(tmp_path / "dry")
    before = people.stored()
    ended = people.medici("challenge", "import", bundle, "--slug", "dry", "--dry-run", user="olga", json=True)
    assert ended.code == 0, ended.errors
    assert ended.json["format"] == "Codabench 2"
    assert people.stored() == before
    assert people.medici("challenge", "show", "dry", user="olga").code != 0


def test_a_broken_bundle_names_every_fault_with_its_line(people, tmp_path):
    bundle = codalab15.write_bundle(tmp_path / "broken")
    text = (bundle / "competition.yaml").read_text()
    text = text.replace("start_date: 2026-01-01\n", "start_date: someday\n").replace("terms.html", "missing.html")
    text = text.replace("fields: score_1, score_2", "fields: score_1, score_9").replace(
        "phasenumber: 2", "phasenumber: x"
    )
    (bundle / "competition.yaml").write_text(text)
    ended = people.medici("challenge", "import", bundle, user="olga")
    assert ended.code != 0
    lines = text.splitlines()
    for part in ("someday", "missing.html", "score_9", "phasenumber: x"):
        number = next(place for place, line in enumerate(lines, start=1) if part in line)
        assert f"competition.yaml:{number}" in ended.errors, f"{part}: {ended.errors}"
    assert "Traceback" not in ended.errors
