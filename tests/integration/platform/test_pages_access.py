"""Who may open which page. A page route that is not in the matrix fails the test, and so does an entry without one."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi.routing import iter_route_contexts

from medici_platform.accounts.queries import active_tokens, user_by_name
from medici_platform.accounts.rules import Role
from medici_platform.accounts.service import issue_token
from medici_platform.app import create_app
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    PNG,
    RESULTS_ZIP,
    RunningPlatform,
    import_bundle,
    join,
    running_platform,
    submit,
)
from tests.integration.platform.page_client import PageClient

ROLES = (None, "alice", "bob", "olga", "omar", "ada")
"""Nobody, a participant, another user, the challenge's organizer, another organizer, an administrator."""

EVERYBODY = (200,) * 6
SIGNED_IN = (303, 200, 200, 200, 200, 200)
ITS_ORGANIZERS = (303, 403, 403, 200, 403, 200)
ITS_READERS = (303, 200, 404, 200, 404, 200)

GET = {
    "/": (303,) * 6,
    "/challenges": EVERYBODY,
    "/challenges/{slug}": EVERYBODY,
    "/challenges/{slug}/pages/{page_slug}": EVERYBODY,
    "/challenges/{slug}/terms": EVERYBODY,
    "/challenges/{slug}/phases": EVERYBODY,
    "/challenges/{slug}/files/{path:path}": EVERYBODY,
    "/challenges/{slug}/phases/{index}/public-data": EVERYBODY,
    "/challenges/{slug}/phases/{index}/starting-kit": EVERYBODY,
    "/challenges/{slug}/solutions/{index}": ITS_ORGANIZERS,
    "/challenges/{slug}/leaderboard": EVERYBODY,
    "/challenges/{slug}/leaderboard.csv": EVERYBODY,
    "/challenges/{slug}/join": SIGNED_IN,
    "/challenges/{slug}/submit": SIGNED_IN,
    "/challenges/{slug}/submissions": SIGNED_IN,
    "/challenges/{slug}/participants": ITS_ORGANIZERS,
    "/challenges/{slug}/alerts": ITS_ORGANIZERS,
    "/submissions/{submission_id}": ITS_READERS,
    "/submissions/{submission_id}/log": ITS_READERS,
    "/submissions/{submission_id}/facts": (303, 200, 404, 403, 404, 403),
    "/account": SIGNED_IN,
    "/sign-in": (200, 303, 303, 303, 303, 303),
    "/sign-up": (200, 303, 303, 303, 303, 303),
    "/admin/workers": (303, 403, 403, 403, 403, 200),
    "/api": EVERYBODY,
}

POST = {
    "/sign-in": (401,) * 6,  # no password is sent
    "/sign-up": (422,) * 6,
    "/sign-out": (303,) * 6,
    "/account/tokens": (401, 303, 303, 303, 303, 303),
    "/account/tokens/{token_id}/revoke": (401, 303, 404, 404, 404, 404),
    "/challenges/{slug}/publish": (401, 403, 403, 303, 403, 303),
    "/challenges/{slug}/participants/{username}/{decision}": (401, 403, 403, 303, 403, 303),
    "/challenges/{slug}/submit": (401, 303, 403, 403, 403, 403),
    "/challenges/{slug}/join": (401, 303, 303, 303, 303, 303),
    "/challenges/{slug}/alerts/{alert_id}/dismiss": (401, 403, 403, 404, 403, 404),  # there is no alert
    "/submissions/{submission_id}/leaderboard": (401, 409, 404, 409, 404, 409),  # the board keeps the best by itself
    "/submissions/{submission_id}/leaderboard/withdraw": (401, 409, 404, 409, 404, 409),
    "/submissions/{submission_id}/facts": (401, 303, 404, 403, 404, 403),
    "/submissions/{submission_id}/publicity": (401, 303, 404, 403, 404, 403),
    "/submissions/{submission_id}/start": (401, 403, 404, 409, 404, 409),
    "/submissions/{submission_id}/cancel": (401, 303, 404, 303, 404, 303),
    "/submissions/{submission_id}/rerun": (401, 403, 404, 303, 404, 303),
    "/submissions/{submission_id}/rescore": (401, 403, 404, 303, 404, 303),
}

FIELDS = {"/challenges/{slug}/join": {"accept": "yes"}, "/account/tokens": {"name": "laptop"}}

