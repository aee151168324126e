"""Images made elsewhere: archives of `docker save`, references with a digest, and images that a phase is pinned to."""

import gzip
import lzma
import textwrap
from io import BytesIO

import pytest

from tests.e2e import programs
from tests.e2e.stack import engine
from tests.registry import registry

pytestmark = pytest.mark.slow

NAME = "medici-test-saved-image"


def made_image(client, value, tag):
    """An image that answers `value`, made as a participant would at home; returns its id."""
    folder_dockerfile = textwrap.dedent(
        f"""\
        FROM medici/base:latest
        CMD ["sh", "-c", "echo {value} > /mnt/out/answer.txt"]
        """
    )

    image, _ = client.images.build(fileobj=BytesIO(folder_dockerfile.encode()), tag=f"{NAME}:{tag}")
    return image


@pytest.fixture(scope="module")
def client(docker_engine):
    with engine() as client:
        yield client
        for image in client.images.list(NAME):
            for tag in image.tags:
                client.images.remove(tag)


def forgotten(client, image):
    """The image is not on this engine any more, as when it was made on another machine."""
    saved = b"".join(client.images.get(image.id).save(named=True))
    for tag in client.images.get(image.id).tags:
        client.images.remove(tag)
    return saved


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.xz"])
def test_a_saved_image_is_run(platform, client, suffix):
    saved = forgotten(client, made_image(client, 0.625, suffix))
    packed = {"tar": bytes, "tar.gz": gzip.compress, "tar.xz": lambda content: lzma.compress(content, preset=0)}
    archive = platform.folder / f"image.{suffix}"
    archive.write_bytes(packed[suffix](saved))
    ended = platform.medici("submit", "tiny", archive, "--wait", user="alice", json=True)
    assert (ended.json["kind"], ended.json["state"], ended.json["scores"]) == (
        "image", "finished", {"f1": 0.625, "seconds": 2.0},
    ), ended.json  # fmt: skip


def test_a_saved_image_takes_no_name_of_the_platforms(platform, client):
    before = client.images.get("medici/python:latest").id
    image = made_image(client, 0.5, "disguised")
    image.tag("medici/disguise", "latest")
    saved = b"".join(client.images.get(image.id).save(named="medici/disguise:latest"))
    for tag in (f"{NAME}:disguised", "medici/disguise:latest"):
        client.images.remove(tag)
    archive = platform.folder / "disguised.tar"
    archive.write_bytes(saved.replace(b"medici/disguise:latest", b"medici/python:latest  "))
    ended = platform.medici("submit", "tiny", archive, "--wait", user="alice", json=True)
    assert ended.json["state"] == "finished", ended.json
    assert client.images.get("medici/python:latest").id == before
    assert client.images.list("medici/disguise") == []


@pytest.fixture(scope="module")
def served():
    with registry() as running:
        yield running


@pytest.fixture(scope="module")
def by_reference(platform, served):
    phases = [programs.phase(0, "Final", allowed_images=[f"{served.address}/team/*"], accepts=["image", "results"])]
    slug = platform.import_challenge(platform.folder / "by-ref", slug="by-ref", title="By reference", phases=phases)
    assert platform.medici("join", slug, user="alice").code == 0
    return slug


def test_an_image_by_reference_is_pulled_and_run(platform, client, served, by_reference):
    image = made_image(client, 0.375, "ref")
    reference = served.serve(client, image.id, "team/model")
    forgotten(client, image)
    ended = platform.medici("submit", by_reference, "--image", reference, "--wait", user="alice", json=True)
    assert (ended.json["kind"], ended.json["state"], ended.json["scores"]) == (
        "image", "finished", {"f1": 0.375, "seconds": 2.0},
    ), ended.json  # fmt: skip
    assert any("/blobs/" in path for path in served.asked)


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        ("{address}/team/model:latest", "digest"),
        ("{address}/others/model@sha256:" + "0" * 64, "team/*"),
        ("ubuntu@sha256:" + "0" * 64, "team/*"),
        ("http://169.254.169.254/latest", "digest"),
    ],
)
def test_a_reference_that_is_not_allowed_costs_nothing(platform, served, by_reference, reference, word):
    before = platform.get(f"/challenges/{by_reference}/quota")["used_total"]
    ended = platform.medici("submit", by_reference, "--image", reference.format(address=served.address), user="alice")
    assert ended.code != 0
    assert word in ended.errors, ended.errors
    assert "Traceback" not in ended.errors
    assert platform.get(f"/challenges/{by_reference}/quota")["used_total"] == before


def test_a_reference_to_nothing_fails_with_a_sentence(platform, served, by_reference):
    reference = f"{served.address}/team/absent@sha256:{'0' * 64}"
    ended = platform.medici("submit", by_reference, "--image", reference, "--wait", user="alice", json=True)
    assert (ended.json["state"], ended.json["failure"]) == ("failed", "image_refused"), ended.json


def test_a_phase_keeps_the_image_that_its_first_run_used(platform, client, served):
    """The scorer's image changes behind its tag; the phase goes on with the one that it began with."""
    one = scorer_image(client, "one")
    first = served.serve(client, one.id, "team/scorer", "1").partition("@")[2]
    forgotten(client, one)
    slug = platform.import_challenge(
        platform.folder / "pinned",
        slug="pinned",
        title="Pinned",
        docker_image=f"{served.address}/team/scorer:1",
        pull="always",
        scorer=WHICH_SCORER,
    )
    assert platform.medici("join", slug, user="alice").code == 0
    assert platform.submit({"answer.txt": "1"}, slug=slug)["scores"] == {"f1": 3.0}
    (final,) = [
        each for each in platform.medici("challenge", "pins", slug, user="olga", json=True).json if each["pins"]
    ]
    assert final["pins"] == {f"{served.address}/team/scorer:1": f"{served.address}/team/scorer@{first}"}
    three = scorer_image(client, "three")
    second = served.serve(client, three.id, "team/scorer", "1").partition("@")[2]
    assert second != first
    assert platform.submit({"answer.txt": "1"}, slug=slug)["scores"] == {"f1": 3.0}
    assert platform.medici("challenge", "pins", slug, "--clear", final["index"], user="olga").code == 0
    assert platform.submit({"answer.txt": "1"}, slug=slug)["scores"] == {"f1": 5.0}


WHICH_SCORER = """
import os, pathlib, sys
(pathlib.Path(sys.argv[2]) / "scores.txt").write_text(f"f1: {len(os.environ['WHICH'])}")
"""


def scorer_image(client, which):

    dockerfile = f"FROM medici/python:latest\nENV WHICH={which}\n"
    return client.images.build(fileobj=BytesIO(dockerfile.encode()), tag=f"{NAME}:scorer-{which}")[0]
