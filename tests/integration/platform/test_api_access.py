"""Who may call what: every endpoint of the API against every role. A new endpoint fails here until it has its line."""

import pytest

from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.rules import Role
from medici_platform.accounts.service import open_web_session
from medici_platform.app import create_app
from tests.factories.platform import RESULTS_ZIP, FakeWorker, import_bundle, join, running_platform, submit

ROLES = ("anonymous", "alice", "bob", "olga", "otto", "admin")
"""alice takes part and owns the submission, bob only signed up, olga organizes the challenge, otto another one."""

ANYBODY = dict.fromkeys(ROLES, 200)
SIGNED_IN = {**ANYBODY, "anonymous": 401}
ORGANIZERS = {"anonymous": 401, "alice": 403, "bob": 403, "olga": 200, "otto": 403, "admin": 200}
MINE = {"anonymous": 401, "alice": 200, "bob": 404, "olga": 200, "otto": 404, "admin": 200}
MINE_BUT_HIDDEN = {**MINE, "alice": 403}
ADMINS = {"anonymous": 401, "alice": 403, "bob": 403, "olga": 403, "otto": 403, "admin": 200}
ONLY_ORGANIZERS_OF_MINE = {**MINE, "alice": 403}
ONLY_MINE = {**MINE, "olga": 403, "admin": 403}

UPLOAD = {"files": {"file": ("a.zip", RESULTS_ZIP)}}

MATRIX = {
    ("POST", "/api/v1/users"): ({**ANYBODY}, {"json": {"username": "x", "password": "y"}}, 422),
    ("POST", "/api/v1/tokens"): ({**ANYBODY}, {"json": {"username": "nobody", "password": "y"}}, 401),
    ("GET", "/api/v1/tokens"): (SIGNED_IN, {}, None),
    ("DELETE", "/api/v1/tokens/{token_id}"): ({**SIGNED_IN}, {}, 404),
    ("GET", "/api/v1/me"): (SIGNED_IN, {}, None),
    ("GET", "/api/v1/challenges"): (ANYBODY, {}, None),
    ("POST", "/api/v1/challenges"): (
        {"anonymous": 401, "alice": 403, "bob": 403, "olga": 200, "otto": 200, "admin": 200},
        UPLOAD,
        422,
    ),
    ("GET", "/api/v1/challenges/{slug}"): (ANYBODY, {}, None),
    ("POST", "/api/v1/challenges/{slug}/publish"): (ORGANIZERS, {}, None),
    ("GET", "/api/v1/challenges/{slug}/logo"): (ANYBODY, {}, None),
    ("GET", "/api/v1/challenges/{slug}/kit"): (ANYBODY, {}, None),
    ("PUT", "/api/v1/challenges/{slug}"): (ORGANIZERS, UPLOAD, 422),
    ("GET", "/api/v1/challenges/{slug}/export"): (ORGANIZERS, {}, None),
    ("GET", "/api/v1/challenges/{slug}/collaborators"): (ORGANIZERS, {}, None),
    ("PUT", "/api/v1/challenges/{slug}/collaborators/{username}"): (ORGANIZERS, {}, None),
    # The admin comes second, when alice is none any more.
    ("DELETE", "/api/v1/challenges/{slug}/collaborators/{username}"): ({**ORGANIZERS, "admin": 404}, {}, None),
    ("GET", "/api/v1/challenges/{slug}/pins"): (ORGANIZERS, {}, None),
    ("DELETE", "/api/v1/challenges/{slug}/phases/{index}/pins"): (ORGANIZERS, {}, None),
    ("GET", "/api/v1/challenges/{slug}/leaderboard"): (ANYBODY, {}, None),
    ("GET", "/api/v1/challenges/{slug}/participants"): (ORGANIZERS, {}, None),
    ("POST", "/api/v1/challenges/{slug}/participants/{username}/{decision}"): (ORGANIZERS, {}, None),
    ("GET", "/api/v1/challenges/{slug}/submissions"): (SIGNED_IN, {}, None),
    ("GET", "/api/v1/challenges/{slug}/quota"): (
        {"anonymous": 401, "alice": 200, "bob": 403, "olga": 403, "otto": 403, "admin": 403},
        {},
        None,
    ),
    ("POST", "/api/v1/challenges/{slug}/submissions"): (
        {"anonymous": 401, "alice": 201, "bob": 403, "olga": 403, "otto": 403, "admin": 403},
        UPLOAD,
        None,
    ),
    ("GET", "/api/v1/challenges/{slug}/submission-form"): (ANYBODY, {}, None),
    ("GET", "/api/v1/challenges/{slug}/public-submissions"): (ANYBODY, {}, None),
    ("POST", "/api/v1/challenges/{slug}/migrate"): (ORGANIZERS, {"params": {"to": "Practice"}}, 409),
    ("GET", "/api/v1/submissions/{submission_id}"): (MINE, {}, None),
    ("PATCH", "/api/v1/submissions/{submission_id}"): (ONLY_MINE, {"json": {"fact_sheet": {}}}, None),
    ("POST", "/api/v1/submissions/{submission_id}/publicity"): (ONLY_MINE, {"json": {"public": False}}, None),
    ("POST", "/api/v1/submissions/{submission_id}/start"): (ONLY_ORGANIZERS_OF_MINE, {}, 409),
    ("GET", "/api/v1/submissions/{submission_id}/file"): (MINE, {}, None),
    ("GET", "/api/v1/submissions/{submission_id}/runs"): (MINE, {}, None),
    ("GET", "/api/v1/submissions/{submission_id}/logs"): (MINE, {}, None),
    ("POST", "/api/v1/submissions/{submission_id}/cancel"): ({**MINE}, {}, 409),
    # The admin comes second, when the submission is queued already.
    ("POST", "/api/v1/submissions/{submission_id}/rescore"): ({**ONLY_ORGANIZERS_OF_MINE, "admin": 409}, {}, None),
    ("POST", "/api/v1/submissions/{submission_id}/rerun"): (ONLY_ORGANIZERS_OF_MINE, {}, 409),
    ("GET", "/api/v1/runs/{run_id}/outputs"): ({**MINE_BUT_HIDDEN}, {}, 404),
    ("GET", "/api/v1/runs/{run_id}/cases"): ({**MINE, "alice": 403}, {}, 404),
    ("GET", "/api/v1/runs/{run_id}/detailed-results"): ({**MINE, "alice": 403}, {}, 404),
    ("POST", "/api/v1/submissions/{submission_id}/leaderboard"): ({**MINE}, {}, 409),
    ("DELETE", "/api/v1/submissions/{submission_id}/leaderboard"): ({**MINE}, {}, 409),
    ("GET", "/api/v1/entries/{entry_id}/detailed-results"): ({**ANYBODY}, {}, 404),
    ("GET", "/api/v1/challenges/{slug}/alerts"): (ORGANIZERS, {}, None),
    ("POST", "/api/v1/alerts/{alert_id}/dismiss"): (
        {"anonymous": 401, "alice": 404, "bob": 404, "olga": 200, "otto": 404, "admin": 200},
        {},
        404,
    ),
    ("GET", "/api/v1/workers"): (ADMINS, {}, None),
    ("POST", "/api/v1/workers"): (ADMINS, {"json": {"name": "bad name!"}}, 422),
    ("DELETE", "/api/v1/workers/{name}"): (ADMINS, {}, 404),
    ("POST", "/api/v1/challenges/{slug}/participants"): (SIGNED_IN, {}, 201),
}
"""(method, path) → (role → status, the call's options, what stands for 200 in this call)."""

