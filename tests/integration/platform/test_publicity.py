import pytest

from tests.factories.platform import RESULTS_ZIP
from tests.integration.platform.page_client import PageClient
from tests.integration.platform.stage import set_stage


@pytest.fixture
def stage(platform):
    return set_stage(platform)


def publish(stage, number, token, *, public=True):
    return stage.post(f"/submissions/{number}/publicity", token, json={"public": public})


def downloads(stage, number):
    """Status for its participant, for another user, and for somebody who has not signed in."""
    statuses = []
    for token in (stage.alice, stage.bob, None):
        with stage.platform.client(token) as client:
            statuses.append(client.get(f"/api/v1/submissions/{number}/file").status_code)
    return statuses


def test_a_participant_gives_a_file_to_everybody_and_takes_it_back(stage):
    stage.bob = stage.platform.user("bob")
    number = stage.submit().json()["id"]
    assert downloads(stage, number) == [200, 404, 401]
    assert publish(stage, number, stage.alice).json()["is_public"] is True
    assert downloads(stage, number) == [200, 200, 200]
    assert stage.get(f"/submissions/{number}", stage.bob).status_code == 404
    with stage.platform.client() as client:
        assert client.get(f"/api/v1/submissions/{number}/file").content == RESULTS_ZIP
        listed = client.get("/api/v1/challenges/tiny/public-submissions").json()["items"]
    assert [(item["id"], item["participant"], item["kind"]) for item in listed] == [(number, "alice", "results")]
    publish(stage, number, stage.alice, public=False)
    assert downloads(stage, number) == [200, 404, 401]


def test_nobody_else_may(stage):
    number = stage.submit().json()["id"]
    assert publish(stage, number, stage.olga).status_code == 403
    assert publish(stage, number, stage.platform.user("bob")).status_code == 404


def test_where_the_organizers_do_not_want_it(platform):
    stage = set_stage(platform, can_participants_make_submissions_public=False)
    number = stage.submit().json()["id"]
    refused = publish(stage, number, stage.alice)
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "The organizers of this challenge do not let participants make submissions public.",
    )


def test_public_submissions_of_a_draft_are_not_told(stage):
    number = stage.submit().json()["id"]
    publish(stage, number, stage.alice)
    stage.bob = stage.platform.user("bob")
    with stage.platform.context.database.write() as session:
        session.connection().exec_driver_sql("UPDATE challenge SET published_at = NULL")
    assert downloads(stage, number)[1:] == [404, 401]


def test_the_page_lists_them_page_by_page(stage):
    numbers = [stage.submit().json()["id"] for _ in range(3)]
    for number in numbers:
        publish(stage, number, stage.alice)
    stage.platform.user("bob")
    page = PageClient(stage.platform, "bob")
    first = page.get("/challenges/tiny/submissions?public=true&per_page=2").text
    second = page.get("/challenges/tiny/submissions?public=true&per_page=2&page=2").text
    links = [f'href="/api/v1/submissions/{number}/file"' for number in numbers]
    assert [link in first for link in links] == [False, True, True]
    assert [link in second for link in links] == [True, False, False]
    assert 'href="/challenges/tiny/submissions?public=true&amp;page=2&amp;per_page=2"' in first
    assert links[0] not in page.get("/challenges/tiny/submissions").text
