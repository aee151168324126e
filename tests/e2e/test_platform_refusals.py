"""Bad input over the API and the command line: one clear sentence, and nothing stored."""

import socket
import sqlite3
from dataclasses import dataclass

import pytest

from tests.e2e.programs import answering, bomb, phase
from tests.e2e.stack import until
from tests.factories.platform import make_zip

pytestmark = pytest.mark.slow

EXPECTED = (
    "a submission holds a Dockerfile at its root (it is built and run), or predictions such as .csv, .json, .txt, "
    ".npz, .nii.gz or .png files (they are scored as they are)"
)
NO_ZIP = (
    "The file is plain text; upload a zip with it (a text that holds nothing but registry/name@sha256:… submits that "
    "image)."
)
ZIPS = {
    "no zip": (b"file,class\n", NO_ZIP),
    "cut off": (
        make_zip(answering(0.5))[:-10],
        "The file is a broken zip: its end is missing, perhaps because an upload stopped; send it again.",
    ),
    "empty zip": (make_zip({}), "The zip is empty; put files into it."),
    "neither Dockerfile nor predictions": (
        make_zip({"main.py": "print(1)\n", "README.md": "# Mine\n"}),
        f"The zip holds neither a Dockerfile nor predictions, only 'main.py', 'README.md'; {EXPECTED}.",
    ),
    "Dockerfile in a folder": (
        make_zip({"a/Dockerfile": "FROM medici/python\n", "b/x.csv": "1"}),
        "The Dockerfile was found at 'a/Dockerfile'; it must be at the root of the zip.",
    ),
    "zip-slip": (
        make_zip({"../../etc/cron.d/x": "x", "answer.txt": "0.5"}),
        "Entry '../../etc/cron.d/x' climbs out of the archive with '..'; make the zip from inside the folder.",
    ),
    "absolute name": (
        make_zip({"/etc/passwd": "x", "answer.txt": "0.5"}),
        "Entry '/etc/passwd' has an absolute path; make the zip from inside the folder.",
    ),
    "bomb": (
        bomb(),
        (
            "With entry 'answer.txt' the zip unpacks to more than 300 times its own size, as archives made to fill "
            "disks do; store large arrays in a compressed format."
        ),
    ),
}
GOOD = make_zip(answering(0.5))


@dataclass(frozen=True)
class Refusal:
    """What is sent where and by whom, and how it is answered."""

    status: int
    code: str
    message: str
    content: bytes = GOOD
    slug: str = "tiny"
    phase: str | None = None
    token: str | None = "alice"
    """A user's name, or a token that is nobody's; None: no token."""

    def options(self) -> list[str]:
        return ["--phase", self.phase] if self.phase else []


CODE = make_zip({"Dockerfile": 'FROM medici/python:latest\nCMD ["true"]\n'})
REFUSALS = {
    **{name: Refusal(422, "archive_rejected", message, content) for name, (content, message) in ZIPS.items()},
    "empty file": Refusal(422, "no_file", "The file is empty: it holds not a single byte.", b""),
    "closed phase": Refusal(
        403, "phase_closed", "The phase 'Closed' is closed: it ended on 2026-01-02 00:00 UTC.", phase="Closed"
    ),
    "unknown phase": Refusal(
        404, "not_found", "The challenge 'tiny' has no phase 'Nope': it has Closed, Final.", phase="Nope"
    ),
    "quota used up": Refusal(
        409, "submission_limit_reached", "You have used all 1 submissions of the phase 'Final'.", slug="used-up"
    ),
    "kind not accepted": Refusal(
        400,
        "kind_not_accepted",
        "This is a container submission (a zip with a Dockerfile), which the phase 'Final' does not take: it takes a "
        "result submission (a zip with predictions).",
        CODE,
        slug="results-only",
    ),
    "unknown challenge": Refusal(
        404,
        "not_found",
        "There is no challenge named 'nope': `medici challenge list` shows what there is.",
        slug="nope",
    ),
    "not joined": Refusal(
        403,
        "not_joined",
        "You have not joined this challenge: accept its terms on its page, or run `medici join tiny`.",
        token="root",
    ),
    "bad token": Refusal(
        401,
        "bad_token",
        "The token is unknown, expired or revoked: make a new one on your account page.",
        token="medici_nobodys",
    ),
}


@pytest.fixture(scope="module")
def places(platform):
    """Challenges to be refused by, set up before anything is counted."""
    used_up = [phase(0, "Final", max_submissions=1, max_submissions_per_day=1)]
    for slug, phases in {"used-up": used_up, "results-only": [phase(0, "Final", accepts=["results"])]}.items():
        platform.import_challenge(platform.folder / slug, slug=slug, title=slug, phases=phases)
        assert platform.medici("join", slug, user="alice").code == 0
    platform.run_files(answering(0.5), slug="used-up")
    platform.create_user("bob")
    return platform


