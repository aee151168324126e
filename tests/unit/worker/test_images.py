"""Images by name, by pin, by reference and from archives, on the fake engine."""

import hashlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.build_index import IndexDoor, IndexRules
from medici_worker.containers.build_policy import check, pin_of, pinned_name
from medici_worker.containers.builds import Builder, DockerfileNotes
from medici_worker.containers.disk import Disk
from medici_worker.containers.engine import EngineError, Image, ImageBroken, ImageUnavailable
from medici_worker.containers.fake_engine import FakeEngine
from medici_worker.containers.finding import ImageNotAsPinned, find_image, is_run_image
from medici_worker.containers.foreign_images import named_at, owner_key
from medici_worker.containers.image_uses import ImageUses
from medici_worker.images.recipes import INPUTS_LABEL
from medici_worker.janitor import images_over
from medici_worker.outcome import RunFailure
from medici_worker.protocol import BuildPolicy, FailureKind
from tests.factories.worker import make_zip

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"
REFERENCE = f"registry.example/team/model@{DIGEST}"
PYTHON = f"sha256:{hashlib.sha256(b'medici/python:latest').hexdigest()}"
POLICY = BuildPolicy(image_map={"codalab/codalab-legacy*": "medici/codalab:latest"})
LOG: list[bytes] = []
NOT_TO_BE_HAD = (
    f"The image {REFERENCE} is not on the worker, and could not be fetched: check its name and digest, and that the "
    "worker may read it without signing in."
)


def builder(engine: FakeEngine, folder: Path, *, disk: Disk | None = None) -> Builder:
    uses = ImageUses(folder / "uses")
    door = IndexDoor(engine, IndexRules(), image="medici/python:latest", worker="w1", engine_cpus=2)
    return Builder(engine, DockerfileNotes(folder / "notes"), uses, door, engine_cpus=2, worker="w1", disk=disk)


