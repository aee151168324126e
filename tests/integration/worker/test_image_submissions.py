"""Saved images as submissions, in a real engine: saved by `docker save`, checked, loaded, run, removed."""

import gzip
import hashlib
import lzma
import uuid
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from medici_bundles.image_archives import SavedImage, repack_image
from medici_worker.janitor import images_over
from medici_worker.protocol import BuildPolicy, FailureKind, FileRef, FileRole, SubmissionKind
from medici_worker.run import execute
from tests.factories.worker import IMAGE, RecordingHost, RunMaker, python_program
from tests.integration.worker.conftest import SMALL
from tests.unit.bundles.saved_images import LAYERS, config, legacy, saved_image

pytestmark = pytest.mark.slow

BASE = "medici/base:latest"
"""Small: saving and packing it takes a moment."""
NOT_TO_BE_HAD = (
    "The image {} is not on the worker, and could not be fetched: check its name and digest, and that the worker may "
    "read it without signing in."
)
COPY = """FROM {base}
RUN echo {mark} > /mark
CMD ["sh", "-c", "cat /mark > /mnt/out/mark; cp /mnt/in/x.csv /mnt/out/"]
"""


@pytest.fixture
def saved(docker_engine: docker.DockerClient, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Build an image, save it by name, and remove it: what a participant does at home."""

    def save(dockerfile: str) -> tuple[Path, str]:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / "Dockerfile").write_text(dockerfile)
        name = f"medici-test-saved:{uuid.uuid4().hex[:12]}"
        image, _ = docker_engine.images.build(path=str(folder), tag=name, rm=True)
        path = folder / "image.tar"
        with path.open("wb") as file:
            file.writelines(image.save(named=name))
        docker_engine.images.remove(name)
        return path, str(image.id)

    return save


def submitted(
    make: RunMaker, path: Path, *, policy: BuildPolicy | None = None
) -> tuple[Callable[..., tuple], SavedImage]:
    """A run of what the platform makes of an upload."""
    package = path.with_name(f"{path.name}.package")
    image = repack_image(path, package)
    make.archives.by_sha256[image.sha256] = package
    submission = FileRef(role=FileRole.SUBMISSION, sha256=image.sha256, size_bytes=image.size_bytes)

    def run(site) -> tuple:
        spec = make.results({"x": "1"}, limits=SMALL, scoring_limits=SMALL, build=policy or BuildPolicy())
        host: RecordingHost = make.host(python_program())
        changed = spec.model_copy(update={"kind": SubmissionKind.IMAGE, "submission": submission})
        return execute(changed, host, site), host

    return run, image


def test_a_saved_image_runs_however_it_was_compressed(saved, make, site, engine):
    mark = uuid.uuid4().hex
    path, image_id = saved(COPY.format(base=BASE, mark=mark))
    packed = {".gz": gzip.compress(path.read_bytes(), 1), ".xz": lzma.compress(path.read_bytes(), preset=0)}
    paths = [path]
    for suffix, content in packed.items():
        paths.append(path.with_suffix(suffix))
        paths[-1].write_bytes(content)
    assert engine.image(image_id) is None
    images = []
    for number, one in enumerate(paths):
        run, image = submitted(make, one)
        images.append(image)
        report, host = run(site)
        assert (report.failure, report.image_digest) == (None, image_id), report
        assert host.outputs == {"mark": f"{mark}\n".encode(), "x.csv": b"file,class\n"}
        assert (FileRole.SUBMISSION in host.fetched) is (number == 0)
    assert images[0] == images[1] == images[2]
    over = images_over(engine, site.worker, 0)
    loaded = engine.image(image_id)
    assert set(loaded.tags) <= set(over)
    for name in loaded.tags:
        engine.remove_image(name)
    assert engine.image(image_id) is None


def test_a_saved_image_replaces_no_curated_one(docker_engine, make, site, engine, tmp_path):
    """Somebody sends medici/python itself, with its name."""
    before = engine.image(IMAGE)
    path = tmp_path / "python.tar"
    with path.open("wb") as file:
        file.writelines(docker_engine.images.get(IMAGE).save(named=IMAGE))
    run, image = submitted(make, path)
    report, _ = run(site)
    assert image.config_digest == before.image_id
    assert report.image_digest == before.image_id
    assert engine.image(IMAGE) == before
    assert before.image_id not in {engine.image(name).image_id for name in images_over(engine, site.worker, 0)}


def test_a_volume_of_a_saved_image_is_refused(saved, make, site, engine):
    path, image_id = saved(f'FROM {IMAGE}\nVOLUME /data\nLABEL mark={uuid.uuid4().hex}\nCMD ["true"]\n')
    report, _ = submitted(make, path)[0](site)
    assert report.failure is FailureKind.IMAGE_REFUSED
    assert "declares a volume at '/data'" in report.public_detail
    for name in engine.image(image_id).tags:
        engine.remove_image(name)


@pytest.mark.parametrize(("user", "uid"), [("1234", "1234"), ("root", "65534"), ("0:0", "65534")])
def test_a_saved_image_runs_as_nobody_important(user, uid, saved, make, site, engine):
    mark = uuid.uuid4().hex
    dockerfile = f'FROM {IMAGE}\nLABEL m={mark}\nUSER {user}\nCMD ["sh", "-c", "id -u > /mnt/out/uid"]\n'
    path, image_id = saved(dockerfile)
    report, host = submitted(make, path)[0](site)
    assert report.failure is None, report
    assert host.outputs == {"uid": f"{uid}\n".encode()}
    for name in engine.image(image_id).tags:
        engine.remove_image(name)


def test_an_image_for_other_machines_is_refused(make, site, tmp_path):
    run, _ = submitted(make, saved_image(tmp_path, legacy(LAYERS, config(LAYERS, architecture="arm64"))))
    report, _ = run(site)
    assert (report.failure, report.public_detail) == (
        FailureKind.IMAGE_REFUSED,
        "The image was built for arm64, and workers are amd64: build it with --platform linux/amd64.",
    )


def test_a_reference_that_is_not_to_be_had_is_refused(make, site):
    reference = f"127.0.0.1:9/team/model@sha256:{hashlib.sha256(b'').hexdigest()}"
    spec = make.results({"x": "1"}, limits=SMALL, scoring_limits=SMALL)
    spec = spec.model_copy(update={"kind": SubmissionKind.IMAGE, "image_reference": reference})
    report = execute(spec, make.host(python_program()), site)
    assert (report.failure, report.public_detail) == (
        FailureKind.IMAGE_REFUSED,
        NOT_TO_BE_HAD.format(reference),
    )