def state(platform):
    """All that an upload could leave: files of the storage, rows of the database, files of a moment."""
    with sqlite3.connect(f"file:{platform.data / 'medici.sqlite3'}?mode=ro", uri=True) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        passing = {"clock_lease", "worker"}
        counts = {
            table: database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - its own tables
            for table in tables
            if table not in passing
        }
    database.close()
    return platform.stored(), counts


@pytest.fixture
def unchanged(places):
    before = state(places)
    yield places
    assert state(places) == before


@pytest.mark.parametrize("name", REFUSALS)
def test_over_the_api(unchanged, name):
    refusal = REFUSALS[name]
    token = unchanged.tokens.get(refusal.token, refusal.token)
    params = {"phase": refusal.phase} if refusal.phase else {}
    with unchanged.client(None) as client:
        answer = client.post(
            f"/challenges/{refusal.slug}/submissions",
            params=params,
            files={"file": ("mine.zip", refusal.content)},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert (answer.status_code, answer.json()) == (refusal.status, {"code": refusal.code, "message": refusal.message})


@pytest.mark.parametrize("name", REFUSALS)
def test_over_the_command_line(unchanged, tmp_path, name):
    refusal = REFUSALS[name]
    archive = tmp_path / "mine.zip"
    archive.write_bytes(refusal.content)
    token = unchanged.tokens.get(refusal.token, refusal.token)
    ended = unchanged.medici("submit", refusal.slug, archive, "--wait", *refusal.options(), token=token)
    recognised = RECOGNISED if name in TOLD_FIRST else ""
    assert (ended.code, ended.output, ended.errors) == (1, "", f"{recognised}Error: {refusal.message}\n")


def test_as_json(unchanged, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(b"no zip")
    ended = unchanged.medici("submit", "tiny", archive, user="alice", json=True)
    assert (ended.code, ended.errors) == (1, "")
    assert ended.json == {
        "id": None,
        "state": "refused",
        "failure": "archive_rejected",
        "message": NO_ZIP,
        "scores": {},
    }


RECOGNISED = "mine.zip is a result submission: a zip with predictions (1 file, 3 bytes).\n"
TOLD_FIRST = {"closed phase", "quota used up", "not joined"}
"""What the command has recognised is said before the platform refuses."""
COMMANDS = {
    "no file": (["submit", "tiny", "nowhere.zip"], "alice", "There is no file nowhere.zip."),
    "no token": (["join", "tiny"], None, "No token: set MEDICI_TOKEN to a token from your account page."),
    "somebody else's submission": (["watch", "1"], "bob", "You have no submission 1."),
    "unknown submission": (["cancel", "999999"], "alice", "You have no submission 999999."),
    "unknown board": (
        ["leaderboard", "nope"],
        "alice",
        "There is no challenge named 'nope': `medici challenge list` shows what there is.",
    ),
    "no organizer": (
        ["challenge", "import", "bundle"],
        "alice",
        "Only organizers may create challenges: ask an administrator for that role.",
    ),
    "no administrator": (["worker", "enroll", "mine"], "olga", "Only administrators may do this."),
    "slug that is taken": (
        ["challenge", "import", "bundle"],
        "olga",
        (
            "A challenge named 'tiny' exists already: give this one another `slug`, or pass --slug NAME; --update "
            "makes it a new version of that one."
        ),
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_other_commands(unchanged, name):
    words, user, message = COMMANDS[name]
    ended = unchanged.medici(*words, user=user)
    assert (ended.code, ended.output, ended.errors) == (1, "", f"Error: {message}\n")


def test_a_platform_that_is_not_there(platform):
    ended = platform.medici("leaderboard", "tiny", MEDICI_URL="http://127.0.0.1:9")
    assert ended.code == 1
    assert ended.errors == (
        "Error: The platform at http://127.0.0.1:9 does not answer ([Errno 111] Connection refused): "
        "is MEDICI_URL right, and is it running?\n"
    )


def test_an_upload_that_breaks_off_leaves_nothing(unchanged):
    """The header promises more than comes."""
    boundary = "cut"
    head = (
        f"POST /api/v1/challenges/tiny/submissions HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {unchanged.tokens['alice']}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: 1000000\r\n\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.zip"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", unchanged.port)) as connection:
        connection.sendall(head.encode() + GOOD)
        until(lambda: any("incoming" in name for name in unchanged.stored()), "the platform receives it")
    until(lambda: not any("incoming" in name for name in unchanged.stored()), "what came is gone")
