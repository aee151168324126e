"""Further organizers: they do what the owner does, but do not decide who else organizes."""

import pytest

from medici_platform.accounts.rules import Role
from medici_platform.challenges.models import Phase
from tests.factories.platform import import_bundle, join
from tests.integration.platform.page_client import PageClient

PATH = "/api/v1/challenges/tiny"


@pytest.fixture
def people(platform):
    """A draft of olga's, with ann as her collaborator."""
    tokens = {"olga": platform.user("olga", Role.ORGANIZER), "ann": platform.user("ann"), "bob": platform.user("bob")}
    import_bundle(platform, tokens["olga"], publish=False).raise_for_status()
    with platform.client(tokens["olga"]) as client:
        answer = client.put(f"{PATH}/collaborators/Ann")
    assert answer.json() == {"owner": "olga", "collaborators": ["ann"]}
    return tokens


def test_a_collaborator_sees_the_draft_and_organizes(platform, people):
    with platform.client(people["ann"]) as client:
        assert [each["slug"] for each in client.get("/api/v1/challenges").json()["items"]] == ["tiny"]
        assert client.get(f"{PATH}/participants").status_code == 200
        assert client.get(f"{PATH}/export").status_code == 200
        assert client.post(f"{PATH}/publish").json()["published"] is True
    join(platform, people["bob"])
    with platform.client(people["ann"]) as client:
        assert client.post(f"{PATH}/participants/bob/deny").json()["status"] == "denied"
    page = PageClient(platform, "ann").get("/challenges/tiny").text
    assert "by olga, ann" in page
    assert "/challenges/tiny/participants" in page


def test_the_owner_alone_decides_who_organizes(platform, people):
    with platform.client(people["ann"]) as client:
        for answer in (client.put(f"{PATH}/collaborators/bob"), client.delete(f"{PATH}/collaborators/ann")):
            assert (answer.status_code, answer.json()["message"]) == (
                403,
                "Only the owner of this challenge decides who else organizes it.",
            )
    with platform.client(people["olga"]) as client:
        assert client.put(f"{PATH}/collaborators/nobody").status_code == 404
        assert client.put(f"{PATH}/collaborators/olga").status_code == 422
        assert client.put(f"{PATH}/collaborators/ann").json()["collaborators"] == ["ann"]
        assert client.delete(f"{PATH}/collaborators/ANN").json()["collaborators"] == []
        assert client.delete(f"{PATH}/collaborators/ann").status_code == 404
    with platform.client(people["ann"]) as client:
        assert client.get(PATH).status_code == 404


def test_pins_are_shown_and_cleared(platform, people):
    with platform.context.database.write() as session:
        session.get_one(Phase, 2).image_pins = {"medici/codalab:latest": "sha256:1"}
    with platform.client(people["ann"]) as client:
        assert client.get(f"{PATH}/pins").json() == [
            {"index": 0, "phase": "Practice", "pins": {}},
            {"index": 1, "phase": "Final", "pins": {"medici/codalab:latest": "sha256:1"}},
        ]
        assert "sha256:1" in PageClient(platform, "ann").get("/challenges/tiny/phases").text
        assert client.delete(f"{PATH}/phases/1/pins").json()["pins"] == {}
        assert [each["pins"] for each in client.get(f"{PATH}/pins").json()] == [{}, {}]
        assert client.delete(f"{PATH}/phases/7/pins").status_code == 404
