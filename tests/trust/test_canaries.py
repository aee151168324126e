"""A submission that tells what it finds, wherever it can: nobody but the organizers reads any of it."""

from collections import Counter

import pytest

from tests.e2e.programs import write_bundle
from tests.e2e.stack import stack
from tests.trust import planted
from tests.trust.planted import ENDS, HIDDEN, OPEN, PHASES, SCORER, SECRET_CANARIES, SECRET_NAMES, SLUG, SUBMISSIONS
from tests.trust.surfaces import addresses, read_all

pytestmark = pytest.mark.slow

READERS = (None, "bob", "alice", "olga")
"""Nobody signed in, another participant, the submissions' own participant, the organizer."""


@pytest.fixture(scope="module")
def platform(docker_engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    with stack(folder / "stack") as running:
        bundle = write_bundle(folder / "bundle", scorer=planted.SCORER_CODE, **planted.keys())
        planted.plant(bundle)
        ended = running.medici("challenge", "import", bundle, "--publish", user="olga")
        assert ended.code == 0, ended.errors
        running.create_user("bob")
        for name in ("alice", "bob"):
            assert running.medici("join", SLUG, user=name).code == 0
        yield running


@pytest.fixture(scope="module")
def numbers(platform):
    """(Phase, submission) → its number, after its end."""
    made = {
        (phase, name): platform.hand_in(files, slug=SLUG, phase=phase)
        for phase in PHASES
        for name, files in SUBMISSIONS.items()
    }
    for number in made.values():
        platform.await_end(number, within_s=600)
    return made


@pytest.fixture(scope="module")
def values(platform, numbers):
    """What every parameter of an address can stand for."""
    with platform.client("olga") as client:
        boards = [
            client.get(f"/challenges/{SLUG}/leaderboard", params={"phase": phase}).json()["entries"] for phase in PHASES
        ]
    runs = [run["id"] for number in numbers.values() for run in platform.runs(number, user="olga")]
    return {
        "slug": [SLUG],
        "submission_id": list(numbers.values()),
        "run_id": runs,
        "entry_id": [entry["id"] for entries in boards for entry in entries],
        "index": range(3),
        "page_slug": ["overview"],
        "path": ["logo.png", "competition.yaml", "input_data/1", "reference_data/1", "scoring_program/score.py"],
        "role": ["submission", "outputs", "input_data", "reference_data", "scoring_program"],
        "page": [1, 2],
        "per_page": [200],
        "phase": PHASES,
        "board": ["main"],
        "by": ["f1"],
        "task": [0, 1],
        "after": [0],
        "attempt": [1],
        "copy": ["participant", "organizers"],
        "public": ["true"],
        "changed": ["true"],
        "submissions": ["true"],
        "next": ["/account"],
    }


@pytest.fixture(scope="module")
def surfaces(platform, values, tmp_path_factory):
    asked = [address for each in addresses(tmp_path_factory.mktemp("routes")) for address in each.filled(values)]
    found = []
    for reader in READERS:
        with platform.client(reader) as client:
            client.base_url = platform.url
            found += read_all(reader or "anonymous", client, asked)
    return found


def leaks_in(surfaces, secrets):
    """(Reader, address, secret, form) of everything that was found."""
    looked_for = [
        (secret, name, text) for secret in secrets for name, texts in planted.forms(secret).items() for text in texts
    ]
    return [
        (each.reader, each.address, secret, name)
        for each in surfaces
        for secret, name, text in looked_for
        if text in each.content
    ]


def test_they_end_as_they_should(platform, numbers):
    for phase in PHASES:
        ends = {name: platform.submission(numbers[phase, name])["failure"] for name in SUBMISSIONS}
        assert ends == ENDS, phase


def test_no_participant_reads_a_canary_or_a_hidden_name(surfaces, trust):
    secrets = (*SECRET_CANARIES, *SECRET_NAMES)
    read = [each for each in surfaces if each.reader != "olga"]
    leaks = leaks_in(read, secrets)
    forms = sum(len(texts) for secret in secrets for texts in planted.forms(secret).values())
    trust.note(
        f"canaries: {len(read)} answers to 3 readers at {len({each.address for each in read})} addresses, "
        f"{len(secrets)} secrets in {forms} forms",
        f"found {len(leaks)}",
    )
    assert leaks == []
    answered = Counter(each.reader for each in read if each.status == 200)
    assert min(answered[reader] for reader in ("anonymous", "bob", "alice")) > 30


def test_the_organizer_finds_all_of_them(surfaces, trust):
    """What the test above looks for is there to be found, in the same answers."""
    own = [each for each in surfaces if each.reader == "olga"]
    leaks = leaks_in(own, (*SECRET_CANARIES, *SECRET_NAMES))
    found = {secret for _, _, secret, _ in leaks}
    forms = {form for _, _, secret, form in leaks if secret == HIDDEN.content}
    trust.note(
        "canaries: the same answers to the organizer", f"{len(leaks)} found at {len({a for _, a, _, _ in leaks})}"
    )
    assert found == {*SECRET_CANARIES, *SECRET_NAMES}
    assert forms == {"plain", "URL", "HTML", "JSON", "base64", "hex", "reversed"}


def test_open_data_are_open(surfaces, numbers):
    """The same submissions in the open phase: their participant reads there what their container read."""
    leaks = leaks_in([each for each in surfaces if each.reader == "alice"], (OPEN.content, OPEN.name))
    addresses_ = {address for _, address, _, _ in leaks}
    assert f"/api/v1/submissions/{numbers['Open', 'finished']}/logs" in addresses_
    assert f"/api/v1/challenges/{SLUG}/kit" in addresses_


def test_the_tail_is_there_without_them(platform, numbers):
    for name in SUBMISSIONS:
        log = platform.get(f"/submissions/{numbers['Tail', name]}/logs")
        (tail,) = [piece["text"] for piece in log["pieces"] if piece["stage"] == "running"]
        assert tail.count("[withheld]") > 5, name
        silent = platform.get(f"/submissions/{numbers['Silent', name]}/logs")
        assert [piece for piece in silent["pieces"] if piece["stage"] != "preparing"] == []


def test_the_command_line_tells_none(platform, numbers, trust):
    said = [platform.medici("watch", number, user="alice") for number in numbers.values()]
    said += [platform.medici("leaderboard", SLUG, "--phase", phase, user="alice") for phase in PHASES]
    texts = [(each.output + each.errors).lower().encode() for each in said]
    secrets = (*SECRET_CANARIES, *SECRET_NAMES)
    found = [
        text
        for secret in secrets
        for forms in planted.forms(secret).values()
        for form in forms
        for text in texts
        if form in text
    ]
    trust.note(f"canaries: {len(texts)} commands of a participant", f"found {len(found)}")
    assert found == []
    assert sum(b"[withheld]" in text for text in texts) >= len(SUBMISSIONS)


def test_the_organizers_are_told(platform, numbers):
    with platform.client("olga") as client:
        alerts = client.get(f"/challenges/{SLUG}/alerts", params={"per_page": 200}).json()["items"]
    told = {each["submission"] for each in alerts if each["kind"] == "canary_found"}
    assert told >= {number for (phase, _), number in numbers.items() if phase != "Open"}
    assert not any(
        secret in each["message"]
        for each in alerts
        for secret in (HIDDEN.content, OPEN.truth)
        if each["kind"] == "canary_found"
    )
    assert SCORER not in " ".join(each["message"] for each in alerts if each["kind"] == "canary_found")