def saved(folder: Path, *, tags: list[str] | None = None, **said: object) -> Path:
    """A saved image as the platform hands it out."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["predict"]}, **said}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": tags, "Layers": [f"{HEX}.tar"]}]).encode()
    path = folder / "image.tar"
    parts = [*tar_file("manifest.json", manifest), *tar_file(name, config), *tar_file(f"{HEX}.tar", b""), tar_end()]
    path.write_bytes(b"".join(parts))
    return path


def image_id(path: Path) -> str:
    with tarfile.open(path) as tar:
        return f"sha256:{tar.getnames()[1].removesuffix('.json')}"


@pytest.mark.parametrize(
    ("image", "identity"),
    [
        (Image("sha256:1"), "sha256:1"),
        (Image("sha256:1", digests=("a@sha256:2",)), "a@sha256:2"),
        (Image("sha256:1", tags=("medici/python:latest",), labels={INPUTS_LABEL: "f"}), "recipe:f"),
        (Image("sha256:1", tags=("mine:1",), labels={INPUTS_LABEL: "f"}), "sha256:1"),
        (Image("sha256:1", tags=("medici/mine:latest",), labels={INPUTS_LABEL: "f"}), "sha256:1"),
    ],
)
def test_what_an_image_is_known_by(image, identity):
    assert image.identity == identity
    assert image.is_pinned_by(identity)
    assert image.is_pinned_by("sha256:1")
    assert not image.is_pinned_by("sha256:9")


def test_a_digest_counts_from_any_registry():
    image = Image("sha256:1", digests=(f"a/b@{DIGEST}",))
    assert image.is_pinned_by(f"mirror/b@{DIGEST}")


@pytest.mark.parametrize(
    ("name", "pins", "pin", "asked"),
    [
        ("python:3.11", {"python:3.11": f"python@{DIGEST}"}, f"python@{DIGEST}", f"python@{DIGEST}"),
        ("docker.io/library/python:3.11", {"python:3.11": "sha256:1"}, "sha256:1", "docker.io/library/python:3.11"),
        ("medici/codalab", {"medici/codalab:latest": "recipe:f"}, "recipe:f", "medici/codalab"),
        ("h:5000/a", {"h:5000/a:latest": f"h:5000/a@{DIGEST}"}, f"h:5000/a@{DIGEST}", f"h:5000/a@{DIGEST}"),
        ("python:3.12", {"python:3.11": f"python@{DIGEST}"}, None, "python:3.12"),
    ],
)
def test_pins_are_found_however_a_name_is_spelt(name, pins, pin, asked):
    assert (pin_of(name, pins), pinned_name(name, pins)) == (pin, asked)


def test_a_pinned_base_is_built_upon_by_its_digest():
    policy = BuildPolicy(pins={"python:3.11": f"python@{DIGEST}"})
    checked = check("FROM python:3.11 AS a\nCOPY --from=python:3.11 /a /b\n", policy)
    assert checked.text == f"FROM python@{DIGEST} AS a\nCOPY --from=python@{DIGEST} /a /b\n"
    assert [base.image for base in checked.bases] == ["python:3.11", "python:3.11"]


def test_the_image_that_was_pinned_is_used(tmp_path):
    engine = FakeEngine()
    built = builder(engine, tmp_path).local("medici/python", BuildPolicy(pins={"medici/python:latest": PYTHON}))
    assert built.names == {"medici/python:latest": PYTHON}


def test_another_image_than_the_pinned_one_is_the_systems_to_mend():
    policy = BuildPolicy(pins={"medici/python:latest": "recipe:f"})
    with pytest.raises(ImageNotAsPinned) as refusal:
        find_image(FakeEngine(), "medici/python:latest", policy)
    assert str(refusal.value) == (
        "The image medici/python:latest on this worker is not the one that the phase was pinned to (have "
        f"{PYTHON}, pinned recipe:f): load that image here, or let an organizer pin anew."
    )


def test_a_pinned_image_is_pulled_by_its_digest_where_the_tag_has_moved():
    pins = {"python:3.11": f"python@{DIGEST}"}
    engine = FakeEngine(images=["python:3.11"], registry=[f"python@{DIGEST}"])
    with pytest.raises(ImageNotAsPinned):
        find_image(engine, "python:3.11", BuildPolicy(pins=pins, pull="never"))
    assert find_image(engine, "python:3.11", BuildPolicy(pins=pins)).digests == (f"python@{DIGEST}",)
    assert find_image(engine, "python:3.11", BuildPolicy(pins=pins, pull="never")).digests == (f"python@{DIGEST}",)


def test_no_registry_is_asked_for_our_own_names():
    engine = FakeEngine(images=["medici/python:latest"], registry=["medici/other:latest"])
    assert find_image(engine, "medici/python:latest", BuildPolicy(pull="always")).image_id == PYTHON
    with pytest.raises(ImageUnavailable) as refusal:
        find_image(engine, "medici/other:latest", BuildPolicy(pull="always"))
    assert str(refusal.value) == (
        "The image medici/other:latest is not on this engine; no registry has it: make it with `medici images build`, "
        "or load it."
    )


def test_always_takes_no_older_copy():
    with pytest.raises(ImageUnavailable) as refusal:
        find_image(FakeEngine(images=["python:3.11"]), "python:3.11", BuildPolicy(pull="always"))
    assert str(refusal.value) == (
        "The image python:3.11 could not be pulled: there is no registry. The older copy on this engine is not used, "
        "because the pull policy is 'always': with 'missing' it is."
    )
    assert find_image(FakeEngine(images=["python:3.11"]), "python:3.11", BuildPolicy()).tags == ("python:3.11",)


def test_programs_images_are_mapped_too(tmp_path):
    engine = FakeEngine(images=["medici/codalab:latest"])
    built = builder(engine, tmp_path).local("codalab/codalab-legacy:py37", POLICY)
    assert list(built.names) == ["medici/codalab:latest"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image("1", labels={"medici.run-image": "w"}, tags=("medici/python:latest",)), True),
        (Image("1", tags=("medici/run-image:a",)), True),
        (Image("1", tags=("medici/run-image:a", "medici/python:latest")), False),
        (Image("1", tags=("medici/run-image:a",), digests=(f"medici/run-image@{DIGEST}",)), True),
        (Image("1", tags=("medici/run-image:a",), digests=(f"python@{DIGEST}",)), False),
        (Image("1"), False),
    ],
)
def test_which_images_nobody_builds_on(image, expected):
    assert is_run_image(image) is expected


def test_a_saved_image_is_loaded_once_and_runs_by_its_id(tmp_path):
    engine, log, path = FakeEngine(), [], saved(tmp_path, config={"User": "1000", "Volumes": {"/data": {}}})
    first = builder(engine, tmp_path).loaded_image(HEX, lambda: path, POLICY, log.append)
    again = builder(engine, tmp_path).loaded_image(HEX, pytest.fail, POLICY, log.append)
    assert first == again
    assert (first.image_id, first.user, first.volumes, first.names) == (image_id(path), "1000:1000", ("/data",), {})
    assert log == [b"The image has been loaded.\n", b"This image has been loaded before; it is used again.\n"]
    assert is_run_image(engine.image(first.image_id))


def test_nobody_builds_on_a_loaded_image(tmp_path):
    engine = FakeEngine()
    built = builder(engine, tmp_path)
    built.loaded_image(HEX, lambda: saved(tmp_path), POLICY, LOG.append)
    (name,) = engine.images_named("medici/run-image:*")[0].tags
    with pytest.raises(ImageUnavailable):
        built.local(name, POLICY)


def test_a_curated_image_that_is_sent_stays_curated(tmp_path):
    engine, path = FakeEngine(), saved(tmp_path)
    engine.load([path.read_bytes()])
    engine.tag(image_id(path), "medici/torch:latest")
    built = builder(engine, tmp_path)
    assert built.loaded_image(HEX, lambda: path, POLICY, LOG.append).image_id == image_id(path)
    assert engine.images_named("medici/run-image:*") == []
    assert images_over(engine, "w1", 0) == []
    assert built.local("medici/torch", POLICY).image_id == image_id(path)


def test_an_image_that_becomes_curated_later_keeps_that_name(tmp_path):
    engine, path = FakeEngine(), saved(tmp_path)
    built = builder(engine, tmp_path)
    built.loaded_image(HEX, lambda: path, POLICY, LOG.append)
    engine.tag(image_id(path), "medici/torch:latest")
    assert built.local("medici/torch", POLICY).image_id == image_id(path)
    for reference in images_over(engine, "w1", 0):
        engine.remove_image(reference)
    assert engine.image("medici/torch").tags == ("medici/torch:latest",)


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (
            lambda folder: saved(folder, architecture="arm64"),
            FailureKind.IMAGE_REFUSED,
            "The image was built for arm64, and workers are amd64: build it with --platform linux/amd64.",
        ),
        (
            lambda folder: saved(folder, tags=["medici/python:latest"]),
            FailureKind.ARCHIVE_REJECTED,
            "The saved image brings a name along.",
        ),
        (
            lambda folder: _written(folder, b"PK"),
            FailureKind.ARCHIVE_REJECTED,
            "The saved image can't be read: truncated header.",
        ),
        (
            lambda folder: _written(folder, b"".join([*tar_file("repositories", b"{}"), tar_end()])),
            FailureKind.ARCHIVE_REJECTED,
            "The saved image holds 'repositories', which belongs to no image.",
        ),
    ],
)
def test_saved_images_that_are_not_loaded(make: Callable[[Path], Path], kind, sentence, tmp_path):
    engine = FakeEngine()
    with pytest.raises(RunFailure) as failure:
        builder(engine, tmp_path).loaded_image(HEX, lambda: make(tmp_path), POLICY, LOG.append)
    assert failure.value.kind is kind
    assert failure.value.public_detail == sentence
    assert engine.images_named("*") == [replace(engine.image("medici/python"), tags=("medici/python:latest",))]


def test_an_image_that_the_engine_cannot_unpack_is_its_participants_to_mend(tmp_path):
    class Refusing(FakeEngine):
        def load(self, tar, stop=None):  # noqa: ARG002 - as every engine
            raise ImageBroken("Error processing tar file(exit status 1): unhandled tar header type 90")

    with pytest.raises(RunFailure) as failure:
        builder(Refusing(), tmp_path).loaded_image(HEX, lambda: saved(tmp_path), POLICY, LOG.append)
    assert failure.value.kind is FailureKind.ARCHIVE_REJECTED
    assert failure.value.public_detail == (
        "The container engine can't unpack the image: try `docker load` with it on a machine of yours."
    )
    assert failure.value.private_detail == "Error processing tar file(exit status 1): unhandled tar header type 90"


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "image.tar"
    path.write_bytes(content)
    return path


def test_without_room_nothing_is_loaded(tmp_path):
    disk = Disk(tmp_path, reserve_bytes=2**62)
    with pytest.raises(EngineError, match="hardly any room would be left"):
        builder(FakeEngine(), tmp_path, disk=disk).loaded_image(HEX, lambda: saved(tmp_path), POLICY, LOG.append)


def test_without_room_no_base_is_fetched(tmp_path):
    engine = FakeEngine(registry=["python:3.12"])
    archive = make_zip(tmp_path / "submission.zip", {"Dockerfile": "FROM python:3.12\nCMD predict\n"})
    full = builder(engine, tmp_path, disk=Disk(tmp_path, reserve_bytes=2**62))
    with pytest.raises(EngineError, match="hardly any room is left"):
        full.image_for(HEX, lambda: archive, BuildPolicy(), LOG.append)
    assert engine.image("python:3.12") is None


def test_a_referenced_image_is_pulled_and_removed_again(tmp_path):
    engine = FakeEngine(registry=[REFERENCE])
    built = builder(engine, tmp_path)
    first = built.referenced_image(REFERENCE, POLICY, LOG.append)
    assert built.referenced_image(REFERENCE, BuildPolicy(pull="never"), LOG.append) == first
    over = images_over(engine, "w1", 0)
    assert [name.partition(":")[0] for name in over] == ["registry.example/team/model@sha256", "medici/run-image"]
    for reference in over:
        engine.remove_image(reference)
    assert engine.image(first.image_id) is None


def test_a_referenced_image_that_was_here_before_is_not_ours_to_remove(tmp_path):
    engine = FakeEngine(registry=[REFERENCE])
    engine.pull(REFERENCE)
    builder(engine, tmp_path).referenced_image(REFERENCE, POLICY, LOG.append)
    assert images_over(engine, "w1", 0) == []


@pytest.mark.parametrize(
    ("reference", "policy", "sentence"),
    [
        (
            REFERENCE,
            POLICY,
            NOT_TO_BE_HAD,
        ),
        (
            "python:3.11",
            POLICY,
            "The image has to be named with its digest: registry/name@sha256:…",
        ),
        (
            f"-x@{DIGEST}",
            POLICY,
            "The image has to be named with its digest: registry/name@sha256:…",
        ),
    ],
)
def test_references_that_are_refused(reference, policy, sentence, tmp_path):
    with pytest.raises(RunFailure) as failure:
        builder(FakeEngine(), tmp_path).referenced_image(reference, policy, LOG.append)
    assert (failure.value.kind, failure.value.public_detail) == (FailureKind.IMAGE_REFUSED, sentence)


def test_the_longest_loaded_images_go_first(tmp_path):
    engine = FakeEngine()
    engine.load([saved(tmp_path).read_bytes()])
    names = [f"medici/run-image:{owner_key('w1')}-{at:x}-{HEX[:32]}" for at in (300, 100, 200)]
    for name in [*names, f"medici/run-image:{owner_key('w2')}-1-{HEX[:32]}"]:
        engine.tag(image_id(tmp_path / "image.tar"), name)
    assert [named_at(name).timestamp() for name in images_over(engine, "w1", 1)] == [200, 100]
