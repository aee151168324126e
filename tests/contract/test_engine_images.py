"""What every engine does alike with images: builds, pulls, saved ones, and what they say of themselves."""

import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medici_worker.containers import docker_users
from medici_worker.containers.archives import tar_end, tar_file, tar_folder
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.engine import (
    BuildBroken,
    BuildOrder,
    EngineError,
    ImageBroken,
    ImageUnavailable,
    StartRefused,
)
from medici_worker.containers.fake_engine import FakeEngine
from tests.contract.conftest import Harness, one_file
from tests.factories.worker import IMAGE


def test_an_image_that_is_not_there(harness):
    assert harness.engine.image("medici/no-such-image:1") is None
    assert harness.engine.image(IMAGE) is not None


def test_a_pull_that_fails_says_that_the_image_is_not_to_be_had(harness):
    with pytest.raises(ImageUnavailable):
        harness.engine.pull("127.0.0.1:9/medici/no-such-image:1")


def test_a_build_makes_an_image_that_runs_its_command(harness):
    tag = f"medici/run-image:{harness.prefix}"
    command = '["hello"]' if isinstance(harness.engine, FakeEngine) else '["sh", "-c", "echo hello; cp /in/* /out"]'
    context = one_file("Dockerfile", f"FROM {IMAGE}\nCMD {command}\n".encode())
    order = BuildOrder(tag, 60, 512 * 1024**2, 1, {"medici.run-image": "1"})
    try:
        image_id = harness.engine.build(context, order, harness.log.extend)
        image = harness.engine.image(tag)
        assert image is not None
        assert image.image_id == image_id
        assert tag in [name for one in harness.engine.images("medici.run-image") for name in one.tags]
    finally:
        harness.engine.remove_image(tag)
    assert harness.engine.image(tag) is None
    assert harness.log.startswith(b"Step 1/")


def test_an_image_whose_tag_was_given_to_a_newer_one_has_none(harness):
    tag = f"medici/run-image:{harness.prefix}"
    order = BuildOrder(tag, 60, 512 * 1024**2, 1, {"medici.run-image": harness.prefix})
    contexts = [one_file("Dockerfile", f'FROM {IMAGE}\nCMD ["{word}"]\n'.encode()) for word in ("old", "new")]
    older, newer = [harness.engine.build(context, order, harness.log.extend) for context in contexts]
    try:
        listed = {one.image_id: one.tags for one in harness.engine.images(f"medici.run-image={harness.prefix}")}
        assert (listed.get(older, ()), listed[newer]) == ((), (tag,))
    finally:
        harness.engine.remove_image(tag)
        harness.engine.remove_image(older)
        harness.engine.remove_image(older)  # no error


def test_an_image_says_its_labels_and_volumes(harness):
    tag = f"medici/run-image:{harness.prefix}"
    order = BuildOrder(tag, 60, 512 * 1024**2, 1, {"medici.run-image": "1"})
    context = one_file("Dockerfile", f"FROM {IMAGE}\nVOLUME /b /a\n".encode())
    try:
        harness.engine.build(context, order, harness.log.extend)
        image = harness.engine.image(tag)
        assert set(image.volumes) == {"/a", "/b"}
        assert image.labels["medici.run-image"] == "1"
        (listed,) = [one for one in harness.engine.images("medici.run-image") if tag in one.tags]
        assert listed.labels["medici.run-image"] == "1"
    finally:
        harness.engine.remove_image(tag)


def saved_image(
    mark: str, *, tags: list[str] | None = None, layer: bytes = b"", inner: dict[str, object] | None = None, **more: str
) -> list[bytes]:
    """A saved image of one small layer, as the platform writes it."""
    layer = layer or b"".join(one_file("mark.txt", mark.encode()))
    digest = hashlib.sha256(layer).hexdigest()
    said = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["hello"], "User": "1000", "Volumes": {"/data": {}}, **(inner or {})},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        **more,
    }
    config = json.dumps(said).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": tags, "Layers": [f"{digest}.tar"]}]).encode()
    parts = [*tar_file("manifest.json", manifest), *tar_file(name, config), *tar_file(f"{digest}.tar", layer)]
    return [*parts, tar_end()]


def test_a_saved_image_is_loaded_and_named(harness):
    image_id = harness.engine.load(saved_image(harness.prefix))
    try:
        image = harness.engine.image(image_id)
        assert (image.image_id, image.tags, image.digests) == (image_id, (), ())
        assert (image.user, image.volumes, image.architecture) == ("1000", ("/data",), "amd64")
        assert harness.engine.describe().architecture == "amd64"
        names = [f"medici/run-image:{harness.prefix}-{number}" for number in (1, 2)]
        for name in names:
            harness.engine.tag(image_id, name)
        found = harness.engine.images_named(f"medici/run-image:{harness.prefix}-*")
        assert sorted(tag for one in found for tag in one.tags) == names
        assert {one.image_id for one in found} == {image_id}
        assert harness.engine.images_named(f"medici/run-image:{harness.prefix}-3*") == []
        harness.engine.remove_image(names[0])
        assert harness.engine.image(image_id).tags == (names[1],)
    finally:
        for name in names:
            harness.engine.remove_image(name)
    assert harness.engine.image(image_id) is None


