"""Names of images, as Docker reads them, against what an organizer allows."""

import pytest

from medici_platform.errors import InvalidRequest
from medici_platform.submissions.references import ImageNotAllowed, parse_reference, require_allowed, require_registry

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("python", "docker.io/library/python"),
        ("python:3.11", "docker.io/library/python"),
        ("team/model", "docker.io/team/model"),
        ("docker.io/python", "docker.io/library/python"),
        ("index.docker.io/team/model", "docker.io/team/model"),
        ("ghcr.io/team/deep/model:v1", "ghcr.io/team/deep/model"),
        ("localhost/model", "localhost/model"),
        ("registry:5000/model", "registry:5000/model"),
        ("hospital.local:5000/a/b", "hospital.local:5000/a/b"),
    ],
)
def test_a_name_is_read_as_docker_reads_it(name, read):
    assert str(parse_reference(f" {name}@{DIGEST}\n")) == f"{read}@{DIGEST}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "python",
        "python:3.11",
        "python@sha256:abc",
        f"python@md5:{'a' * 64}",
        f"Python@{DIGEST}",
        f"-python@{DIGEST}",
        f"ghcr.io/@{DIGEST}",
        f"/model@{DIGEST}",
        f"a//b@{DIGEST}",
        f"team/../model@{DIGEST}",
        f"https://ghcr.io/model@{DIGEST}",
        f"model@{DIGEST}@{DIGEST}",
        f"{'a' * 300}@{DIGEST}",
    ],
)
def test_anything_else_is_no_image(text):
    with pytest.raises(InvalidRequest):
        parse_reference(text)


def allows(pattern, name):
    try:
        require_allowed(parse_reference(f"{name}@{DIGEST}"), [pattern], phase="Final")
    except ImageNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    ("pattern", "name", "allowed"),
    [
        ("python", "python:3.11", True),
        ("python", "docker.io/library/python", True),
        ("python", "team/python", False),
        ("python:3.*", "python:3.11", True),
        ("python:3.*", "python", False),
        ("team/*", "team/model", True),
        ("team/*", "ghcr.io/team/model", False),
        ("ghcr.io/team/*", "ghcr.io/team/deep/model", True),
        ("ghcr.io/*", "ghcr.io.attacker.example/model", False),
        ("ghcr.io*/team", "ghcr.io.attacker.example/team", True),
        ("*/team/*", "quay.io/team/model", True),
        ("*", "quay.io/any/thing", True),
        (f"ghcr.io/team/model@{DIGEST}", "ghcr.io/team/model", True),
        (f"ghcr.io/team/model@sha256:{'b' * 64}", "ghcr.io/team/model", False),
    ],
)
def test_patterns(pattern, name, allowed):
    assert allows(pattern, name) is allowed


def named(registry, allowed=()):
    try:
        require_registry(parse_reference(f"{registry}/x@{DIGEST}"), allowed)
    except ImageNotAllowed as refused:
        return refused.message
    return ""


@pytest.mark.parametrize("registry", ["ghcr.io", "docker.io", "registry-1.docker.io", "quay.io", "nvcr.io", "a.b.org"])
def test_registries_with_a_public_name_may_be_asked(registry):
    assert named(registry) == ""


@pytest.mark.parametrize(
    "registry",
    [
        *("169.254.169.254", "10.0.0.5", "127.0.0.1:5000", "2130706433:80", "a.127"),
        *("localhost", "localhost:5000", "redis:6379", "web:8000", "ghcr.io:22"),
        *("metadata.google.internal", "registry.hospital.local", "printer.lan"),
    ],
)
def test_machines_of_the_operators_network_may_not(registry):
    assert named(registry) == (
        f"Images of the registry {registry} cannot be named here, only those of registries with a public name."
    )


def test_the_operators_list_is_all_there_is():
    allowed = ["ghcr.io", "registry.hospital.local:5000", "*.azurecr.io"]
    assert [named(registry, allowed) for registry in ("ghcr.io", "registry.hospital.local:5000", "us.azurecr.io")] == [
        "",
        "",
        "",
    ]
    assert named("docker.io", allowed) == (
        "Images of the registry docker.io cannot be named here, only those of ghcr.io or registry.hospital.local:5000 "
        "or *.azurecr.io."
    )
    assert named("registry.hospital.local:22", allowed) != ""
