"""From an uploaded zip to the leaderboard, on the embedded defaults, by real processes in real containers."""

import pytest

from tests.e2e.programs import COPYING, answering, answering_in_container, wrapped

pytestmark = pytest.mark.slow

SUBMISSION_KEYS = [
    "id", "challenge", "phase", "participant", "filename", "sha256", "size_bytes", "kind", "kind_sentence",
    "image_reference", "state", "waiting", "failure", "fault", "message", "scores", "costs_quota", "fact_sheet",
    "on_board", "is_public", "is_late", "origin_id", "submitted_at", "finished_at",
]  # fmt: skip
COLUMNS = [
    {"key": "f1", "title": "F1", "group": "", "sorting": "desc", "precision": 3, "primary": True, "computation": None},
    {"key": "seconds", "title": "Seconds", "group": "", "sorting": "asc", "precision": 1}
    | {"primary": False, "computation": None},
]


@pytest.fixture(scope="module")
def challenge(platform):
    """A challenge of this module's own, with two participants."""
    platform.create_user("bob")
    slug = platform.import_challenge(platform.folder / "path", slug="path", title="Path")
    for user in ("alice", "bob"):
        assert platform.medici("join", slug, user=user).code == 0
    return slug


def test_from_zips_to_the_board(platform, challenge):
    code = platform.submit(COPYING, slug=challenge)
    assert list(code) == SUBMISSION_KEYS
    told = {key: code[key] for key in ("challenge", "phase", "participant", "kind", "state", "failure", "fault")}
    assert told == {
        "challenge": challenge,
        "phase": "Final",
        "participant": "alice",
        "kind": "container",
        "state": "finished",
        "failure": None,
        "fault": None,
    }
    assert (code["message"], code["scores"], code["costs_quota"]) == ("", {"f1": 0.5, "seconds": 2.0}, True)

    results = platform.submit(answering(0.7), slug=challenge, user="bob")
    assert (results["kind"], results["state"], results["scores"]) == ("results", "finished", {"f1": 0.7, "seconds": 2})
    worse = platform.submit(answering(0.1), slug=challenge)
    assert worse["scores"] == {"f1": 0.1, "seconds": 2.0}

    ended = platform.medici("leaderboard", challenge, json=True)
    assert (ended.code, ended.errors) == (0, "")
    board = ended.json
    scored_at = [entry.pop("scored_at") for entry in board["entries"]]
    own = {"task_scores": {}, "facts": {}, "detailed_results": [], "file": None}
    assert len({entry.pop("id") for entry in board["entries"]}) == 2
    assert board == {
        "challenge": challenge,
        "phase": "Final",
        "title": "Results",
        "submission_rule": "Force_Best",
        "columns": COLUMNS,
        "tasks": [],
        "facts": [],
        "frozen_since": None,
        "data_notice": "",
        "reference": [],
        "entries": [
            {
                "rank": 1,
                "participant": "bob",
                "submission": results["id"],
                "submissions": 1,
                "scores": {"f1": 0.7, "seconds": 2.0},
                **own,
            },
            {
                "rank": 2,
                "participant": "alice",
                "submission": code["id"],
                "submissions": 2,
                "scores": {"f1": 0.5, "seconds": 2.0},
                **own,
            },
        ],
        "total": 2,
    }
    assert scored_at == [results["finished_at"], code["finished_at"]]


@pytest.mark.parametrize(
    ("files", "kind", "f1"),
    [(wrapped(answering_in_container(0.25)), "container", 0.25), (wrapped(answering(0.75)), "results", 0.75)],
    ids=["container", "results"],
)
def test_a_zip_that_wraps_its_files_in_a_folder(platform, files, kind, f1):
    ended = platform.run_files(files)
    assert (ended["kind"], ended["failure"], ended["scores"]) == (kind, None, {"f1": f1, "seconds": 2.0})


def test_what_the_participant_uploaded_comes_back_byte_for_byte(platform):
    archive = platform.folder / "submission.zip"
    number = platform.submit(wrapped(answering(0.4)))["id"]
    with platform.client() as client:
        assert client.get(f"/submissions/{number}/file").content == archive.read_bytes()


def test_a_run_tells_its_stages_and_its_one_attempt(platform):
    number = platform.run_files(COPYING)["id"]
    (run,) = platform.runs(number)
    assert sorted(run["stage_seconds"]) == ["preparing", "running", "scoring"]
    assert [(each["attempt"], each["worker"], each["outcome"]) for each in run["attempts"]] == [
        (1, "local", "finished")
    ]
    assert run["image_digest"].startswith("sha256:")
    assert (run["scores"], run["failure"], run["waiting"]) == ({"f1": 0.5, "seconds": 2.0}, None, None)