def test_a_saved_image_that_brings_a_name_is_refused(harness):
    name = f"medici/run-image:{harness.prefix}-own"
    try:
        with pytest.raises(EngineError, match=f"^The saved image brought a name along: {name}\\.$"):
            harness.engine.load(saved_image(harness.prefix, tags=[name]))
    finally:
        harness.engine.remove_image(name)


@contextlib.contextmanager
def loaded(harness: Harness, **said: object) -> Iterator[str]:
    """The id of a saved image that says this of itself."""
    name = f"medici/run-image:{harness.prefix}"
    image_id = harness.engine.load(saved_image(harness.prefix, **said))
    harness.engine.tag(image_id, name)
    try:
        yield image_id
    finally:
        harness.engine.remove_image(name)


@pytest.mark.parametrize("year", ["0000", "0001", "9999"])
def test_an_image_may_say_that_it_was_made_at_any_time(harness, year):
    with loaded(harness, created=f"{year}-01-01T00:00:00Z") as image_id:
        assert harness.engine.image(image_id).image_id == image_id
        assert [one.image_id for one in harness.engine.images_named(f"medici/run-image:{harness.prefix}*")] == [
            image_id
        ]


@pytest.mark.slow
@pytest.mark.parametrize("inner", [{"WorkingDir": "/mark.txt"}, {"Env": ["=x"]}], ids=["a folder", "a variable"])
def test_an_image_that_cannot_be_entered_is_its_authors_fault(inner):
    harness = Harness(DockerEngine(), f"medici-contract-{uuid.uuid4().hex[:8]}", bytearray())
    with loaded(harness, inner=inner) as image_id, pytest.raises(StartRefused):
        harness.engine.start(replace(harness.plan(None), image=image_id), harness.log.extend)
    assert harness.engine.containers({"medici.worker": harness.prefix}) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "number"),
    [
        (b"".join(one_file("etc/passwd", b"me:x:1000:1000::/:/bin/sh\n")), 1000),
        (b"".join(one_file("etc/passwd", b"me:x:1000:1000::/:/bin/sh\n" + b"#" * 2 * 1024**2)), None),
        (b"".join([tar_folder("etc/passwd"), *one_file("etc/passwd/x", b"me:x:1000:1000::/:/bin/sh\n")]), None),
        (b"".join(one_file("mark.txt", b"")), None),
    ],
    ids=["list", "large", "folder", "none"],
)
def test_a_named_user_is_looked_up_in_what_can_be_a_list_of_users(layer, number):
    harness = Harness(DockerEngine(), f"medici-contract-{uuid.uuid4().hex[:8]}", bytearray())
    with loaded(harness, layer=layer, inner={"User": "me", "WorkingDir": "/etc/passwd"}) as image_id:
        assert harness.engine.user_id(image_id, "me") == number


def test_what_is_no_saved_image_is_not_loaded(harness):
    with pytest.raises(ImageBroken):
        harness.engine.load(one_file("manifest.json", b'[{"Config": "x.json", "RepoTags": null, "Layers": []}]'))


def test_a_build_that_fails(harness):
    context = one_file("Dockerfile", f"FROM {IMAGE}\nRUN false\n".encode())
    order = BuildOrder(f"medici/run-image:{harness.prefix}", 60, 512 * 1024**2, 1)
    with pytest.raises(BuildBroken, match="returned a non-zero code: 1"):
        harness.engine.build(context, order, harness.log.extend)
    assert harness.engine.image(order.tag) is None


@pytest.mark.slow
def test_looking_up_a_user_fills_no_volume(monkeypatch):
    """An engine copies what the image has there into those that it declares, once for each that lies in another."""
    harness = Harness(DockerEngine(), f"medici-contract-{uuid.uuid4().hex[:8]}", bytearray())
    passwd = one_file("etc/passwd", b"me:x:1000:1000::/:/bin/sh\n")
    layer = b"".join([*passwd[:-1], *one_file("mnt/out/1/big", b"0" * 1024**2)])
    volumes = {"/mnt/out": {}, "/mnt/out/1": {}}
    seen = []

    def look(api, probe, path):
        seen.append(api.inspect_container(probe))
        places = [Path(mount["Source"]) for mount in seen[0]["Mounts"]]
        seen.extend(sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) for place in places)
        return single_file(api, probe, path)

    single_file = docker_users._single_file
    monkeypatch.setattr(docker_users, "_single_file", look)
    with loaded(harness, layer=layer, inner={"User": "me", "Volumes": volumes}) as image_id:
        assert harness.engine.user_id(image_id, "me") == 1000
    probe, *sizes = seen
    assert sizes == [0, 0]
    assert int(probe["Config"]["Labels"]["medici.until"]) > time.time()
    assert [one for one in harness.engine.containers({}) if one.name == probe["Name"].lstrip("/")] == []