RICH = COMPETITION.replace(
    "phases:\n  - index: 0\n",
    "solutions: [{index: 0, path: solution, tasks: [0]}]\n"
    "phases:\n  - index: 0\n    public_data: public_data\n    starting_kit: kit\n",
)
FILES = {
    **BUNDLE_FILES,
    "overview.md": "![The scanner](pictures/scanner.png)",
    "pictures/scanner.png": PNG,
    "public_data/case.txt": "zero",
    "kit/run.py": "pass",
    "solution/answer.txt": "1",
}


@dataclass(frozen=True)
class Place:
    """A platform with one challenge, and Alice's token for more submissions."""

    platform: RunningPlatform
    alice: str

    def address(self, path: str, *, submission: int = 1, slug: str = "tiny") -> str:
        return path.replace("{path:path}", "pictures/scanner.png").format(
            slug=slug,
            index=0,
            page_slug="overview",
            submission_id=submission,
            token_id=self.new_token_id() if "{token_id}" in path else None,
            username="alice",
            decision="approve",
            alert_id=1,
        )

    def new_token_id(self) -> int:
        with self.platform.context.database.write() as session:
            alice = user_by_name(session, "alice")
            issue_token(session, alice, name="to be revoked", now=self.platform.clock.now())
            return active_tokens(session, alice)[-1].id

    def submit(self) -> int:
        answer = submit(self.platform, self.alice)
        answer.raise_for_status()
        number: int = answer.json()["id"]
        return number

    def end(self, submission: int) -> None:
        with self.platform.client(self.alice) as client:
            client.post(f"/api/v1/submissions/{submission}/cancel").raise_for_status()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("access")
    with running_platform(folder / "data", sign_in_attempts="1000/minute") as platform:
        olga = platform.user("olga", Role.ORGANIZER)
        platform.user("omar", Role.ORGANIZER)
        platform.user("ada", Role.ADMIN)
        platform.user("bob")
        alice = platform.user("alice")
        many = {
            **FILES,
            "competition.yaml": RICH.replace("_per_day: 5", "_per_day: 500").replace(": 10\n", ": 500\n"),
        }
        import_bundle(platform, olga, many).raise_for_status()
        draft = {**FILES, "competition.yaml": RICH.replace("slug: tiny", "slug: draft")}
        import_bundle(platform, olga, draft, publish=False).raise_for_status()
        join(platform, alice)
        place = Place(platform, alice)
        assert place.submit() == 1
        yield place


def page_routes() -> set[tuple[str, str]]:
    """All that the application answers outside the API."""
    operations = set()
    for route in iter_route_contexts(create_app().routes):
        path = route.path or ""
        if path.startswith(("/api/", "/static", "/healthz", "/readyz", "/metrics")):
            continue
        operations |= {(method, path) for method in route.methods or () if method != "HEAD"}
    return operations


def test_every_page_route_is_in_the_matrix(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDICI_DATA_DIR", str(tmp_path))
    assert page_routes() == {("GET", path) for path in GET} | {("POST", path) for path in POST}


@pytest.mark.parametrize("path", GET)
def test_reading(place, path):
    statuses = tuple(PageClient(place.platform, role).get(place.address(path)).status_code for role in ROLES)
    assert statuses == GET[path]


@pytest.mark.parametrize("path", [path for path in GET if "{slug}" in path])
def test_a_draft_exists_for_its_organizer_and_administrators_alone(place, path):
    statuses = {
        role: PageClient(place.platform, role).get(place.address(path, slug="draft")).status_code
        for role in ("alice", "bob", "olga", "omar", "ada")
    }
    assert statuses == {"alice": 404, "bob": 404, "olga": 200, "omar": 404, "ada": 200}


@pytest.mark.parametrize("path", POST)
def test_acting(place, path):
    assert tuple(_act(place, path, role) for role in ROLES) == POST[path]


@pytest.mark.parametrize("path", POST)
def test_no_form_is_taken_without_its_token(place, path):
    client = PageClient(place.platform, "alice")
    address = place.address(path)
    files = {"file": ("answer.zip", RESULTS_ZIP)} if path.endswith("/submit") else None
    answer = client.request("POST", address, data={"form_token": "0" * 64, **FIELDS.get(path, {})}, files=files)
    assert answer.status_code == 403
    assert "The form is out of date" in answer.text


def _act(place: Place, path: str, role: str | None) -> int:
    client = PageClient(place.platform, role)
    submission = place.submit() if "{submission_id}" in path else 1
    if path.endswith(("/rerun", "/rescore")):
        place.end(submission)
    address = place.address(path, submission=submission)
    if path.endswith("/submit"):
        return client.upload(address, RESULTS_ZIP).status_code
    return client.post(address, FIELDS.get(path)).status_code
