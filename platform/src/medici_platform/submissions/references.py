"""Names of images made elsewhere: read as Docker reads them, and compared with what an organizer allows. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from medici_platform.errors import InvalidRequest, NotAllowed

DOCKER_HUB = "docker.io"
LONGEST_REFERENCE = 300

_OWN_NETWORKS = frozenset(
    {"alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost"}
    | {"onion", "private", "test"}
)
"""Ends of names that no public registry has."""
_REGISTRY = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?::\d{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ImageNotAllowed(NotAllowed):
    code = "image_not_allowed"


@dataclass(frozen=True)
class ImageReference:
    """`python:3.11@sha256:…` is registry docker.io, path library/python, tag 3.11, and the digest."""

    registry: str
    path: str
    tag: str
    digest: str

    def __str__(self) -> str:
        """Without the tag, which says nothing beside a digest."""
        return f"{self.registry}/{self.path}@{self.digest}"

    @property
    def name(self) -> str:
        return f"{self.registry}/{self.path}"


def parse_reference(text: str) -> ImageReference:
    """Raises InvalidRequest for anything but an image's name with its digest."""
    name, _, digest = text.strip().partition("@")
    if not _DIGEST.fullmatch(digest):
        raise InvalidRequest(
            f"The image {_shown(text)} must be named with its digest, as in registry/name@sha256:… "
            "(`docker image inspect` shows it, `docker push` prints it): a tag alone may mean another image tomorrow.",
            code="image_without_digest",
        )
    registry, path, tag = _split(name)
    if not (_REGISTRY.fullmatch(registry) and _PATH.fullmatch(path) and (not tag or _TAG.fullmatch(tag))):
        raise InvalidRequest(f"{_shown(text)} is not the name of an image.", code="bad_image_name")
    reference = ImageReference(registry, path, tag, digest)
    if len(str(reference)) > LONGEST_REFERENCE:
        raise InvalidRequest(f"The image's name is longer than {LONGEST_REFERENCE} characters.", code="bad_image_name")
    return reference


def require_registry(reference: ImageReference, registries: Sequence[str]) -> None:
    """Whatever a phase allows: a worker asks no machine of the operator's own network because a participant names it.

    `registries`: those that the operator allows, with `*`; empty: every one with a public name.
    """
    registry = reference.registry
    if registries and any(fnmatchcase(registry, allowed) for allowed in registries):
        return
    if registries or not _has_public_name(registry):
        what = " or ".join(registries) or "registries with a public name"
        raise ImageNotAllowed(f"Images of the registry {registry} cannot be named here, only those of {what}.")


def _has_public_name(registry: str) -> bool:
    """No address, no port, and a name as the internet has them."""
    *_, last = labels = registry.split(".")
    return len(labels) > 1 and last.isalpha() and last not in _OWN_NETWORKS and ":" not in registry


def require_allowed(reference: ImageReference, patterns: Sequence[str], *, phase: str) -> None:
    if not patterns:
        raise ImageNotAllowed(
            f"The phase {phase!r} takes no images by reference: upload the image itself, as `docker save` writes it."
        )
    if not is_allowed(reference, patterns):
        raise ImageNotAllowed(
            f"The image {reference.name} is not one that the phase {phase!r} allows: its name must match "
            f"{' or '.join(patterns)}."
        )


def is_allowed(reference: ImageReference, patterns: Sequence[str]) -> bool:
    return any(_is_allowed(reference, pattern) for pattern in patterns)


def _is_allowed(reference: ImageReference, pattern: str) -> bool:
    """Registry and path are compared apart: no star reaches from one into the other."""
    if pattern == "*":
        return True
    name, _, digest = pattern.partition("@")
    registry, path, tag = _split(name)
    return (
        fnmatchcase(reference.registry, registry)
        and fnmatchcase(reference.path, path)
        and (not tag or fnmatchcase(reference.tag, tag))
        and (not digest or fnmatchcase(reference.digest, digest))
    )


def _split(name: str) -> tuple[str, str, str]:
    """Registry, path and tag. As Docker does: a name without a registry, or without a user, is the public one's."""
    first, slash, rest = name.partition("/")
    is_registry = bool(slash) and (first == "localhost" or any(mark in first for mark in ".:*[?"))
    registry, path = (first, rest) if is_registry else (DOCKER_HUB, name)
    folder, slash, last = path.rpartition("/")
    last, _, tag = last.partition(":")
    path = f"{folder}{slash}{last}"
    if registry == f"index.{DOCKER_HUB}":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return registry, path, tag


def _shown(text: str) -> str:
    return repr(text.strip()[:120])
