"""Outputs beyond the limit are their participant's fault, wherever that is found out: a fault of ours is free."""

import httpx
import pytest

from medici_worker.client import PlatformClient
from medici_worker.containers.docker_engine import _bind
from medici_worker.containers.docker_errors import is_place_taken
from medici_worker.containers.engine import Mount, PlaceTaken
from medici_worker.containers.interrupt import Interrupt
from medici_worker.host import HostFindsTooLarge
from medici_worker.protocol import Claim, FailureKind, FileRole
from medici_worker.run import execute
from tests.unit.worker.conftest import LIMITS, SCORE, container


def test_outputs_that_the_platform_finds_too_large(engine, site, make):
    host = make.host(SCORE)

    def refuse(archive, sha256):
        raise HostFindsTooLarge("PUT /outputs was answered 413: The file has more than 1 bytes.")

    host.save_outputs = refuse
    report = execute(container(make), host, site)
    assert (report.failure, report.may_pass) == (FailureKind.OUTPUT_LIMIT, False)
    assert report.public_detail == "The limit is 0 MiB and 10000 files."
    assert report.private_detail == "PUT /outputs was answered 413: The file has more than 1 bytes."


def test_413_is_what_the_platform_finds_too_large(site, make, tmp_path):
    client = PlatformClient("http://platform.invalid", "credential", retry_s=0)
    client._http = httpx.Client(
        base_url="http://platform.invalid", transport=httpx.MockTransport(lambda _: httpx.Response(413))
    )
    archive = tmp_path / "outputs.zip"
    archive.write_bytes(b"zip")
    host = client.attempt(Claim(spec=container(make), token="t", lease_s=60, heartbeat_s=10), Interrupt())
    with pytest.raises(HostFindsTooLarge, match=r"PUT /runs/1/outputs was answered 413"):
        host.save_outputs(archive, "0" * 64)
    client.close()


@pytest.mark.parametrize(("limit_bytes", "failure"), [(6, None), (5, FailureKind.OUTPUT_LIMIT)])
def test_kept_outputs_are_laid_out_within_the_limit_alone(site, make, limit_bytes, failure):
    outputs = make.archives.ref(FileRole.OUTPUTS, {"a": "123", "b": "456"})
    limits = LIMITS.model_copy(update={"output_bytes": limit_bytes})
    report = execute(container(make, outputs=outputs, limits=limits), make.host(SCORE), site)
    assert report.failure == failure


@pytest.mark.parametrize(
    "said",
    [
        'error mounting "/v/_data" to rootfs at "/mnt/out": mount /v/_data:/mnt/out: not a directory: unknown',
        'error mounting "/v/_data" to rootfs at "/mnt/in": SecureJoin /r//mnt/in: too many levels of symbolic links',
    ],
)
def test_a_file_where_a_folder_is_mounted_is_its_participants_to_mend(engine, site, make, monkeypatch, said):
    start = engine.start

    def refuse(plan, on_log):
        if plan.name.endswith("inference"):
            assert is_place_taken(f"failed to create shim task: OCI runtime create failed: {said}")
            raise PlaceTaken(said)
        return start(plan, on_log)

    monkeypatch.setattr(engine, "start", refuse)
    report = execute(container(make), make.host(SCORE), site)
    assert (report.failure, report.private_detail) == (FailureKind.RUN_FAILED, said)
    assert report.public_detail == (
        "Its image has a file or a link where a folder is mounted: /mnt/in, /mnt/out and /tmp must be folders, or not "
        "there."
    )


def test_a_mount_that_fails_for_lack_of_room_is_nobodys_place():
    assert not is_place_taken('error mounting "/v/_data" to rootfs at "/mnt/out": no space left on device')


def test_nothing_of_an_image_is_copied_into_a_volume():
    assert [_bind(Mount("v", "/mnt/in")), _bind(Mount("v", "/mnt/out", read_only=False))] == [
        "v:/mnt/in:ro,nocopy",
        "v:/mnt/out:rw,nocopy",
    ]