VALUES = {"slug": "tiny", "submission_id": 1, "run_id": 1, "username": "alice", "decision": "approve"}
VALUES |= {"token_id": 999, "entry_id": 1, "alert_id": 1, "name": "nobody", "index": 0}


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    with running_platform(tmp_path_factory.mktemp("access"), sign_in_attempts="1000/minute") as platform:
        tokens = {"anonymous": None, "alice": platform.user("alice"), "bob": platform.user("bob")}
        tokens["olga"] = platform.user("olga", Role.ORGANIZER)
        tokens["otto"] = platform.user("otto", Role.ORGANIZER)
        tokens["admin"] = platform.user("root", Role.ADMIN)
        import_bundle(platform, tokens["olga"]).raise_for_status()
        join(platform, tokens["alice"])
        submit(platform, tokens["alice"]).raise_for_status()
        FakeWorker(platform, platform.worker()).score(platform.hints.hints[-1].run_id, "f1: 0.5")
        yield platform, tokens


def test_every_endpoint_has_its_line(setting):
    platform, _ = setting
    app = create_app(context=platform.context)
    known = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/api/v1")
    }
    assert known == set(MATRIX)


@pytest.mark.parametrize("endpoint", MATRIX, ids=" ".join)
def test_who_may(setting, endpoint):
    platform, tokens = setting
    method, path = endpoint
    expected, options, instead = MATRIX[endpoint]
    seen = {}
    for role in ROLES:
        with platform.client(tokens[role]) as client:
            seen[role] = client.request(method, path.format(**VALUES), **options).status_code
    assert seen == {role: instead if status == 200 and instead else status for role, status in expected.items()}


def test_a_draft_is_not_told_to_others(setting):
    platform, tokens = setting
    import_bundle(platform, tokens["otto"], publish=False, slug="draft").raise_for_status()
    seen = {}
    for role in ROLES:
        with platform.client(tokens[role]) as client:
            seen[role] = client.get("/api/v1/challenges/draft").status_code
    assert seen == {"anonymous": 404, "alice": 404, "bob": 404, "olga": 404, "otto": 200, "admin": 200}


def test_a_cookie_opens_safe_methods_of_the_api_alone(setting):
    platform, _ = setting
    with platform.context.database.write() as session:
        cookie = open_web_session(session, user_by_name(session, "alice"), now=platform.clock.now(), hours=1)
    with platform.client() as client:
        client.cookies.set("medici_session", cookie)
        assert client.get("/api/v1/me").json()["username"] == "alice"
        assert client.post("/api/v1/challenges/tiny/participants").status_code == 401
